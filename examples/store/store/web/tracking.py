"""Watching an order until it is paid or cancelled: by events where a stream is free, else by asking again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from flask import Response, render_template
from flask.typing import ResponseReturnValue

from decant import CallContext, operation
from decant.auth import require_user
from decant.context import current, deadline, use
from decant.errors import RemoteCallError
from decant.serving.streams import Message, stream_response
from store.orders.api import Order, Orders

FINAL = ("paid", "cancelled")
SLOW = timedelta(seconds=8)
"""After this a customer wonders where their money is."""

EVERY_S = 0.2
CALL_S = 3.0


class Step(NamedTuple):
    """A step of the strip: its name, and how far it is (``done``, ``now``, ``todo`` or ``failed``)."""

    name: str
    state: str


@operation(guard=require_user)
def state(orders: Orders, order_id: str) -> ResponseReturnValue:
    """Answer with the part of the page that changes."""
    return render_template("web/order-state.html", **told(orders.get_order(order_id)))


@operation(guard=require_user)
def events(orders: Orders, order_id: str) -> Response:
    """Tell each change of the status as an event, until the last one."""
    orders.get_order(order_id)
    return stream_response(statuses(orders, order_id), every_s=EVERY_S)


def statuses(orders: Orders, order_id: str) -> Iterator[Message | None]:
    here, seen = current.get(), ""
    while seen not in FINAL:
        status = ask(orders, order_id, here) or seen
        changed, seen = status != seen, status
        yield Message(status, event="status") if changed else None


def ask(orders: Orders, order_id: str, here: CallContext) -> str | None:
    """Return the status, or None while nobody knows; the time of the request that opened the stream is long over."""
    try:
        with use(here.replace(deadline=None)), deadline(CALL_S):
            return orders.get_order(order_id).status
    except RemoteCallError:
        return None


def told(order: Order) -> dict[str, Any]:
    """Return an order as the page tells it."""
    final = order.status in FINAL
    slow = not final and datetime.now(UTC) - order.created_at > SLOW
    return {"order": order, "steps": steps(order), "final": final, "slow": slow}


def steps(order: Order) -> list[Step]:
    if order.status == "cancelled":
        return [Step("Ordered", "done"), Step("Cancelled", "failed")]
    names = ("Ordered", "Put aside for you", "Paid" if order.status == "paid" else "Payment")
    reached = ("pending", "reserved", "paid").index(order.status)
    states = ["done" if place <= reached else "now" if place == reached + 1 else "todo" for place in range(3)]
    return [Step(name, state) for name, state in zip(names, states, strict=True)]
