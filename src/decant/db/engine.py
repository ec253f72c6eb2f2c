"""One engine per module and process, with the settings that keep data safe."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import StaticPool

from decant.db import transactions
from decant.db.deadlines import DeadlinePool
from decant.db.urls import check_driver, parse_url
from decant.sqlite import configure

POOL_SIZE = 16
MAX_OVERFLOW = 48
CONNECT_TIMEOUT_S = 5
"""Seconds to wait for a server that does not even refuse; drivers wait for minutes. ``?connect_timeout=`` differs."""


def engine_for(
    url: str | URL,
    *,
    pool_size: int = POOL_SIZE,
    max_overflow: int = MAX_OVERFLOW,
    pool_timeout_s: float = 5.0,
    busy_timeout_s: float = 5.0,
) -> Engine:
    """Make the engine for a URL. Nothing is connected before the first statement.

    Args:
        url: As users write it; ``postgresql://``, ``mysql://`` and ``mariadb://`` get Decant's driver.
        pool_size: Connections that stay open once made. With ``max_overflow`` it admits the 64
            threads of a service, none of which needs more than one connection of a module.
        max_overflow: Connections beyond that, closed after use.
        pool_timeout_s: Seconds to wait for a free connection before ``DatabaseUnavailable``; an earlier deadline of
            the call counts, too.
        busy_timeout_s: Seconds that an SQLite writer waits for another one; an earlier deadline counts, too.

    Raises:
        SetupError: For a URL that cannot be used.
        MissingExtra: When its driver is not installed.
    """
    parsed = parse_url(url)
    check_driver(parsed)
    options: dict[str, Any] = {
        "pool_size": pool_size,
        "max_overflow": max_overflow,
        "pool_timeout": pool_timeout_s,
        "poolclass": DeadlinePool,
    }
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, options, busy_timeout_s)
    if "connect_timeout" not in parsed.query:
        options["connect_args"] = {"connect_timeout": CONNECT_TIMEOUT_S}
    engine = create_engine(parsed, pool_pre_ping=True, pool_recycle=1800, **options)
    transactions.watch(engine)
    return engine


def retire(engine: Engine) -> None:
    """Close an engine's idle connections now, and each one in use when it comes back."""

    @event.listens_for(engine, "checkin")
    def close(_connection: Any, record: Any) -> None:
        record.invalidate()

    if not _is_used_in_memory(engine):
        engine.pool.dispose()


def _is_used_in_memory(engine: Engine) -> bool:
    """Return whether it is an SQLite database in memory, which lives in one connection, and that is in use."""
    pool = engine.pool
    return isinstance(pool, StaticPool) and "connection" in vars(pool) and pool.connection.in_use


def _sqlite_engine(url: URL, options: dict[str, Any], busy_timeout_s: float) -> Engine:
    is_in_memory = url.database in {None, "", ":memory:"}
    if is_in_memory:  # every thread must see the one database
        options = {
            "poolclass": StaticPool,
            "connect_args": {"check_same_thread": False},
        }
    engine = create_engine(url, **options)
    if not is_in_memory and not str(url.database).startswith("file:"):
        folder = Path(str(url.database)).absolute().parent

        @event.listens_for(engine, "do_connect")
        def make_folder(*_: Any) -> None:
            with suppress(OSError):  # then SQLite says that it cannot open the file
                folder.mkdir(parents=True, exist_ok=True)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        configure(connection, busy_timeout_s)

    transactions.begin_immediate_for_writers(engine, busy_timeout_s)
    return engine
