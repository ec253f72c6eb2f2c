"""Migrations: Alembic, once per module, with a version table and a folder of revisions of its own."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol

from sqlalchemy import Connection, MetaData, TableClause, column, inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateTable

from decant.db.database import ModuleDatabase
from decant.db.differences import in_words
from decant.db.errors import unavailable
from decant.db.infrastructure import create_infrastructure, infrastructure_of
from decant.db.locks import migration_lock
from decant.db.models import metadata_of
from decant.db.steps import Steps
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
            CommandError: For a revision that does not exist, or a database that is newer than the code.
            MigrationFailed: When a revision fails; says at which statement, and what is left of it.
            DatabaseUnavailable: When the database cannot be reached, or another process migrates for over a minute.
        """
        self._require_revisions()
        with self._locked() as connection, _foreign_keys_off(connection):
            create_infrastructure(connection, self.module)
            connection.commit()
            self._require_known(connection)
            if self._has_revisions():
                self._move("upgrade", connection, revision)
            return self._stands_at(connection)

    def downgrade(self, revision: str = "-1") -> str | None:
        """Bring the database back to an earlier revision; return where it now stands.

        Args:
            revision: Where to go: its id, ``-1`` for one step back, ``base`` for before the first.

        Raises:
            CommandError: For a revision that does not exist, or a database that is newer than the code.
            MigrationFailed: When a revision fails; says at which statement, and what is left of it.
            DatabaseUnavailable: As for :meth:`upgrade`.
        """
        with self._locked() as connection, _foreign_keys_off(connection):
            self._require_known(connection)
            if self._stands_at(connection):
                self._move("downgrade", connection, revision)
            return self._stands_at(connection)

    def heads(self) -> tuple[str, ...]:
        """Return the code's newest revisions: one, or more while branches are not merged."""
        return tuple(sorted(self._script(self._config(None)).get_heads())) if self._has_revisions() else ()

    def revisions(self) -> tuple[str, ...]:
        """Return all of the code's revisions, the oldest first."""
        if not self._has_revisions():
            return ()
        return tuple(found.revision for found in self._script(self._config(None)).walk_revisions())[::-1]

    def sql(self, revision: str = "heads", *, since: str | None = None) -> str:
        """Return the SQL that :meth:`upgrade` would run, for this kind of database, without asking the database.

        Args:
            revision: Where to go.
            since: Where the database stands; None for an empty one.

        Raises:
            CommandError: For a revision that does not exist or that must look at the database.
        """
        self._require_revisions()
        written = StringIO()
        dialect = self.database.url.get_dialect()()
        if since is None:
            for table in infrastructure_of(self.module).metadata.sorted_tables:
                create = CreateTable(table, if_not_exists=True).compile(dialect=dialect)
                written.write(f"{str(create).strip()};\n\n")
        if self._has_revisions():
            config = self._config(None)
            config.attributes.update(dialect_name=dialect.name, output_buffer=written)
            script = self._script(config)
            self._environment(config, script, script._upgrade_revs, revision, since=since, as_sql=True)
        return written.getvalue()

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
            command, alembic_error = _alembic()
            self._require_known(connection)
            try:
                script = command.revision(self._config(connection), message=message, autogenerate=autogenerate)
            except alembic_error as error:
                raise CommandError(
                    f"No revision was written for module {self.module}: {error}",
                    hint=f"Run first: decant db upgrade {self.module}",
                ) from error
        return Path(script.path)

    def differences(self) -> list[str]:
        """Say what the models have and the database lacks, or the reverse; empty when they agree."""
        if self.metadata is None:
            return []
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        with self._connected() as connection:
            options = {"include_name": self._is_ours, "compare_type": True}
            found = compare_metadata(MigrationContext.configure(connection, opts=options), self.metadata)
            return [sentence for difference in found for sentence in in_words(difference)]

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

    def _require_known(self, connection: Connection) -> None:
        """Refuse a database that stands at a revision which the code does not have."""
        stands = (self._stands_at(connection) or "").split(", ")
        unknown = sorted({found for found in stands if found} - set(self.revisions()))
        if unknown:
            raise CommandError(
                f"The database of module {self.module} stands at revision {', '.join(unknown)}, which is not in "
                f"{self.directory}: the database is newer than the code, or belongs to another application.",
                hint="Run the code that it was migrated with; to go back, downgrade it with that code first.",
                exit_code=6,
            )

    def _move(self, direction: Literal["upgrade", "downgrade"], connection: Connection, revision: str) -> None:
        connection.commit()
        config = self._config(connection)
        script = self._script(config)
        plan = script._upgrade_revs if direction == "upgrade" else script._downgrade_revs
        steps = Steps(connection, self.module, direction, infrastructure_of(self.module).version_table)
        with steps.watched():
            self._environment(config, script, lambda *where: steps.follow(plan(*where)), revision)

    def _environment(
        self,
        config: Any,
        script: Any,
        plan: Callable[..., Iterable[Any]],
        revision: str,
        *,
        since: str | None = None,
        as_sql: bool = False,
    ) -> None:
        """Run Alembic's environment for the steps that ``plan`` returns for a target and the present revisions."""
        from alembic.runtime.environment import EnvironmentContext

        _, alembic_error = _alembic()
        context = EnvironmentContext(
            config,
            script,
            fn=lambda stands, _: plan(revision, stands),
            as_sql=as_sql,
            starting_rev=since,
            destination_rev=revision,
        )
        try:
            with context:
                script.run_env()
        except alembic_error as error:
            known = ", ".join(self.revisions())
            raise CommandError(f"Module {self.module}: {error}", hint=f"There are the revisions {known}.") from error

    def _script(self, config: Any) -> Any:
        _alembic()
        from alembic.script import ScriptDirectory

        return ScriptDirectory.from_config(config)

    def _config(self, connection: Connection | None) -> Any:
        from alembic.config import Config

        config = Config(
            cmd_opts=Namespace(quiet=True),
            attributes={
                "connection": connection,
                "metadata": self.metadata,
                "version_table": infrastructure_of(self.module).version_table,
                "include_name": self._is_ours,
                "transactional_ddl": self.database.url.get_backend_name() in {"sqlite", "postgresql"},
                "render_as_batch": self.database.url.get_backend_name() == "sqlite",
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
        return self.database.owns(str(name)) and name not in infrastructure_of(self.module).names


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


def _alembic() -> tuple[Any, type[Exception]]:
    """Return Alembic's commands and the error that they raise.

    Raises:
        MissingExtra: When it is not installed.
    """
    try:
        from alembic import command
        from alembic.util import CommandError as AlembicError
    except ImportError as error:
        raise MissingExtra("alembic", "db") from error
    return command, AlembicError


def _escape(path: Path) -> str:
    return str(path.absolute()).replace("%", "%%")
