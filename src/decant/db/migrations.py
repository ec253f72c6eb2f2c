"""Migrations: Alembic, once per module, with a version table and a folder of revisions of its own."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from sqlalchemy import Connection, MetaData, TableClause, column, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from decant.db.database import ModuleDatabase
from decant.db.errors import unavailable
from decant.db.infrastructure import create_infrastructure, infrastructure_of
from decant.db.locks import migration_lock
from decant.db.models import metadata_of
from decant.errors import CommandError, MissingExtra, SetupError

LOCK_TIMEOUT_S = 60.0


class Migrations:
    """The migrations of one module.

    Args:
        database: The module's database.
        directory: The module's ``migrations`` folder, which holds nothing but revision files; it need not exist.
        metadata: The MetaData of the module's models; None for a module without tables.
    """

    def __init__(self, database: ModuleDatabase, directory: Path, metadata: MetaData | None = None) -> None:
        self.database = database
        self.directory = directory
        self.metadata = metadata
        self.module = database.name

    def upgrade(self, revision: str = "heads") -> str | None:
        """Bring the database to a revision, infrastructure tables included; return where it now stands.

        Several processes may do this at once: one works, the others wait and find it done.

        Raises:
            SetupError: When the module has tables and no revision.
            DatabaseUnavailable: When the database cannot be reached, or another process migrates for over a minute.
        """
        self._require_revisions()
        with self._locked() as connection, _foreign_keys_off(connection):
            create_infrastructure(connection, self.module)
            connection.commit()
            if self._has_revisions():
                self._run("upgrade", connection, revision)
            return self._stands_at(connection)

    def current(self) -> str | None:
        """Return the revision at which the database stands, or None before the first."""
        with self._connected() as connection:
            return self._stands_at(connection)

    def revision(self, message: str, *, autogenerate: bool = False) -> Path:
        """Write a revision file.

        Args:
            message: What it is for; becomes part of the file's name.
            autogenerate: Fill it with what differs between the models and the database.

        Raises:
            CommandError: With ``autogenerate`` while the database is not at the newest revision.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._locked() as connection:
            from alembic.util import CommandError as AlembicError

            try:
                script = self._run("revision", connection, message=message, autogenerate=autogenerate)
            except AlembicError as error:
                raise CommandError(
                    f"No revision was written for module {self.module}: {error}",
                    hint=f"Run first: decant db upgrade {self.module}",
                ) from error
        return Path(script.path)

    def differences(self) -> list[str]:
        """Return what the models have and the database lacks, or the reverse; empty when they agree."""
        if self.metadata is None:
            return []
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        with self._connected() as connection:
            options = {"include_name": self._is_ours, "compare_type": True}
            return [
                str(step)
                for step in compare_metadata(MigrationContext.configure(connection, opts=options), self.metadata)
            ]

    def _has_revisions(self) -> bool:
        return self.directory.is_dir() and any(self.directory.glob("*.py"))

    def _require_revisions(self) -> None:
        if self.metadata is not None and self.metadata.tables and not self._has_revisions():
            raise SetupError(
                f"Module {self.module} has tables and no migration: {self.directory} holds no revision.",
                hint=f'Write it with: decant db revision {self.module} -m "first tables" --autogenerate',
            )

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            with self.database.engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            if typed := unavailable(error, self.module):
                raise typed from error
            raise

    @contextmanager
    def _locked(self) -> Iterator[Connection]:
        with self._connected() as connection, migration_lock(connection, self.module, LOCK_TIMEOUT_S):
            yield connection

    def _stands_at(self, connection: Connection) -> str | None:
        table = infrastructure_of(self.module).version_table
        if not inspect(connection).has_table(table):
            return None
        versions: Sequence[str] = connection.scalars(
            select(column("version_num")).select_from(TableClause(table))
        ).all()
        return ", ".join(sorted(versions)) or None

    def _run(self, verb: str, connection: Connection, *args: Any, **kwargs: Any) -> Any:
        try:
            from alembic import command
        except ImportError as error:
            raise MissingExtra("alembic", "db") from error
        return getattr(command, verb)(self._config(connection), *args, **kwargs)

    def _config(self, connection: Connection) -> Any:
        from alembic.config import Config

        config = Config(
            cmd_opts=Namespace(quiet=True),
            attributes={
                "connection": connection,
                "metadata": self.metadata,
                "version_table": infrastructure_of(self.module).version_table,
                "include_name": self._is_ours,
                "transactional_ddl": connection.dialect.name in {"sqlite", "postgresql"},
                "render_as_batch": connection.dialect.name == "sqlite",
            },
        )
        config.set_main_option("script_location", _escape(Path(__file__).with_name("alembic")))
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", _escape(self.directory))
        return config

    def _is_ours(self, name: str | None, kind: str, _parents: object) -> bool:
        """Return whether autogenerate may look at a table: the module's own, and not its infrastructure's."""
        if kind != "table":
            return True
        return str(name).startswith(f"{self.module}_") and name not in infrastructure_of(self.module).names


class Migrated(Protocol):
    """What is asked of a module here."""

    @property
    def name(self) -> str: ...

    @property
    def root_path(self) -> str: ...

    def submodule(self, name: str) -> ModuleType | None:
        """Return a conventional sub-module, or None where there is none."""
        ...


def migrations_of(module: Migrated, database: ModuleDatabase) -> Migrations:
    """Return the migrations of a module: its ``migrations`` folder and the models in ``models``."""
    models = module.submodule("models")
    return Migrations(database, Path(module.root_path) / "migrations", metadata_of(models) if models else None)


def upgrade_all(modules: Iterable[Migrated], databases: Mapping[str, ModuleDatabase]) -> dict[str, str | None]:
    """Bring every module's database to its newest revision, in the order given; return where each stands."""
    return {module.name: migrations_of(module, databases[module.name]).upgrade() for module in modules}


@contextmanager
def _foreign_keys_off(connection: Connection) -> Iterator[None]:
    """Let SQLite rebuild a table: with foreign keys on, dropping the old one deletes the rows that point at it."""
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        connection.rollback()
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _escape(path: Path) -> str:
    return str(path.absolute()).replace("%", "%%")
