"""What every revision of a module must be able to do: there and back again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect

from decant.db import Migrations, infrastructure_of


def walk_every_revision(migrations: Migrations) -> None:
    """Go up by one revision at a time, each time down and up again, and compare what the database holds.

    Args:
        migrations: Of a module whose database is empty.

    Raises:
        AssertionError: When a downgrade leaves something, or the models differ from the last revision.
    """
    before = schema_of(migrations)
    for revision in migrations.revisions():
        assert migrations.upgrade(revision) == revision
        after = schema_of(migrations)
        migrations.downgrade()
        assert schema_of(migrations) == before, f"The downgrade of {revision} does not undo its upgrade."
        migrations.upgrade(revision)
        assert schema_of(migrations) == after, f"{revision} does something else the second time."
        before = after
    assert migrations.differences() == []
    migrations.downgrade("base")
    assert schema_of(migrations) == {}


def schema_of(migrations: Migrations) -> dict[str, Any]:
    """Return the module's own tables with their columns, keys and indexes."""
    found = inspect(migrations.database.engine)
    names = [name for name in found.get_table_names() if migrations.database.owns(name)]
    return {name: _table(found, name) for name in names if name not in infrastructure_of(migrations.module).names}


def _table(found: Any, name: str) -> dict[str, Any]:
    return {
        "columns": {column["name"]: (str(column["type"]), column["nullable"]) for column in found.get_columns(name)},
        "key": found.get_pk_constraint(name)["constrained_columns"],
        "indexes": sorted((index["name"], tuple(index["column_names"])) for index in found.get_indexes(name)),
        "unique": sorted(tuple(unique["column_names"]) for unique in found.get_unique_constraints(name)),
        "foreign": sorted(str(key["constrained_columns"]) for key in found.get_foreign_keys(name)),
    }
