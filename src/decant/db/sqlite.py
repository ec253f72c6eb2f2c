"""How every SQLite file here is opened, a module's own or the event log."""

from __future__ import annotations

import sqlite3
import time


def configure(connection: sqlite3.Connection, busy_timeout_s: float, *, durable: bool = True) -> None:
    """Set a new connection up: we say BEGIN, readers and one writer side by side, foreign keys checked.

    Args:
        connection: Fresh from ``sqlite3.connect``.
        busy_timeout_s: Seconds that a writer waits for another one.
        durable: Whether a commit survives a power cut; without, it survives the death of the process only.
    """
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={int(busy_timeout_s * 1000)}").close()
    _use_wal(connection, time.monotonic() + busy_timeout_s)
    connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}").close()
    connection.execute("PRAGMA foreign_keys=ON").close()


def _use_wal(connection: sqlite3.Connection, ends: float) -> None:
    """Switch a new file to WAL; two processes that do it at once are told "locked" without any waiting."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() >= ends:
                raise
            time.sleep(0.01)
        else:
            return
