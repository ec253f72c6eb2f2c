from datetime import UTC, datetime

from sqlalchemy import CheckConstraint, DateTime, String
from sqlalchemy.dialects.mysql import VARCHAR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="payments"):
    pass


def utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


# The usual collation of MariaDB and MySQL takes upper and lower case for the same.
MessageId = String(200).with_variant(VARCHAR(200, collation="utf8mb4_bin"), "mysql", "mariadb")


class ChargeRow(Base):
    """The shop's own note of what the provider said last."""

    __tablename__ = "payments_charge"
    __table_args__ = (CheckConstraint("amount_cents >= 0", name="amount"),)

    order_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    amount_cents: Mapped[int]
    method: Mapped[str] = mapped_column(String(30))
    status: Mapped[str] = mapped_column(String(10))
    noted_at: Mapped[datetime] = mapped_column(DateTime, default=utc_now, onupdate=utc_now)


class CallbackRow(Base):
    """A report of the provider that was taken: it counts once."""

    __tablename__ = "payments_callback"

    id: Mapped[str] = mapped_column(MessageId, primary_key=True)
    received_at: Mapped[datetime] = mapped_column(DateTime, default=utc_now)
