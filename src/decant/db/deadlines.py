"""No statement and no commit begins once the call's time is over, and hardly a wait lasts longer.

A thread cannot be stopped from outside, and a statement that runs is not interrupted. What has no deadline, as a
migration or a relay has none, is left alone; a rollback is always possible.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import QueuePool
from sqlalchemy.util.queue import Queue

from decant.context import current
from decant.db.transactions import effect_of, has_written, on_execute
from decant.errors import DeadlineExceeded

SHORT_S = 5.0
"""A call with less time than this, in seconds, pays a round trip to tell the server how long it may wait for locks."""

_LOCK_WAIT = "decant.lock-wait"

# A shorter limit that is configured stays in force.
_POSTGRES = (
    "SELECT set_config('lock_timeout', least(nullif(extract(epoch FROM current_setting('lock_timeout')::interval) "
    "* 1000, 0), %d)::int::text, true)"  # it ends with the transaction
)
_MYSQL = (
    "SET @decant_lock_wait = @@innodb_lock_wait_timeout, "
    "innodb_lock_wait_timeout = LEAST(@@innodb_lock_wait_timeout, CEIL(%d / 1000))"
)
_MYSQL_RESTORE = "SET innodb_lock_wait_timeout = @decant_lock_wait"


def refuse_late_work(engine: Engine, module: str) -> None:
    """Refuse statements and commits of calls whose deadline has passed, and bound their waiting for locks.

    Args:
        engine: A new engine; on SQLite, one that waits for its turn before its listeners are asked.
        module: Whose it is.
    """
    bound = {"postgresql": _POSTGRES, "mysql": _MYSQL, "mariadb": _MYSQL}.get(engine.dialect.name)

    def check(_cursor: Any, statement: str, _parameters: Any, context: Any) -> None:
        left_s = current.get().remaining_s()
        if left_s is None:
            return
        if left_s <= 0 and effect_of(statement) != "none":
            raise _late(module, "a statement")
        if left_s < SHORT_S and bound is not None:
            _bound_waiting(context.root_connection, bound % max(1, left_s * 1000))

    on_execute(engine, check)

    @event.listens_for(engine, "commit")
    def check_commit(connection: Connection) -> None:
        left_s = current.get().remaining_s()
        if left_s is not None and left_s <= 0 and has_written(connection):
            engine.dialect.do_rollback(connection.connection)  # SQLAlchemy takes a commit that was tried for an end
            raise _late(module, "the commit")

    if bound == _POSTGRES:
        event.listen(engine, "begin", lambda connection: connection.info.pop(_LOCK_WAIT, None))
    elif bound == _MYSQL:
        event.listen(engine, "checkin", _let_wait)


def _late(module: str, what: str) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"The deadline passed before {what} of module {module} began: its transaction is rolled back.",
        operation=module,
        may_have_run=True,  # what the operation committed before, or asked of others, is not undone
    )


def _bound_waiting(connection: Connection, statement: str) -> None:
    try:
        info = connection.info
    except NotImplementedError:  # SQLAlchemy asks a server that it meets for the first time about its version
        return
    if _LOCK_WAIT not in info:
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(statement)
        info[_LOCK_WAIT] = True


def _let_wait(connection: Any, record: Any) -> None:
    """Give a connection back as it was."""
    if connection is None or not record.info.pop(_LOCK_WAIT, False):
        return
    try:
        with closing(connection.cursor()) as cursor:
            cursor.execute(_MYSQL_RESTORE)
    except Exception as error:  # noqa: BLE001 - any driver's: the next user gets another connection
        record.invalidate(error)


class _Queue(Queue[Any]):
    """Connections that are free; nobody waits for one beyond the call's deadline."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        left_s = current.get().remaining_s() if block else None
        if left_s is not None:
            timeout = max(0.0, left_s if timeout is None else min(left_s, timeout))
        return super().get(block, timeout)


class DeadlinePool(QueuePool):
    """SQLAlchemy's pool, in which nobody waits beyond the call's deadline."""

    _queue_class = _Queue
    _sqla_logger_namespace = "sqlalchemy.pool.DeadlinePool"  # SQLAlchemy's loggers tell nothing below a warning
