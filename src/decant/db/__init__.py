"""A database per module: engines, sessions, models and migrations on plain SQLAlchemy 2 and Alembic."""

from decant.db.database import ModuleDatabase
from decant.db.engine import engine_for
from decant.db.errors import DatabaseUnavailable, unavailable
from decant.db.infrastructure import create_infrastructure, infrastructure_of
from decant.db.migrations import Migrations, migrations_of, upgrade_all
from decant.db.models import ModuleBase, metadata_of, module_metadata
from decant.db.transactions import effect_of, pending_writes
from decant.db.urls import default_url, parse_url

__all__ = [
    "DatabaseUnavailable",
    "Migrations",
    "ModuleBase",
    "ModuleDatabase",
    "create_infrastructure",
    "default_url",
    "effect_of",
    "engine_for",
    "infrastructure_of",
    "metadata_of",
    "migrations_of",
    "module_metadata",
    "parse_url",
    "pending_writes",
    "unavailable",
    "upgrade_all",
]
