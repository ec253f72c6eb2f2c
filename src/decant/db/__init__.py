"""A database per module: engines, sessions, models and migrations on plain SQLAlchemy 2 and Alembic."""

from decant.db.checks import assert_no_drift, assert_reversible
from decant.db.database import ModuleDatabase
from decant.db.engine import engine_for
from decant.db.errors import (
    DatabaseUnavailable,
    ForeignTableError,
    MigrationFailed,
    PendingWritesError,
    ReadOnlySessionError,
    unavailable,
)
from decant.db.infrastructure import create_infrastructure, infrastructure_of
from decant.db.keys import DatabaseKeys
from decant.db.migrations import Migrations, migrations_of, upgrade_all
from decant.db.models import ModuleBase, metadata_of, module_metadata
from decant.db.reading import ReadSession
from decant.db.strict import refuse_pending_writes
from decant.db.tables import owner_of_table, tables_in
from decant.db.transactions import effect_of, pending_writes
from decant.db.urls import default_url, parse_url

__all__ = [
    "DatabaseKeys",
    "DatabaseUnavailable",
    "ForeignTableError",
    "MigrationFailed",
    "Migrations",
    "ModuleBase",
    "ModuleDatabase",
    "PendingWritesError",
    "ReadOnlySessionError",
    "ReadSession",
    "assert_no_drift",
    "assert_reversible",
    "create_infrastructure",
    "default_url",
    "effect_of",
    "engine_for",
    "infrastructure_of",
    "metadata_of",
    "migrations_of",
    "module_metadata",
    "owner_of_table",
    "parse_url",
    "pending_writes",
    "refuse_pending_writes",
    "tables_in",
    "unavailable",
    "upgrade_all",
]
