"""Sessions that only read: from a replica where there is one, and from the primary otherwise."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from decant.db.errors import ReadOnlySessionError
from decant.db.transactions import effect_of, locks, on_execute

_READ_ONLY = "decant_read_only"


class ReadSession(Session):
    """A session that only reads; a service asks for it in place of ``Session``, or beside it.

    It reads from the module's replica where ``<MODULE>_DATABASE_REPLICA_URL`` names one, and from the module's
    database otherwise. A replica lags behind, and even without one this session does not see what the call's own
    ``Session`` has not committed: ask ``Session`` for what must be the newest. Writing through it is refused, on a
    replica as on the primary, so that a module works the same with and without.

    Raises:
        ReadOnlySessionError: From whatever writes or locks.

    Thread-safety: it belongs to the call that took it.
    """


def only_reading(engine: Engine) -> Engine:
    """Return an engine on the same pool whose connections refuse to write."""
    return engine.execution_options(**{_READ_ONLY: True})


def refuse_writes_of_readers(engine: Engine, module: str) -> None:
    """Refuse what connections of :func:`only_reading` write; those of the engine itself are left alone."""

    def refuse(_cursor: Any, statement: str, _parameters: Any, context: Any) -> None:
        options = context.root_connection.get_execution_options()
        if _READ_ONLY in options and (effect_of(statement) == "write" or locks(context)):
            raise ReadOnlySessionError(module, statement)

    on_execute(engine, refuse, first=True)


def end_reading(session: Session, succeeded: bool) -> None:
    """End a session's use: there is nothing to commit.

    Raises:
        ReadOnlySessionError: When the call succeeded and leaves objects behind that were never written.
    """
    unwritten = [type(found).__name__ for found in (*session.new, *session.dirty, *session.deleted)]
    session.close()
    if succeeded and unwritten:
        raise ReadOnlySessionError(str(session.info.get("decant.module", "unknown")), f"changes to {unwritten[0]}")


@event.listens_for(ReadSession, "before_flush")
def _refuse_flush(session: Session, *_: object) -> None:
    changed = next(iter((*session.new, *session.deleted, *session.dirty)), None)
    if changed is not None:
        module = str(session.info.get("decant.module", "unknown"))
        raise ReadOnlySessionError(module, f"changes to {type(changed).__name__}")
