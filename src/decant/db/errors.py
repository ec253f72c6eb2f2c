"""A database that cannot answer now, told apart from a statement that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from decant.errors import Unavailable

Reason = Literal["unreachable", "locked", "conflict", "read-only", "full", "busy", "damaged"]


class DatabaseUnavailable(Unavailable):
    """A module's database cannot do its work now: HTTP 503, and a new try may succeed.

    Attributes:
        module: Whose database it is.
        reason: ``unreachable``, ``locked`` (waited and gave up), ``conflict`` (deadlock or serialization
            failure: the transaction was rolled back), ``read-only``, ``full``, ``busy`` (no free
            connection in the pool) or ``damaged``.
    """

    code = "database-unavailable"
    title = "Database unavailable"

    def __init__(self, module: str, reason: Reason, *, may_have_run: bool = False) -> None:
        super().__init__(
            f"The database of module {module} {_SENTENCES[reason]}.",
            operation=module,
            may_have_run=may_have_run,
            hint=_HINTS.get(reason),
        )
        self.module = module
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.module, self.reason, self.may_have_run)


def _rebuild(module: str, reason: Reason, may_have_run: bool) -> DatabaseUnavailable:
    return DatabaseUnavailable(module, reason, may_have_run=may_have_run)


_SENTENCES: Mapping[Reason, str] = {
    "unreachable": "cannot be reached",
    "locked": "is locked by another writer",
    "conflict": "refused the transaction because another one changed the same rows",
    "read-only": "is read-only",
    "full": "has no room left",
    "busy": "has no free connection",
    "damaged": "is damaged or not a database",
}
_HINTS: Mapping[Reason, str] = {
    "unreachable": "Check that the server runs and that the module's DATABASE_URL names it.",
    "locked": "Keep transactions short: end them before calling another module or a network service.",
    "read-only": "Check the rights of the file and its folder, or that the URL names the primary.",
    "full": "Free disk space.",
    "busy": "Look for code that keeps a session open, or raise the pool's size.",
    "damaged": "Restore the file from a backup.",
}
_SQLITE: tuple[tuple[str, Reason], ...] = (
    ("SQLITE_BUSY_SNAPSHOT", "conflict"),
    ("SQLITE_BUSY", "locked"),
    ("SQLITE_LOCKED", "locked"),
    ("SQLITE_READONLY", "read-only"),
    ("SQLITE_FULL", "full"),
    ("SQLITE_CANTOPEN", "unreachable"),
    ("SQLITE_IOERR", "unreachable"),
    ("SQLITE_NOTADB", "damaged"),
    ("SQLITE_CORRUPT", "damaged"),
)
_SQLSTATES: tuple[tuple[str, Reason], ...] = (
    ("40", "conflict"),
    ("55P03", "locked"),
    ("25006", "read-only"),
    ("53100", "full"),
    ("53", "busy"),
    ("08", "unreachable"),
    ("57P", "unreachable"),
    ("XX", "damaged"),
)
_MYSQL: Mapping[int, Reason] = {
    1021: "full",
    1114: "full",
    1040: "busy",
    1203: "busy",
    1205: "locked",
    1213: "conflict",
    1290: "read-only",
    1792: "read-only",
    1836: "read-only",
    1053: "unreachable",
    2002: "unreachable",
    2003: "unreachable",
    2006: "unreachable",
    2013: "unreachable",
}


def unavailable(
    error: BaseException, module: str = "unknown", *, may_have_run: bool = False
) -> DatabaseUnavailable | None:
    """Return the typed error for one of SQLAlchemy's, or None when the statement itself is at fault.

    Args:
        error: What SQLAlchemy raised.
        module: Whose database it is.
        may_have_run: True where it is unknown whether the work was done: a commit without an answer.
    """
    reason = _reason(error)
    return None if reason is None else DatabaseUnavailable(module, reason, may_have_run=may_have_run)


def _reason(error: BaseException) -> Reason | None:
    if isinstance(error, PoolTimeout):
        return "busy"
    if not isinstance(error, DBAPIError):
        return None
    if error.connection_invalidated:
        return "unreachable"
    cause = error.orig
    if name := getattr(cause, "sqlite_errorname", None):
        return _by_prefix(name, _SQLITE)
    if state := getattr(cause, "sqlstate", None):
        return _by_prefix(state, _SQLSTATES)
    number = cause.args[0] if cause is not None and cause.args else None
    if isinstance(number, int):
        return _MYSQL.get(number)
    # psycopg gives a failed connect neither SQLSTATE nor number.
    return "unreachable" if type(cause).__module__.startswith("psycopg") and _is_operational(error) else None


def _is_operational(error: DBAPIError) -> bool:
    return type(error).__name__ in {"OperationalError", "InterfaceError"}


def _by_prefix(text: str, table: tuple[tuple[str, Reason], ...]) -> Reason | None:
    return next((reason for prefix, reason in table if text.startswith(prefix)), None)
