"""The embedded transport: a log in one SQLite file, shared by all processes of a machine."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from decant.events.base import Capabilities, Lag, Message, Subscription, Transport
from decant.sqlite import open_file

# Positions only ever grow, deleted ones are not used again (AUTOINCREMENT), and because SQLite has one
# writer at a time they become visible in their own order: only therefore may a group remember just one.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, key TEXT NOT NULL, payload BLOB NOT NULL, appended_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS offsets (consumer TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS durable (one INTEGER PRIMARY KEY CHECK (one = 1), times INTEGER NOT NULL);
"""
_APPEND = """
INSERT INTO log (id, type, key, payload, appended_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
"""
_COLUMNS = "id, type, key, payload, position, appended_at"
_LAST = "SELECT coalesce(max(position), 0) FROM log"
_REGISTER = "INSERT INTO offsets (consumer, position) VALUES (?, 0) ON CONFLICT (consumer) DO NOTHING"
_OFFSET = "SELECT position FROM offsets WHERE consumer = ?"
_ACKNOWLEDGE = "UPDATE offsets SET position = ? WHERE consumer = ? AND position < ?"
_LAGS = """
SELECT consumer, (SELECT count(*) FROM log WHERE log.position > offsets.position),
    (SELECT appended_at FROM log WHERE log.position > offsets.position ORDER BY position LIMIT 1)
FROM offsets ORDER BY consumer
"""
_MAKE_DURABLE = "INSERT INTO durable VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET times = times + 1"
_OLDEST = "SELECT position, appended_at FROM log ORDER BY position LIMIT ?"

KEEP_S = 24 * 3600.0
KEEP_ROWS = 100_000
SAVE_S = 0.5
"""Seconds after which a group's position is written down: what a crash brings again, and the inbox knows."""

PRUNED_AT_ONCE = 2_000


class EmbeddedTransport(Transport):
    """A log in an SQLite file.

    What every group is done with stays for a day, 100,000 messages at most: for a group that comes new, and for
    people who look.

    Args:
        path: The file, usually ``DECANT_HOME/events.sqlite3``.
        busy_timeout_s: Seconds to wait for another writer.
        keep_s: Seconds that a message is kept which all groups are done with.
        keep_rows: How many of those are kept at most.

    Thread-safety: each thread has a connection of its own; a forked child makes new ones.
    """

    capabilities = Capabilities(ordered=True, deduplicates=True, replays=True, browsable=True)

    def __init__(
        self, path: Path, busy_timeout_s: float = 10.0, *, keep_s: float = KEEP_S, keep_rows: int = KEEP_ROWS
    ) -> None:
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._keep_s = keep_s
        self._keep_rows = keep_rows
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []

    def append(self, messages: Sequence[Message]) -> None:
        self._append(messages, durable=True)

    def hand_over(self, messages: Sequence[Message], announce: Callable[[], None]) -> None:
        """Take messages over; handlers begin while the disk still writes.

        What a power cut takes from the log is handed over again, and the inbox knows what was handled. Groups'
        positions lie behind it in the same file, so that none can outlive what it counts.
        """
        self._append(messages, durable=False)
        announce()
        with self.writing() as connection:  # a durable commit brings all earlier ones of the file with it
            connection.execute(_MAKE_DURABLE)

    def _append(self, messages: Sequence[Message], *, durable: bool) -> None:
        now = time.time()
        rows = [(message.id, message.type, message.key, message.payload, now) for message in messages]
        with self.writing(durable=durable) as connection:
            connection.executemany(_APPEND, rows)

    def subscribe(
        self,
        group: str,
        types: Collection[str],
        heard: Callable[[], None] | None = None,  # noqa: ARG002 - the doorbell's business
    ) -> EmbeddedSubscription:
        with self.writing() as connection:
            connection.execute(_REGISTER, (group,))
        return EmbeddedSubscription(self, group, types)

    def lags(self) -> Sequence[Lag]:
        now = time.time()
        rows = self.connection().execute(_LAGS).fetchall()
        return [Lag(group, count, max(0.0, now - oldest) if oldest else 0.0) for group, count, oldest in rows]

    def prune(self) -> int:
        """Forget the oldest messages that are done with, some at a time; return how many."""
        connection = self.connection()
        (done,) = connection.execute("SELECT min(position) FROM offsets").fetchone()
        (last,) = connection.execute(_LAST).fetchone()
        oldest = connection.execute(_OLDEST, (PRUNED_AT_ONCE,)).fetchall()
        ends = last if done is None else done
        before = time.time() - self._keep_s
        upto = 0
        for position, at in oldest:
            if position > ends or (at > before and position > last - self._keep_rows):
                break
            upto = position
        if not upto:
            return 0
        with self.writing(durable=False) as writer:
            return writer.execute("DELETE FROM log WHERE position <= ?", (upto,)).rowcount

    def browse(self, *, after: int = 0, limit: int = 100, newest: bool = False) -> Sequence[Message]:
        order = "DESC" if newest else "ASC"
        statement = f"SELECT {_COLUMNS} FROM log WHERE position > ? ORDER BY position {order} LIMIT ?"  # noqa: S608
        rows = self.connection().execute(statement, (after, limit)).fetchall()
        return [Message(*row) for row in (reversed(rows) if newest else rows)]

    def close(self) -> None:
        """Close all connections; threads that still use one get an error."""
        self._local = threading.local()
        while self._open:
            self._open.pop().close()

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Run a block in one transaction that writes."""
        connection = self.connection(durable)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise

    def connection(self, durable: bool = True) -> sqlite3.Connection:
        """Return this thread's connection; one that is not durable commits without waiting for the disk."""
        name = f"connection_{os.getpid()}_{durable}"
        connection: sqlite3.Connection | None = getattr(self._local, name, None)
        if connection is None:
            connection = self._connect(durable)
            setattr(self._local, name, connection)
        return connection

    def _connect(self, durable: bool) -> sqlite3.Connection:
        connection = open_file(self.path, _SCHEMA, busy_timeout_s=self._busy_timeout_s, durable=durable)
        self._open.append(connection)
        return connection


