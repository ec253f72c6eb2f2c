"""The SQLite file of ``DECANT_HOME`` that holds revocations, refresh tokens and failed sign-ins."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decant.errors import Unavailable
from decant.sqlite import open_file

BUSY_S = 2.0
"""Seconds that a writer waits for another one."""


class SqliteFile:
    """One part's tables in the file.

    Args:
        path: Usually ``DECANT_HOME/sign-ins.sqlite3``.
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
                connection = open_file(self.path, self._schema, busy_timeout_s=BUSY_S)
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
