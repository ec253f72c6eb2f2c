"""The tables that Decant keeps in each module's database: outgoing events, handled incoming ones, idempotency keys."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    inspect,
)
from sqlalchemy.schema import CreateColumn

from decant.db.models import module_metadata

_LONGEST = 2**24 - 1  # a length makes MariaDB choose more than 64 KiB

# SQLite counts only a column of exactly this type by itself.
_SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """One module's own copies.

    Attributes:
        outbox: Events that were committed and not yet handed to the transport; a delivered row is deleted, one
            that cannot be delivered is ``parked``.
        inbox: One row per event whose handling was committed.
        retries: Events that a handler could not take yet (``waiting``), or was given up on (``parked``).
        idempotency: Idempotency keys, the claims on them, and the answers of calls that were committed.
        saga: One row per saga, with its data and history.
        version_table: Where Alembic notes the module's revision.
        progress_table: Where MySQL and MariaDB keep which statements of a revision are done.
    """

    metadata: MetaData
    outbox: Table
    inbox: Table
    retries: Table
    idempotency: Table
    saga: Table
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
        Column("payload", LargeBinary(_LONGEST), nullable=False),
        Column("state", String(10), nullable=False, server_default="pending"),
        Column("published_at", Float(53), nullable=False, server_default="0"),
        Column("reason", Text),
        sqlite_autoincrement=True,
    )
    inbox = Table(
        f"{module}_inbox",
        metadata,
        Column("event_id", String(100), primary_key=True),
        Column("handled_at", Float(53), nullable=False),
    )
    retries = Table(
        f"{module}_retries",
        metadata,
        Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
        Column("event_id", String(100), nullable=False, unique=True),
        Column("type", String(200), nullable=False),
        Column("key", String(200), nullable=False),
        Column("payload", LargeBinary(_LONGEST), nullable=False),
        Column("state", String(10), nullable=False, index=True),
        Column("attempts", Integer, nullable=False),
        Column("reason", Text),
        Column("traceback", Text),
        Column("first_at", Float(53), nullable=False),
        Column("last_at", Float(53), nullable=False),
        sqlite_autoincrement=True,
    )
    versions, progress = f"{module}_alembic_version", f"{module}_alembic_progress"
    idempotency, saga = _idempotency_table(module, metadata), _saga_table(module, metadata)
    return Infrastructure(metadata, outbox, inbox, retries, idempotency, saga, versions, progress)


def _idempotency_table(module: str, metadata: MetaData) -> Table:
    return Table(
        f"{module}_idempotency",
        metadata,
        Column("slot", String(64), primary_key=True),
        Column("claim", String(32), nullable=False),
        Column("fingerprint", String(64), nullable=False),
        Column("lease_until", Float(53), nullable=False),
        Column("created_at", Float(53), nullable=False, index=True),
        Column("answer", LargeBinary(_LONGEST)),
    )


def _saga_table(module: str, metadata: MetaData) -> Table:
    return Table(
        f"{module}_saga",
        metadata,
        Column("id", String(36), primary_key=True),
        Column("name", String(100), nullable=False),
        Column("key", String(200), nullable=False, index=True),
        Column("state", String(20), nullable=False, index=True),
        Column("data", LargeBinary(_LONGEST), nullable=False),
        Column("history", LargeBinary(_LONGEST), nullable=False),
        Column("unknown", Integer, nullable=False),
        Column("trace", String(60), nullable=False),
        Column("version", Integer, nullable=False),
        Column("owner", String(40), nullable=False),
        Column("beat", Integer, nullable=False),
        Column("due_at", Float(53)),
        Column("started_at", Float(53), nullable=False),
        Column("updated_at", Float(53), nullable=False),
        Index(None, "owner", "due_at"),
    )


def create_infrastructure(connection: Connection, module: str) -> None:
    """Create what is missing of a module's infrastructure tables, columns of an earlier version's included."""
    metadata = infrastructure_of(module).metadata
    present = inspect(connection)
    for table in metadata.sorted_tables:
        if present.has_table(table.name):
            _add_columns(connection, table, {column["name"] for column in present.get_columns(table.name)})
    metadata.create_all(connection)


def _add_columns(connection: Connection, table: Table, present: set[str]) -> None:
    quote = connection.dialect.identifier_preparer.format_table
    for column in table.columns:
        if column.name not in present:
            written = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {quote(table)} ADD COLUMN {written}")
