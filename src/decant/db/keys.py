"""Idempotency keys in a module's own database."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from sqlalchemy import Insert, bindparam, delete, event, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from decant.db.database import ModuleDatabase
from decant.db.infrastructure import infrastructure_of
from decant.db.transactions import ModuleSession, pending_writes
from decant.idempotency import COMMITTED, Entry
from decant.wiring import Scope

_NOTE = "decant.before-commit"


class DatabaseKeys:
    """A :class:`~decant.idempotency.KeyStore` in the module's table ``<module>_idempotency``.

    Reading and claiming are transactions of their own: each sees what was committed last, on every isolation level.

    Args:
        database: The module's database.

    Thread-safety: share it freely.
    """

    def __init__(self, database: ModuleDatabase) -> None:
        self._database = database
        table = infrastructure_of(database.name).idempotency
        columns = table.c
        here, mine = columns.slot == bindparam("here"), columns.claim == bindparam("mine")
        unanswered, old = columns.answer.is_(None), columns.created_at < bindparam("before")
        self._table = table
        # Made once: SQLAlchemy takes longer to build a statement than to run it.
        self._read = select(*(columns[name] for name in Entry._fields)).where(here)
        self._replace = update(table).where(here, mine)
        self._replace_unanswered = self._replace.where(unanswered)
        self._answer = update(table).where(here, mine).values(answer=bindparam("given"))
        self._release = delete(table).where(here, mine, unanswered)
        self._end_lease = update(table).where(here, mine, columns.answer == COMMITTED).values(lease_until=0.0)
        self._old = select(columns.slot).where(old).order_by(columns.created_at).limit(bindparam("most"))
        self._delete = delete(table).where(columns.slot.in_(bindparam("slots", expanding=True)), old)

    @cached_property
    def _insert(self) -> Insert:
        """An insert that does nothing where the slot is taken: one that fails ends up in the server's log."""
        dialect = self._database.engine.dialect.name
        if dialect == "postgresql":
            return postgresql.insert(self._table).on_conflict_do_nothing()
        if dialect == "sqlite":
            return sqlite.insert(self._table).on_conflict_do_nothing()
        return insert(self._table).prefix_with("IGNORE")

    def read(self, slot: str) -> Entry | None:
        with self._database.transaction() as session:
            row = session.execute(self._read, {"here": slot}).one_or_none()
        return None if row is None else Entry(*row)

    def insert(self, slot: str, entry: Entry) -> bool:
        with self._database.transaction() as session:
            return _count(session, self._insert, slot=slot, **entry._asdict()) == 1

    def replace(self, slot: str, seen: Entry, entry: Entry) -> bool:
        statement = self._replace_unanswered if seen.answer is None else self._replace
        with self._database.transaction() as session:
            return _count(session, statement, here=slot, mine=seen.claim, **entry._asdict()) == 1

    def before_commits(self, scope: Scope, note: Callable[[], None] | None) -> None:
        session = scope.get(Session)
        if note is None:
            _forget_note(session)
        else:
            session.info[_NOTE] = note
            scope.closers.append((_forget_note, session))  # ended before the session, which another call may get then

    def answer(self, scope: Scope, slot: str, claim: str, answer: bytes) -> bool:
        return _count(scope.get(Session), self._answer, here=slot, mine=claim, given=answer) == 1

    def release(self, slot: str, claim: str) -> None:
        with self._database.transaction() as session:
            if not _count(session, self._release, here=slot, mine=claim):
                _count(session, self._end_lease, here=slot, mine=claim)

    def prune(self, before: float, limit: int) -> int:
        with self._database.transaction() as session:
            slots = session.scalars(self._old, {"before": before, "most": limit}).all()
        if slots:  # MySQL takes no LIMIT in a subquery
            with self._database.transaction() as session:
                _count(session, self._delete, slots=slots, before=before)
        return len(slots)


@event.listens_for(ModuleSession, "before_commit")
def _note_effects(session: Session) -> None:
    note = session.info.get(_NOTE)
    if note is not None and not session.in_nested_transaction() and pending_writes(session):
        note()


def _forget_note(session: Session, _succeeded: bool = True) -> None:
    session.info.pop(_NOTE, None)


def _count(session: Session, statement: Any, **values: Any) -> int:
    # Through the connection: the session's own way, for statements on objects, refuses a delete with values.
    session.flush()
    rows: int = session.connection().execute(statement, values).rowcount
    return rows
