"""Database URLs: what a user writes, turned into what SQLAlchemy needs."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from decant.errors import MissingExtra, SetupError

_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_KINDS = frozenset({"sqlite", *_DRIVERS})
_EXTRAS = {"psycopg": ("psycopg", "postgres"), "pymysql": ("pymysql", "mysql")}
_HINT = "Write sqlite:///path/to/file, postgresql://user@host/name or mariadb://user@host/name."


def default_url(home: Path, module: str) -> str:
    """Return the URL of a module's embedded database: one SQLite file of its own in ``DECANT_HOME``."""
    return URL.create("sqlite", database=str(home.absolute() / f"{module}.sqlite3")).render_as_string()


def parse_url(url: str | URL, module: str = "") -> URL:
    """Return a URL with the driver that Decant uses; one that names its driver stays as it is.

    Args:
        url: As users write it.
        module: Whose it is, for the message.

    Raises:
        SetupError: For what is no database URL. The text is not repeated: it may hold a password.
    """
    whose = f"The database URL of module {module}" if module else "The database URL"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SetupError(f"{whose} cannot be read.", hint=_HINT) from error
    kind = parsed.drivername.partition("+")[0]
    if kind not in _KINDS:
        raise SetupError(f"{whose} is for {kind}, which is not a kind of database that is known here.", hint=_HINT)
    if kind in {"mysql", "mariadb"} and not parsed.database:
        raise SetupError(f"{whose} names a server and no database on it.", hint=_HINT)
    return parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))


def check_driver(url: URL) -> None:
    """Make sure that the driver for a URL is installed and waits for its answers, as threads do.

    Raises:
        SetupError: For a driver that SQLAlchemy does not know, that is missing, or that needs an event loop.
        MissingExtra: When the package of Decant's own driver is missing.
    """
    plain = f"Write {url.get_backend_name()}://…"
    try:
        dialect = url.get_dialect()
        if dialect.is_async:
            raise SetupError(f"{url.drivername} needs an event loop, and services here run in threads.", hint=plain)
        dialect.import_dbapi()
    except NoSuchModuleError as error:
        raise SetupError(f"{url.drivername} is not a driver that is known here.", hint=plain) from error
    except ImportError as error:
        name = (error.name or url.drivername).partition(".")[0]
        if name in _EXTRAS:
            raise MissingExtra(*_EXTRAS[name]) from error
        raise SetupError(f"{name} is not installed.", hint=f"Install it. Or: {plain}") from error
