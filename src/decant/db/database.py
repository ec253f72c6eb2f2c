"""A module's database: its engine, and sessions that cost next to nothing until they are used."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from decant.db.deadlines import refuse_late_work
from decant.db.engine import MAX_OVERFLOW, POOL_SIZE, engine_for, retire
from decant.db.errors import DatabaseUnavailable, unavailable
from decant.db.gauges import measure_pool
from decant.db.reading import ReadSession, end_reading, only_reading, refuse_writes_of_readers
from decant.db.strict import remember_places, watch_strictly
from decant.db.tables import owner_of_table
from decant.db.transactions import ModuleSession
from decant.db.urls import parse_url

KEPT_SESSIONS = 64


class ModuleDatabase:
    """The database of one module.

    Args:
        name: The module's name.
        url: Its database, as users write it.
        foreign: The names of the workspace's other modules: their tables are not this one's, even where
            they share a database and its name is a part of theirs (``cart``, ``cart_items``).
        strict: Whether statements that name other modules' tables are refused.
        replica_url: Where :class:`~decant.db.ReadSession` reads; the database itself by default.
        engine_options: For :func:`engine_for`.

    Thread-safety: share it freely. A session belongs to the call that took it; it must not be
    used after :meth:`close_session`, when another call may have it. After ``fork`` the child
    makes connections of its own.

    Example:
        >>> database = ModuleDatabase("reviews", "sqlite://")
        >>> with database.transaction() as session:
        ...     session.scalar(text("SELECT 40 + 2"))
        42
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        foreign: Collection[str] = (),
        strict: bool = False,
        replica_url: str | None = None,
        **engine_options: Any,
    ) -> None:
        self.name = name
        self.url = parse_url(url, name)
        self.foreign = frozenset(foreign) - {name}
        self.strict = strict
        self._options = engine_options
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._free: list[Session] = []
        self._label = name
        self._replica: ModuleDatabase | None = None
        if replica_url is not None:
            self._replica = ModuleDatabase(name, replica_url, foreign=foreign, strict=strict, **engine_options)
            self._replica._label = f"{name}-replica"
        _databases.add(self)

    def __repr__(self) -> str:
        return f"ModuleDatabase({self.name!r}, {self.url.render_as_string(hide_password=True)!r})"

    @property
    def engine(self) -> Engine:
        """This process's engine, made when it is first asked for."""
        engine = self._engine
        if engine is None:
            with self._lock:
                engine = self._engine = self._engine or self._new_engine()
        return engine

    def _new_engine(self) -> Engine:
        engine = engine_for(self.url, **self._options)
        limit = self._options.get("pool_size", POOL_SIZE) + self._options.get("max_overflow", MAX_OVERFLOW)
        measure_pool(engine, self._label, limit)
        refuse_late_work(engine, self.name)
        refuse_writes_of_readers(engine, self.name)
        if self.strict:
            watch_strictly(engine, self.name, self.foreign)
        return engine

    def owns(self, table: str) -> bool:
        """Return whether a table is this module's, going by its name."""
        return owner_of_table(table, self.foreign | {self.name}) == self.name

    def unavailable(self, error: BaseException) -> DatabaseUnavailable | None:
        """Return the typed error for one of SQLAlchemy's; None when the statement itself is at fault."""
        return unavailable(error, self.name)

    def session(self) -> Session:
        """Take a session. Nothing is connected before its first statement; give it back with `close_session`."""
        try:
            return self._free.pop()
        except IndexError:
            session = ModuleSession(self.engine, expire_on_commit=False, info={"decant.module": self.name})
            if self.strict:
                remember_places(session)
            return session

    def read_session(self) -> ReadSession:
        """Make a session that only reads, from the replica if there is one; end it with `close_read_session`."""
        engine = only_reading((self._replica or self).engine)
        return ReadSession(engine, expire_on_commit=False, info={"decant.module": self.name})

    def close_read_session(self, session: Session, succeeded: bool) -> None:
        """End a reading session's use.

        Raises:
            ReadOnlySessionError: When objects were changed that it cannot write.
        """
        end_reading(session, succeeded)

    def close_session(self, session: Session, succeeded: bool) -> None:
        """End a session's use: commit when the call succeeded, else roll back; nothing if it was never used.

        Raises:
            DatabaseUnavailable: When the commit fails because the database cannot do it now.
        """
        if session.in_transaction():
            self._finish(session, succeeded)
        elif session.identity_map:  # committed by the user, who left objects behind
            session.close()
        if session.bind is self._engine and len(self._free) < KEPT_SESSIONS:
            self._free.append(session)

    def _finish(self, session: Session, succeeded: bool) -> None:
        try:
            if succeeded:
                session.commit()
        except SQLAlchemyError as error:
            if typed := unavailable(error, self.name, may_have_run=True):
                raise typed from error
            raise
        finally:
            session.close()
            session.info.pop("decant.connection", None)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Run a block in one transaction: committed at its end, rolled back when it raises.

        Raises:
            DatabaseUnavailable: When the database cannot do it now.
        """
        session = self.session()
        try:
            yield session
        except BaseException as error:
            self.close_session(session, False)
            if typed := self.unavailable(error):
                raise typed from error
            raise
        self.close_session(session, True)

    def check(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            DatabaseUnavailable: When it does not answer.
        """
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            if typed := self.unavailable(error):
                raise typed from error
            raise

    def close(self) -> None:
        """Close every connection that is not in use; one that is, when it is given back."""
        with self._lock:
            engine, self._engine = self._engine, None
            self._free.clear()
        if self._replica is not None:
            self._replica.close()
        if engine is not None:
            retire(engine)

    def _forget(self) -> None:
        """Leave the parent's connections alone: a socket shared by two processes mixes their answers."""
        self._lock = threading.Lock()
        self._free = []
        if self._engine is not None:
            self._engine.dispose(close=False)
            self._engine = None


_databases: weakref.WeakSet[ModuleDatabase] = weakref.WeakSet()


def _after_fork() -> None:
    for database in list(_databases):
        database._forget()


os.register_at_fork(after_in_child=_after_fork)
