"""How every SQLite file here is opened: a module's own, the event log, the store of sign-ins."""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from pathlib import Path


def open_file(path: Path, schema: str = "", *, busy_timeout_s: float = 5.0, durable: bool = True) -> sqlite3.Connection:
    """Open a file for its owner alone, made with its folder when it is missing.

    Args:
        path: The file.
        schema: Statements that create what is missing; each ends with a semicolon.
        busy_timeout_s: Seconds that a writer waits for another one.
        durable: As for :func:`configure`.

    Returns:
        A connection that any thread may use, one at a time.

    Raises:
        sqlite3.DatabaseError: When the file cannot be made, opened or set up.
    """
    try:
        if not path.exists():
            _create(path)
    except OSError as error:
        raise sqlite3.OperationalError(error.strerror) from error
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        configure(connection, busy_timeout_s, durable=durable)
        if schema:
            connection.executescript(f"BEGIN IMMEDIATE;{schema}COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    """Make an empty file under another name, then link it; whoever comes second finds the first one's.

    A file that a connection of this process may have open must never be opened and closed besides: POSIX then forgets
    every lock that the process has on it, and SQLite would let another process delete the log that is written here.

    Source: "How To Corrupt An SQLite Database File", 2.2.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


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