class EmbeddedSubscription(Subscription):
    """A group's place in the log: kept in memory, written down now and then."""

    def __init__(self, log: EmbeddedTransport, group: str, types: Collection[str]) -> None:
        self._log = log
        self._group = group
        self._types = sorted(types)
        marks = ", ".join("?" * len(self._types))
        self._select = (
            f"SELECT {_COLUMNS} FROM log WHERE position > ? AND position <= ? AND type IN ({marks}) "  # noqa: S608
            "ORDER BY position LIMIT ?"
        )
        (self._saved,) = log.connection().execute(_OFFSET, (group,)).fetchone()
        self._read = self._done = self._saved
        self._open: set[int] = set()
        self._saved_at = time.monotonic()

    def receive(self, limit: int) -> Sequence[Message]:
        connection = self._log.connection()
        (last,) = connection.execute(_LAST).fetchone()
        rows = []
        if last > self._read:
            rows = connection.execute(self._select, (self._read, last, *self._types, limit)).fetchall()
            self._read = rows[-1][4] if len(rows) == limit else last
        messages = [Message(*row) for row in rows]
        self._open.update(message.receipt for message in messages)
        self._settle()
        return messages

    def acknowledge(self, messages: Sequence[Message]) -> None:
        self._open.difference_update(message.receipt for message in messages)
        self._settle()

    def _settle(self) -> None:
        """Move to the last position before which nothing is open: messages of other types are passed over."""
        self._done = min(self._open) - 1 if self._open else self._read
        if self._done > self._saved and time.monotonic() - self._saved_at >= SAVE_S:
            self.flush()

    def flush(self) -> None:
        if self._done > self._saved:
            # A lost acknowledgement is a redelivery, which the inbox knows: not worth a flush to the disk.
            with self._log.writing(durable=False) as connection:
                connection.execute(_ACKNOWLEDGE, (self._done, self._group, self._done))
            self._saved = self._done
        self._saved_at = time.monotonic()

    def close(self) -> None:
        self.flush()
