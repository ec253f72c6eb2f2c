"""When a transaction begins, and whether it has written.

SQLite lets one transaction write at a time, and a transaction that has read cannot turn into a writer
while another one writes: it fails at once, without waiting. So here

- nothing begins before the first statement;
- a transaction that reads first is a plain ``BEGIN``: one consistent snapshot, no lock;
- a write, ``with_for_update()`` or a savepoint begins with ``BEGIN IMMEDIATE``, which waits for its turn. A
  transaction that has only read so far ends its snapshot first: as under PostgreSQL's READ COMMITTED,
  what it read may have changed by then. Read with ``with_for_update()`` what you mean to change.

That also puts DDL into the transaction, which ``sqlite3`` by itself does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from decant.context import current

_STATE = "decant.transaction"
State = Literal["idle", "reading", "locked", "writing"]

_READS = re.compile(r"\s*(SELECT|VALUES|EXPLAIN|SHOW|DESCRIBE|DESC|SET|USE)\b", re.IGNORECASE)
_OUTSIDE = re.compile(
    r"\s*(PRAGMA|BEGIN|COMMIT|END|ROLLBACK|RELEASE|VACUUM|ATTACH|DETACH)\b",
    re.IGNORECASE,
)
_WRITES = re.compile(
    r"\b(INSERT|UPDATE|DELETE|REPLACE|MERGE|TRUNCATE|CREATE|ALTER|DROP)\b",
    re.IGNORECASE,
)
_WITH = re.compile(r"\s*WITH\b", re.IGNORECASE)


@lru_cache(maxsize=4096)
def effect_of(statement: str) -> Literal["read", "write", "none"]:
    """Say what an SQL statement does; in doubt it writes.

    ``none`` is for what runs outside a transaction or ends one.
    """
    if _READS.match(statement):
        return "read"
    if _OUTSIDE.match(statement):
        return "none"
    if _WITH.match(statement) and not _WRITES.search(statement):
        return "read"
    return "write"


def pending_writes(session: Session) -> bool:
    """Return whether a session holds changes that are not committed: not flushed yet, or flushed.

    Only statements through engines of :func:`decant.db.engine_for` are seen.
    """
    if session.new or session.deleted or session.dirty:
        return True
    connection = connection_of(session)
    return connection is not None and has_written(connection)


def connection_of(session: Session) -> Connection | None:
    """Return the connection of a session's open transaction, or None while it has none."""
    connection: Connection | None = session.info.get("decant.connection")
    if connection is None or connection.closed or not session.in_transaction():
        return None
    return connection


def has_written(connection: Connection) -> bool:
    """Return whether a connection's open transaction has written."""
    return bool(connection.info.get(_STATE) == "writing")


class ModuleSession(Session):
    """SQLAlchemy's Session, which remembers the connection of its open transaction."""


@event.listens_for(ModuleSession, "after_begin")
def _remember(session: Session, _transaction: object, connection: Connection) -> None:
    session.info["decant.connection"] = connection


def watch(engine: Engine) -> None:
    """Note on each connection whether its transaction has written."""
    _on_begin(engine)

    def note(_cursor: Any, statement: str, _parameters: Any, context: Any) -> None:
        if effect_of(statement) == "write":
            context.root_connection.info[_STATE] = "writing"

    on_execute(engine, note)


def begin_immediate_for_writers(engine: Engine, busy_timeout_s: float) -> None:
    """Give an SQLite engine, whose connections never begin by themselves, the scheme above.

    Args:
        engine: A new engine.
        busy_timeout_s: Seconds that its connections wait for another writer; an earlier deadline counts, too.
    """
    _on_begin(engine)

    def begin(cursor: Any, statement: str, _parameters: Any, context: Any) -> None:
        info = context.root_connection.info
        state = info.get(_STATE)
        if state == "writing":
            return
        effect = effect_of(statement)
        if effect == "write" or locks(context):
            if state == "reading":
                info[_STATE] = "idle"
                cursor.execute("COMMIT")
            if state != "locked":
                _wait_for_turn(cursor, busy_timeout_s)
            info[_STATE] = "writing" if effect == "write" else "locked"
        elif effect == "read" and state == "idle":
            cursor.execute("BEGIN")
            info[_STATE] = "reading"

    on_execute(engine, begin)


def _wait_for_turn(cursor: Any, busy_timeout_s: float) -> None:
    left_s = current.get().remaining_s()
    if left_s is None or left_s >= busy_timeout_s:
        cursor.execute("BEGIN IMMEDIATE")
        return
    cursor.execute(f"PRAGMA busy_timeout={max(0, int(left_s * 1000))}")
    try:
        cursor.execute("BEGIN IMMEDIATE")
    finally:
        cursor.execute(f"PRAGMA busy_timeout={int(busy_timeout_s * 1000)}")


def locks(context: Any) -> bool:
    """Return whether the statement is a SELECT … FOR UPDATE, two words that SQLite's compiler leaves out."""
    return getattr(getattr(context, "invoked_statement", None), "_for_update_arg", None) is not None


def _on_begin(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        autocommit = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
        # In autocommit every statement is a transaction of its own: there is nothing to begin.
        connection.info[_STATE] = "writing" if autocommit else "idle"


def on_execute(engine: Engine, listener: Callable[[Any, str, Any, Any], None], *, first: bool = False) -> None:
    """Call ``listener`` before each statement, inside SQLAlchemy's own error handling; ``first``: before all others."""

    def without_parameters(cursor: Any, statement: str, context: Any) -> None:
        listener(cursor, statement, None, context)

    event.listen(engine, "do_execute", listener, insert=first)
    event.listen(engine, "do_executemany", listener, insert=first)
    event.listen(engine, "do_execute_no_params", without_parameters, insert=first)
