"""The tables that Decant keeps in each module's database: outgoing events, and which incoming ones were handled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

from decant.db.models import module_metadata

# SQLite counts only a column of exactly this type by itself.
_SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """One module's own copies.

    Attributes:
        outbox: Events that were committed and not yet handed to the transport; a delivered row is deleted.
        inbox: One row per event whose handling was committed.
        version_table: Where Alembic notes the module's revision.
        progress_table: Where MySQL and MariaDB keep which statements of a revision are done.
    """

    metadata: MetaData
    outbox: Table
    inbox: Table
    version_table: str
    progress_table: str

    @property
    def names(self) -> frozenset[str]:
        """The names of all tables that are Decant's and not the module's."""
        return frozenset({*self.metadata.tables, self.version_table, self.progress_table})


@cache
def infrastructure_of(module: str) -> Infrastructure:
    """Return the tables of a module, the same objects each time."""
    metadata = module_metadata(module)
    outbox = Table(
        f"{module}_outbox",
        metadata,
        Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
        Column("id", String(36), nullable=False, unique=True),
        Column("type", String(200), nullable=False),
        Column("key", String(200), nullable=False),
        Column("payload", LargeBinary(2**24 - 1), nullable=False),  # a length makes MariaDB choose more than 64 KiB
        sqlite_autoincrement=True,
    )
    inbox = Table(
        f"{module}_inbox",
        metadata,
        Column("event_id", String(100), primary_key=True),
        Column("handled_at", Float(53), nullable=False),
    )
    return Infrastructure(metadata, outbox, inbox, f"{module}_alembic_version", f"{module}_alembic_progress")


def create_infrastructure(connection: Connection, module: str) -> None:
    """Create what is missing of a module's infrastructure tables."""
    infrastructure_of(module).metadata.create_all(connection)
