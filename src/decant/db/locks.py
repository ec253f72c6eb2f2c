"""One process at a time: the lock around a module's migration."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from decant.db.errors import DatabaseUnavailable


@contextmanager
def migration_lock(connection: Connection, module: str, timeout_s: float) -> Iterator[None]:
    """Hold the module's migration lock: the server's own, or a file beside an SQLite database.

    Either ends with its holder, so a killed process never leaves it behind.

    Raises:
        DatabaseUnavailable: When another process holds it for longer than ``timeout_s`` seconds.
    """
    values: dict[str, str | int]
    name = f"decant.migrate.{module}"
    kind = connection.dialect.name
    if kind == "postgresql":
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        take, give, values = "SELECT pg_try_advisory_lock(:n)", "SELECT pg_advisory_unlock(:n)", {"n": number}
    elif kind in {"mysql", "mariadb"}:
        take, give, values = "SELECT GET_LOCK(:n, 0)", "SELECT RELEASE_LOCK(:n)", {"n": name[:64]}
    else:
        with _file_lock(connection.engine.url.database, module, timeout_s):
            yield
        return

    def ask(statement: str) -> bool:
        taken = bool(connection.scalar(text(statement), values))
        connection.commit()  # both locks belong to the connection, not to its transaction
        return taken

    _wait(lambda: ask(take), module, timeout_s)
    try:
        yield
    finally:
        connection.rollback()
        ask(give)


@contextmanager
def _file_lock(database: str | None, module: str, timeout_s: float) -> Iterator[None]:
    if database in {None, "", ":memory:"} or str(database).startswith("file:"):
        yield  # nobody else can see it
        return
    handle = os.open(Path(f"{database}.{module}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take() -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        _wait(take, module, timeout_s)
        yield
    finally:
        os.close(handle)


def _wait(take: Callable[[], bool], module: str, timeout_s: float) -> None:
    ends = time.monotonic() + timeout_s
    while not take():
        if time.monotonic() >= ends:
            raise DatabaseUnavailable(module, "locked")
        time.sleep(0.05)
