"""The embedded transport: a log in one SQLite file, shared by all processes of a machine."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from decant.db.sqlite import configure
from decant.events.base import DeadLetter, Message, Transport

# Positions only ever grow, deleted ones are not used again (AUTOINCREMENT), and because SQLite has one
# writer at a time they become visible in their own order: only therefore may a group remember just one.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, key TEXT NOT NULL, payload BLOB NOT NULL, appended_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS offsets (consumer TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letters (
    consumer TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL, payload BLOB NOT NULL,
    position INTEGER NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL, parked_at REAL NOT NULL,
    PRIMARY KEY (consumer, id)
);
"""
_APPEND = """
INSERT INTO log (id, type, key, payload, appended_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
"""
_READ = """
SELECT id, type, key, payload, position FROM log
WHERE position > coalesce((SELECT position FROM offsets WHERE consumer = ?), 0) ORDER BY position LIMIT ?
"""
_ACKNOWLEDGE = """
INSERT INTO offsets (consumer, position) VALUES (?, ?)
ON CONFLICT (consumer) DO UPDATE SET position = max(position, excluded.position)
"""
_PARK = """
INSERT INTO dead_letters (consumer, id, type, key, payload, position, reason, attempts, parked_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (consumer, id) DO UPDATE
SET reason = excluded.reason, attempts = attempts + excluded.attempts, parked_at = excluded.parked_at
"""
_PARKED = """
SELECT consumer, id, type, key, payload, position, reason, attempts, parked_at FROM dead_letters
WHERE ? IS NULL OR consumer = ? ORDER BY parked_at, position
"""
_LAG = """
SELECT count(*) FROM log WHERE position > coalesce((SELECT position FROM offsets WHERE consumer = ?), 0)
"""


class EmbeddedTransport(Transport):
    """A log in an SQLite file.

    Args:
        path: The file, usually ``DECANT_HOME/events.sqlite3``.
        busy_timeout_s: Seconds to wait for another writer.

    Thread-safety: each thread has a connection of its own; a forked child makes new ones.
    """

    def __init__(self, path: Path, busy_timeout_s: float = 10.0) -> None:
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []

    def append(self, messages: Sequence[Message]) -> None:
        now = time.time()
        rows = [(message.id, message.type, message.key, message.payload, now) for message in messages]
        with self._writing() as connection:
            connection.executemany(_APPEND, rows)

    def read(self, group: str, limit: int) -> Sequence[Message]:
        return [Message(*row) for row in self._connection().execute(_READ, (group, limit))]

    def acknowledge(self, group: str, position: int) -> None:
        # A lost acknowledgement is a redelivery, which the inbox knows: not worth a flush to the disk.
        with self._writing(durable=False) as connection:
            connection.execute(_ACKNOWLEDGE, (group, position))

    def park(self, group: str, message: Message, reason: str, attempts: int) -> None:
        row = (group, message.id, message.type, message.key, message.payload, message.position)
        with self._writing() as connection:
            connection.execute(_PARK, (*row, reason, attempts, time.time()))
            connection.execute(_ACKNOWLEDGE, (group, message.position))

    def parked(self, group: str | None = None) -> Sequence[DeadLetter]:
        rows = self._connection().execute(_PARKED, (group, group))
        return [DeadLetter(row[0], Message(*row[1:6]), *row[6:]) for row in rows]

    def lag(self, group: str) -> int:
        (count,) = self._connection().execute(_LAG, (group,)).fetchone()
        return int(count)

    def close(self) -> None:
        """Close all connections; threads that still use one get an error."""
        self._local = threading.local()
        while self._open:
            self._open.pop().close()

    @contextmanager
    def _writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        connection = self._connection(durable)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()

    def _connection(self, durable: bool = True) -> sqlite3.Connection:
        name = f"connection_{os.getpid()}_{durable}"
        connection: sqlite3.Connection | None = getattr(self._local, name, None)
        if connection is None:
            connection = self._connect(durable)
            setattr(self._local, name, connection)
        return connection

    def _connect(self, durable: bool) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, check_same_thread=False)
        configure(connection, self._busy_timeout_s, durable=durable)
        connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
        self._open.append(connection)
        return connection
