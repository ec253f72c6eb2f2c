"""What the shop writes to its customers."""

from __future__ import annotations

from typing import NamedTuple

from store.orders.api import OrderCancelled, OrderPaid, OrderRefunded


class Letter(NamedTuple):
    kind: str
    subject: str
    text: str


def paid(event: OrderPaid) -> Letter:
    return Letter(
        "paid",
        f"Thank you for your order {short(event.order_id)}",
        f"We have received {euros(event.total_cents)} for your order {event.order_id}. It is on its way to you.",
    )


def cancelled(event: OrderCancelled) -> Letter:
    return Letter(
        "cancelled",
        f"Your order {short(event.order_id)} is cancelled",
        f"Your order {event.order_id} over {euros(event.total_cents)} is cancelled. {event.reason}",
    )


def refunded(event: OrderRefunded) -> Letter:
    return Letter(
        "refunded",
        f"We have paid your order {short(event.order_id)} back",
        f"We have paid back {euros(event.total_cents)} for your order {event.order_id}.",
    )


def short(order_id: str) -> str:
    """Return the part of an order's id that people compare."""
    return order_id[-6:].upper()


def euros(cents: int) -> str:
    return f"€ {cents // 100:,}.{cents % 100:02}"
