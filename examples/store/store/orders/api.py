"""What the public and other modules may ask about orders, and what orders tell everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from decant import Contract, DomainError, Event, NotFoundError, Page, Paging, Query, ValidationError, get, post
from decant.auth import require_roles, require_user
from decant.idempotency import IdempotencyKeyMalformed, IdempotencyKeyReused
from store.catalog.api import UnknownProduct
from store.payments.api import PaymentMethod

OrderStatus = Literal["pending", "reserved", "paid", "cancelled"]
OrderId = Annotated[str, Field(max_length=36)]


class PaymentChoice(BaseModel):
    payment_method: PaymentMethod = "pm_ok"


class Placed(BaseModel):
    """An order that was taken, as it was then: a repetition gets the same. What became of it, `GET` tells."""

    order_id: str
    status: Literal["pending"] = "pending"
    total_cents: int


class OrderItem(BaseModel):
    """A product as it was when it was ordered."""

    product_id: str
    name: str
    qty: int
    price_cents: int


class Order(BaseModel):
    id: str
    status: OrderStatus
    total_cents: int
    items: list[OrderItem]
    reason: str | None
    """Why it is cancelled, in words for the customer."""
    payment_method: PaymentMethod
    created_at: datetime


class StuckOrder(BaseModel):
    """An order that waits for a person: what was tried for it failed too often, and why."""

    order_id: str
    saga_id: str
    saga: str
    story: str
    started_at: datetime


class EmptyCart(ValidationError, code="orders.cart-empty", status=409):
    """There is nothing in the cart."""


class UnknownOrder(NotFoundError, code="orders.unknown-order"):
    """There is no order {order_id}."""

    order_id: str


class TooLateToCancel(DomainError, code="orders.too-late-to-cancel", status=409):
    """The order is paid already; ask the shop for a refund."""


class NothingToRefund(DomainError, code="orders.nothing-to-refund", status=409):
    """Only an order that is paid can be refunded; this one is {order_status}."""

    order_status: OrderStatus


class OrderCreated(Event, type="order.created", key="order_id"):
    order_id: str
    user_id: str
    total_cents: int
    items: list[OrderItem]
    payment_method: PaymentMethod


class OrderPaid(Event, type="order.paid", key="order_id"):
    order_id: str
    user_id: str
    total_cents: int


class OrderCancelled(Event, type="order.cancelled", key="order_id"):
    order_id: str
    user_id: str
    total_cents: int
    reason: str


class OrderRefunded(Event, type="order.refunded", key="order_id"):
    order_id: str
    user_id: str
    total_cents: int


class Orders(Contract):
    @post(
        "/checkout",
        public=True,
        guard=require_user,
        location="/orders/{order_id}",
        idempotent="natural",
        errors=(IdempotencyKeyMalformed, IdempotencyKeyReused, UnknownProduct),
    )
    def checkout(self, choice: PaymentChoice | None = None) -> Placed:
        """Order what is in the cart; a repetition with the same Idempotency-Key gets the same order."""
        ...

    @get("/orders", public=True, guard=require_user)
    def list_orders(
        self, paging: Paging, q: Annotated[str | None, Query(), Field(max_length=100)] = None
    ) -> Page[Order]:
        """List the orders of whoever is signed in, the newest first; `q` looks for names of products."""
        ...

    @get("/orders/<order_id>", public=True, guard=require_user)
    def get_order(self, order_id: OrderId) -> Order:
        """Show an order of whoever is signed in; an administrator sees everybody's."""
        ...

    @post("/orders/<order_id>/cancel", public=True, guard=require_user, idempotent="natural")
    def cancel(self, order_id: OrderId) -> Order:
        """Cancel an order that is not paid yet. What was taken for it is paid back before it is `cancelled`."""
        ...

    @post("/orders/<order_id>/refund", public=True, guard=require_roles("admin"), idempotent="natural")
    def refund(self, order_id: OrderId) -> Order:
        """Pay a paid order back, and put its products on the shelf again; it ends `cancelled`."""
        ...

    @get("/all-orders", public=True, guard=require_roles("admin"))
    def list_all(self, paging: Paging, status: Annotated[OrderStatus | None, Query()] = None) -> Page[Order]:
        """List everybody's orders, the newest first."""
        ...

    @get("/stuck-orders", public=True, guard=require_roles("admin"))
    def list_stuck(self) -> list[StuckOrder]:
        """List the orders that wait for a person, the newest first, a hundred at most."""
        ...
