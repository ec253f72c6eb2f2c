"""A database that cannot answer now, told apart from a statement that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from decant.errors import CommandError, SetupError, Unavailable

SHOWN = 200
"""Characters of a statement in a message."""

Reason = Literal["unreachable", "refused", "missing", "locked", "conflict", "read-only", "full", "busy", "damaged"]


class DatabaseUnavailable(Unavailable):
    """A module's database cannot do its work now: HTTP 503, and a new try may succeed.

    Attributes:
        module: Whose database it is.
        reason: ``unreachable``, ``refused`` (the login), ``missing`` (no such database), ``locked`` (waited and gave
            up), ``conflict`` (deadlock or serialization failure: the transaction was rolled back), ``read-only``,
            ``full``, ``busy`` (no free connection in the pool) or ``damaged``.
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
        self.rolled_back = reason == "conflict"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.module, self.reason, self.may_have_run)


def _rebuild(module: str, reason: Reason, may_have_run: bool) -> DatabaseUnavailable:
    return DatabaseUnavailable(module, reason, may_have_run=may_have_run)


class ForeignTableError(SetupError):
    """Strict mode: a module's session was asked for another module's table.

    Attributes:
        module: Whose session it is.
        table: The table.
        owner: Whose table it is.
    """

    code = "foreign-table"
    title = "Another module's table"

    def __init__(self, module: str, table: str, owner: str) -> None:
        super().__init__(
            f"The module {module} uses the table {table}, which belongs to the module {owner}.",
            hint=f"It would be out of reach once they run apart. Ask {owner} through its contract, or keep a copy "
            f"of what {module} needs up to date by events. A table of {module} itself needs another name.",
        )
        self.module = module
        self.table = table
        self.owner = owner

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.module, self.table, self.owner)


class ReadOnlySessionError(SetupError):
    """A module writes through a session that only reads.

    Attributes:
        module: Whose session it is.
        write: The statement, or what was changed, in words.
    """

    code = "read-only-session"
    title = "Writing through a ReadSession"

    def __init__(self, module: str, write: str) -> None:
        super().__init__(
            f"The module {module} writes through a ReadSession: {' '.join(write.split())[:SHOWN]}.",
            hint="Ask for Session in place of ReadSession where you write, or read with with_for_update().",
        )
        self.module = module
        self.write = write

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.module, self.write)


class PendingWritesError(SetupError):
    """Strict mode: a module calls another one while its own writes wait for their commit.

    Attributes:
        module: Whose writes they are.
        operation: What was called.
        place: ``file:line`` of the call.
        pending: The writes, in words.
    """

    code = "pending-writes"
    title = "Call with pending writes"

    def __init__(self, module: str, operation: str, place: str, pending: str) -> None:
        super().__init__(
            f"The module {module} calls {operation} at {place or 'an unknown place'} while its session holds "
            f"uncommitted writes: {pending}.",
            hint="The two can never be one transaction once they run apart. Call first and write then; or "
            "session.commit() before the call; or publish an event, which goes out with the commit.",
        )
        self.module = module
        self.operation = operation
        self.place = place
        self.pending = pending

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.module, self.operation, self.place, self.pending)


class MigrationFailed(CommandError):
    """A revision failed.

    Attributes:
        module: Whose revision it is.
        revision: The revision.
        position: Which of its statements it reached, counted from 1; 0 before the first.
        statement: That statement; None when the failure lies between statements.
        kept: Whether the database keeps the statements before it (MySQL, MariaDB), so that the next run goes on
            after them. Otherwise nothing of the revision is left.
    """

    code = "migration-failed"
    title = "Migration failed"

    def __init__(
        self,
        module: str,
        revision: str,
        direction: str,
        *,
        position: int,
        statement: str | None,
        reason: str,
        kept: bool,
    ) -> None:
        where = f"at its statement {position}, {statement!r}" if statement else f"after its statement {position}"
        left = "Nothing of this revision is left in the database."
        hint = f"Correct the revision and run again: decant db {direction} {module}"
        if kept:
            left = "This database commits each statement by itself: those before it are done, and noted as done."
            hint += ". It goes on there; leave what is done as it is."
        super().__init__(
            f"Revision {revision} of module {module} failed {where}: {reason.strip()}. {left}",
            hint=hint,
        )
        self.module = module
        self.revision = revision
        self.position = position
        self.statement = statement
        self.kept = kept


_SENTENCES: Mapping[Reason, str] = {
    "unreachable": "cannot be reached",
    "refused": "refused the login",
    "missing": "does not exist on its server",
    "locked": "is locked by another writer",
    "conflict": "refused the transaction because another one changed the same rows",
    "read-only": "is read-only",
    "full": "has no room left",
    "busy": "has no free connection",
    "damaged": "is damaged or not a database",
}
_HINTS: Mapping[Reason, str] = {
    "unreachable": "Check that the server runs, or that the file's folder exists, and that the module's DATABASE_URL "
    "names it.",
    "refused": "Check user and password in the module's DATABASE_URL, and what the server allows this user.",
    "missing": "Create it, or correct its name in the module's DATABASE_URL.",
    "locked": "Keep transactions short: end them before calling another module or a network service.",
    "read-only": "Check the rights of the file and its folder, or that the URL names the primary.",
    "full": "Free disk space.",
    "busy": "Look for code that keeps a session open, or raise the pool's size.",
    "damaged": "Restore the file from a backup.",
}
_SILENT: frozenset[Reason] = frozenset({"unreachable", "damaged"})
"""The reasons that leave open what became of a commit; with any other one the database says that it refused."""

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
    ("28", "refused"),
    ("3D000", "missing"),
    ("40003", "unreachable"),  # the outcome of the statement is unknown
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
    1044: "refused",
    1045: "refused",
    1698: "refused",
    1049: "missing",
    1040: "busy",
    1203: "busy",
    1205: "locked",
    1020: "conflict",  # a snapshot is out of date: newer MariaDB says so by default
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
_POSTGRES_SAYS: tuple[tuple[str, Reason], ...] = (
    (r'FATAL: +database ".*" does not exist', "missing"),
    (r"FATAL: .*(authentication failed|role .* (does not exist|is not permitted)|no pg_hba.conf entry)", "refused"),
    (r"no password supplied|FATAL: +permission denied for database", "refused"),
    (r"FATAL: .*(too many (clients|connections)|connection slots are reserved)", "busy"),
)


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
    if reason is None:
        return None
    return DatabaseUnavailable(module, reason, may_have_run=may_have_run and reason in _SILENT)


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
    number = cause.args[0] if cause is not None and cause.args else None
    if isinstance(number, int):  # MySQL's own; its SQLSTATE is mostly HY000, which says nothing
        return _MYSQL.get(number)
    if state := getattr(cause, "sqlstate", None):
        return _by_prefix(state, _SQLSTATES)
    if type(cause).__module__.startswith("psycopg") and _is_operational(error):
        return _of_failed_connect(str(cause))
    return None


def _of_failed_connect(text: str) -> Reason:
    """Return why PostgreSQL lets nobody in, by its words: psycopg gives neither SQLSTATE nor number for it."""
    return next((reason for pattern, reason in _POSTGRES_SAYS if re.search(pattern, text)), "unreachable")


def _is_operational(error: DBAPIError) -> bool:
    return type(error).__name__ in {"OperationalError", "InterfaceError"}


def _by_prefix(text: str, table: tuple[tuple[str, Reason], ...]) -> Reason | None:
    return next((reason for prefix, reason in table if text.startswith(prefix)), None)
