from datetime import UTC, datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.dialects.mysql import VARCHAR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from decant.db import ModuleBase


class Base(ModuleBase, DeclarativeBase, module="orders"):
    pass


def utc_now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


# The usual collation of MariaDB and MySQL takes upper and lower case for the same.
ExactKey = String(255).with_variant(VARCHAR(255, collation="utf8mb4_bin"), "mysql", "mariadb")


class OrderRow(Base):
    __tablename__ = "orders_order"
    __table_args__ = (
        UniqueConstraint("user_id", "checkout_key", name="uq_orders_order_checkout"),
        UniqueConstraint("user_id", "turn", name="uq_orders_order_turn"),
        Index("ix_orders_order_user_id", "user_id", "id"),
        CheckConstraint("total_cents >= 0", name="total"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)  # UUIDv7: in the order of placing
    user_id: Mapped[str] = mapped_column(String(64))
    checkout_key: Mapped[str | None] = mapped_column(ExactKey)  # the Idempotency-Key of the request
    turn: Mapped[int]  # orders that the user had placed before: of two requests for one cart, one is placed
    status: Mapped[str] = mapped_column(String(10), default="pending")
    total_cents: Mapped[int]
    payment_method: Mapped[str] = mapped_column(String(30))
    reason: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(DateTime, default=utc_now)
    cart_cleared: Mapped[bool] = mapped_column(default=False)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    refund_requested: Mapped[bool] = mapped_column(default=False)
    items: Mapped[list["ItemRow"]] = relationship(order_by="ItemRow.position", lazy="selectin")


class ItemRow(Base):
    __tablename__ = "orders_item"
    __table_args__ = (CheckConstraint("qty > 0", name="qty"),)

    order_id: Mapped[str] = mapped_column(ForeignKey("orders_order.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    product_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    qty: Mapped[int]
    price_cents: Mapped[int]
