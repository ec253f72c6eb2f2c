"""Checks for a module's own tests: its revisions make the tables that its models describe, and go back again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Inspector, inspect

from decant.db.database import ModuleDatabase
from decant.db.infrastructure import infrastructure_of
from decant.db.migrations import Migrated, Migrations, migrations_of


def assert_no_drift(module: Migrated, url: str = "sqlite://") -> None:
    """Assert that a module's revisions lead to the tables that its models describe.

    Args:
        module: The module.
        url: An empty database, which is migrated; one in memory by default.

    Raises:
        AssertionError: Naming each difference.

    Example:
        ``assert_no_drift(books.module)`` in a test; with the URL of a server, for what SQLite does not tell apart.
    """
    with _migrations(module, url) as migrations:
        migrations.upgrade()
        differences = "\n  ".join(migrations.differences())
        assert not differences, (
            f"The revisions of {module.name} do not lead to its models:\n  {differences}\n"
            f'Write what is missing: decant db revision {module.name} -m "…" --autogenerate'
        )


def assert_reversible(module: Migrated, url: str = "sqlite://") -> None:
    """Assert that each of a module's revisions goes up, down and up again, and that nothing is left at the end.

    Args:
        module: The module.
        url: An empty database; one in memory by default.

    Raises:
        AssertionError: Naming the revision whose downgrade leaves or takes something else than its upgrade made.
    """
    with _migrations(module, url) as migrations:
        before = _schema(migrations)
        for revision in migrations.revisions():
            migrations.upgrade(revision)
            after = _schema(migrations)
            migrations.downgrade()
            assert _schema(migrations) == before, f"The downgrade of {revision} does not undo its upgrade."
            migrations.upgrade(revision)
            assert _schema(migrations) == after, f"{revision} does something else the second time."
            before = after
        migrations.downgrade("base")
        assert _schema(migrations) == {}, f"The downgrades of {module.name} leave tables behind."


@contextmanager
def _migrations(module: Migrated, url: str) -> Iterator[Migrations]:
    database = ModuleDatabase(module.name, url)
    try:
        yield migrations_of(module, database)
    finally:
        database.close()


def _schema(migrations: Migrations) -> dict[str, Any]:
    """Return the module's own tables with their columns, keys and indexes."""
    with migrations.database.engine.connect() as connection:
        found = inspect(connection)
        theirs = infrastructure_of(migrations.module).names
        names = [name for name in found.get_table_names() if migrations.database.owns(name) and name not in theirs]
        return {name: _table(found, name) for name in names}


def _table(found: Inspector, name: str) -> dict[str, Any]:
    return {
        "columns": {column["name"]: (str(column["type"]), column["nullable"]) for column in found.get_columns(name)},
        "key": found.get_pk_constraint(name)["constrained_columns"],
        "indexes": sorted((str(index["name"]), str(index["column_names"])) for index in found.get_indexes(name)),
        "unique": sorted(tuple(unique["column_names"]) for unique in found.get_unique_constraints(name)),
        "foreign": sorted(str(key["constrained_columns"]) for key in found.get_foreign_keys(name)),
    }
