"""The SQLite file of ``DECANT_HOME`` that holds revocations, refresh tokens and failed sign-ins."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decant.errors import Unavailable

BUSY_S = 2.0
"""Seconds that a writer waits for another one."""


class SqliteFile:
    """One part's tables in the file.

    Args:
        path: Usually ``DECANT_HOME/auth.sqlite3``.
        schema: Statements that create what is missing.

    Thread-safety: share it freely, between processes too; a forked child opens connections of its own.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self._schema = schema
        self._idle: dict[int, list[sqlite3.Connection]] = {}

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection.

        Raises:
            Unavailable: When the file cannot be used.
        """
        idle = self._idle.setdefault(os.getpid(), [])
        try:
            try:
                connection = idle.pop()
            except IndexError:
                connection = self._connect()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
        except sqlite3.DatabaseError as error:
            raise Unavailable(
                f"The file {self.path.name} for sign-ins cannot be used: {error}.", may_have_run=False, retry_after_s=1
            ) from error
        idle.append(connection)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection with an open transaction, which no other writer is in; commit at the end.

        Raises:
            Unavailable: When the file cannot be used; then nothing was written.
        """
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connections that nobody uses."""
        idle = self._idle.setdefault(os.getpid(), [])
        while idle:
            idle.pop().close()

    def _connect(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise sqlite3.OperationalError(error.strerror) from error
        connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        try:
            connection.execute(f"PRAGMA busy_timeout={int(BUSY_S * 1000)}")
            _use_wal(connection)
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(f"BEGIN IMMEDIATE;{self._schema}COMMIT;")
        except BaseException:
            connection.close()
            raise
        return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a new file to WAL; two processes that do it at once are told "locked" without any waiting."""
    ends = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() >= ends:
                raise
            time.sleep(0.01)
        else:
            return
