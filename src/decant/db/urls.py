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
_EXTRAS = {"psycopg": ("psycopg", "postgres"), "pymysql": ("pymysql", "mysql")}
_HINT = "Write sqlite:///path/to/file, postgresql://user@host/name or mariadb://user@host/name."


def default_url(home: Path, module: str) -> str:
    """Return the URL of a module's embedded database: one SQLite file of its own in ``DECANT_HOME``."""
    return URL.create("sqlite", database=str(home.absolute() / f"{module}.sqlite3")).render_as_string()


def parse_url(url: str | URL) -> URL:
    """Return a URL with the driver that Decant uses; one that names its driver stays as it is.

    Raises:
        SetupError: For what is no database URL. The text is not repeated: it may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SetupError("The database URL cannot be read.", hint=_HINT) from error
    return parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))


def check_driver(url: URL) -> None:
    """Make sure that the driver for a URL is installed.

    Raises:
        SetupError: For a kind of database that SQLAlchemy does not know.
        MissingExtra: When the driver's package is missing.
    """
    try:
        url.get_dialect().import_dbapi()
    except NoSuchModuleError as error:
        raise SetupError(
            f"{url.drivername} is not a kind of database that is known here.",
            hint=_HINT,
        ) from error
    except ImportError as error:
        name = (error.name or url.drivername).partition(".")[0]
        raise MissingExtra(*_EXTRAS.get(name, (name, "db"))) from error
