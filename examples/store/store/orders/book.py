"""The book of orders: each change of a status is one statement that says from which status it may come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.orm import Session

from store.orders.api import Order, OrderItem, UnknownOrder
from store.orders.models import ItemRow, OrderRow

OPEN = ("pending", "reserved")


class Uncleared(NamedTuple):
    """An order whose cart may not be empty yet: its id, and how many of each product."""

    order_id: str
    lines: set[tuple[str, int]]


class OrderBook:
    def __init__(self, db: Session) -> None:
        self.db = db

    def get(self, order_id: str) -> OrderRow:
        """Return an order as it is now.

        Raises:
            UnknownOrder: When there is none.
        """
        row = self.db.get(OrderRow, order_id, populate_existing=True)
        if row is None:
            raise UnknownOrder(order_id=order_id)
        return row

    def placed_with(self, user_id: str, key: str) -> OrderRow | None:
        return self.db.scalar(select(OrderRow).where(OrderRow.user_id == user_id, OrderRow.checkout_key == key))

    def turn_of(self, user_id: str) -> int:
        """Return the turn of the user's next order: of two that take the same one, one is placed."""
        return self.db.scalar(select(func.count()).where(OrderRow.user_id == user_id)) or 0

    def is_taken(self, user_id: str, turn: int) -> bool:
        return self.db.scalar(select(OrderRow.id).where(OrderRow.user_id == user_id, OrderRow.turn == turn)) is not None

    def uncleared(self, user_id: str) -> Uncleared | None:
        """Return the user's last order while what is in the cart may still be its."""
        last = next(iter(self.newest(1, before=None, user_id=user_id)), None)
        if last is None or last.cart_cleared or last.status == "cancelled":
            return None
        return Uncleared(last.id, {(item.product_id, item.qty) for item in last.items})

    def change(self, order_id: str, *conditions: ColumnElement[bool], **values: Any) -> bool:
        """Change an order where the conditions hold; return whether they did."""
        done = self.db.execute(
            update(OrderRow)
            .where(OrderRow.id == order_id, *conditions)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        return bool(done.rowcount)  # type: ignore[attr-defined]

    def newest(
        self,
        limit: int,
        *,
        before: str | None,
        user_id: str | None = None,
        q: str | None = None,
        status: str | None = None,
    ) -> Sequence[OrderRow]:
        query: Select[tuple[OrderRow]] = select(OrderRow).order_by(OrderRow.id.desc())
        if user_id is not None:
            query = query.where(OrderRow.user_id == user_id)
        if before is not None:
            query = query.where(OrderRow.id < before)
        if status is not None:
            query = query.where(OrderRow.status == status)
        if q:
            query = query.where(OrderRow.items.any(ItemRow.name.icontains(q, autoescape=True)))
        return self.db.scalars(query.limit(limit)).all()


def to_order(row: OrderRow) -> Order:
    items = [
        OrderItem(product_id=item.product_id, name=item.name, qty=item.qty, price_cents=item.price_cents)
        for item in row.items
    ]
    return Order(
        id=row.id,
        status=row.status,  # type: ignore[arg-type]
        total_cents=row.total_cents,
        items=items,
        reason=row.reason,
        payment_method=row.payment_method,  # type: ignore[arg-type]
        created_at=row.created_at.replace(tzinfo=UTC),
    )
