"""Orders by themselves: a service made by hand, with a session and stand-ins for cart and catalogue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from store.cart.api import CartContents, CartItem
from store.catalog.api import Product
from store.orders import module
from store.orders.api import (
    EmptyCart,
    NothingToRefund,
    PaymentChoice,
    TooLateToCancel,
    UnknownOrder,
)
from store.orders.models import Base, OrderRow
from store.orders.sagas import Checkout, CheckoutData
from store.orders.service import OrderService

import decant
from decant import CallContext, Caller, Paging
from decant.db import assert_no_drift, assert_reversible, infrastructure_of
from decant.errors import Unavailable
from decant.events import Outbox
from decant.idempotency import IdempotencyKeyReused
from decant.sagas import Failure
from examples.store.tests.conftest import session_of

TWO_BOOKS = [CartItem(product_id="p1", qty=2, name="Book", price_cents=1500)]
PEN = CartItem(product_id="p12", qty=1, name="Pen", price_cents=2900)


class StubCart:
    def __init__(self, items: list[CartItem]) -> None:
        self.items = items
        self.cleared: list[str] = []
        self.is_down = False

    def get(self, user_id: str) -> CartContents:
        total = sum(item.qty * item.price_cents for item in self.items)
        return CartContents(items=self.items, total_cents=total)

    def clear(self, user_id: str) -> None:
        self.cleared.append(user_id)
        if self.is_down:
            raise Unavailable("The cart is down.")


class StubCatalog:
    def get_product(self, product_id: str) -> Product:
        return Product(id=product_id, name="Book", price_cents=1500, stock=10)


@pytest.fixture
def db() -> Iterator[Session]:
    yield from session_of("orders", Base)


@pytest.fixture
def cart() -> StubCart:
    return StubCart(TWO_BOOKS)


def orders(
    db: Session, cart: StubCart, user_id: str = "user-1", key: str | None = None, **caller: object
) -> OrderService:
    context = CallContext(idempotency_key=key)
    return OrderService(db, cart, StubCatalog(), Caller(user_id, **caller), context)  # type: ignore[arg-type]


def set_status(db: Session, order_id: str, status: str) -> None:
    db.get_one(OrderRow, order_id).status = status
    db.commit()


def test_an_order_is_placed_with_its_event_and_the_cart_is_cleared_once(db: Session, cart: StubCart) -> None:
    order = OrderService(db, cart, StubCatalog()).place_order(user_id="user-1")  # type: ignore[arg-type]
    assert order.total_cents == 3000
    assert len(order.items) == 1
    [row] = Outbox.rows(db)
    assert row.event_type == "order.created"
    assert row.payload["total_cents"] == 3000
    assert cart.cleared == ["user-1"]


def test_an_empty_cart_is_refused_and_nothing_is_written(db: Session) -> None:
    cart = StubCart([])
    with pytest.raises(EmptyCart) as refused:
        OrderService(db, cart, StubCatalog()).place_order(user_id="user-1")  # type: ignore[arg-type]
    assert isinstance(refused.value, decant.ValidationError)
    assert (refused.value.status, refused.value.code) == (409, "orders.cart-empty")
    assert (db.scalars(select(OrderRow)).all(), Outbox.rows(db), cart.cleared) == ([], [], [])


def test_its_saga_starts_in_the_same_transaction(db: Session, cart: StubCart) -> None:
    order = orders(db, cart).place_order("user-1")
    saga = infrastructure_of("orders").saga
    assert db.execute(select(saga.c.name, saga.c.key)).all() == [("checkout", order.id)]


def test_a_key_gets_the_same_order_though_the_cart_is_empty_by_then(db: Session, cart: StubCart) -> None:
    first = orders(db, cart, key="k1").checkout()
    cart.items = []
    assert orders(db, cart, key="k1").checkout() == first
    assert len(Outbox.rows(db)) == 1


def test_a_key_with_another_payment_method_is_refused(db: Session, cart: StubCart) -> None:
    orders(db, cart, key="k1").checkout()
    with pytest.raises(IdempotencyKeyReused):
        orders(db, cart, key="k1").checkout(PaymentChoice(payment_method="pm_twice"))


def test_a_key_is_the_users_own(db: Session, cart: StubCart) -> None:
    first = orders(db, cart, key="k1").checkout()
    assert orders(db, cart, "user-2", key="k1").checkout().order_id != first.order_id


def test_an_order_stands_though_the_cart_cannot_be_cleared(db: Session, cart: StubCart) -> None:
    cart.is_down = True
    order = orders(db, cart).place_order("user-1")
    assert db.get_one(OrderRow, order.id).cart_cleared is False


def test_of_two_requests_without_a_key_one_orders_the_cart(db: Session, cart: StubCart) -> None:
    class BusyCart(StubCart):
        def get(self, user_id: str) -> CartContents:
            orders(db, cart).place_order(user_id)  # the other request, from beginning to end
            return super().get(user_id)

    with pytest.raises(EmptyCart):
        orders(db, BusyCart(TWO_BOOKS)).place_order("user-1")
    assert len(Outbox.rows(db)) == 1


@pytest.mark.parametrize("key", [None, "k2"])
def test_a_cart_that_an_order_has_yet_to_empty_is_not_ordered_again(
    db: Session, cart: StubCart, key: str | None
) -> None:
    cart.is_down = True  # for the emptying alone
    orders(db, cart, key="k1").checkout()
    cart.is_down = False
    with pytest.raises(EmptyCart):
        orders(db, cart, key=key).checkout()
    assert (len(Outbox.rows(db)), cart.cleared) == (1, ["user-1", "user-1"])


def test_a_cart_that_was_changed_since_is_ordered(db: Session, cart: StubCart) -> None:
    cart.is_down = True
    first = orders(db, cart).checkout()
    cart.items = [*TWO_BOOKS, PEN]
    assert orders(db, cart).checkout().order_id != first.order_id


def test_what_a_cancelled_order_left_in_the_cart_can_be_ordered_again(db: Session, cart: StubCart) -> None:
    cart.is_down = True
    set_status(db, orders(db, cart).checkout().order_id, "cancelled")
    assert orders(db, cart).checkout()


def test_another_users_order_is_not_there(db: Session, cart: StubCart) -> None:
    order = orders(db, cart).place_order("user-1")
    for ask in (orders(db, cart, "user-2").get_order, orders(db, cart, "user-2").cancel):
        with pytest.raises(UnknownOrder):
            ask(order.id)
    assert orders(db, cart, "user-2").list_orders(Paging()).items == []


def test_an_administrator_sees_every_order(db: Session, cart: StubCart) -> None:
    order = orders(db, cart).place_order("user-1")
    admin = orders(db, cart, "user-9", roles=frozenset({"admin"}))
    assert admin.get_order(order.id).id == order.id
    assert [one.id for one in admin.list_all(Paging(), status="pending").items] == [order.id]
    assert admin.list_all(Paging(), status="paid").items == []


def test_orders_are_listed_newest_first_in_pages(db: Session, cart: StubCart) -> None:
    placed = [orders(db, cart).place_order("user-1").id for _ in range(3)]
    first = orders(db, cart).list_orders(Paging(limit=2))
    second = orders(db, cart).list_orders(Paging(limit=2, cursor=first.next))
    assert [order.id for order in first.items + second.items] == placed[::-1]
    assert second.next is None


def test_orders_are_found_by_the_name_of_a_product(db: Session, cart: StubCart) -> None:
    orders(db, cart).place_order("user-1")
    assert len(orders(db, cart).list_orders(Paging(), q="BOO").items) == 1
    assert orders(db, cart).list_orders(Paging(), q="%").items == []


@pytest.mark.parametrize(
    ("was_cleared", "holds", "cleared"),
    [(True, TWO_BOOKS, []), (False, TWO_BOOKS, ["user-1"]), (False, [*TWO_BOOKS, PEN], []), (False, [], [])],
    ids=["was cleared", "as it was ordered", "changed since", "empty"],
)
def test_the_saga_clears_the_cart_only_where_it_is_still_the_ordered_one(
    db: Session, cart: StubCart, was_cleared: bool, holds: list[CartItem], cleared: list[str]
) -> None:
    cart.is_down = not was_cleared
    order = orders(db, cart).place_order("user-1")
    again = StubCart(holds)
    fact = {"order_id": order.id, "user_id": "user-1", "total_cents": 3000, "method": "pm_ok"}
    data = CheckoutData.model_validate({**fact, "lines": [{"product_id": "p1", "qty": 2}]})
    Checkout(db, again, StubCatalog(), None).clear_cart(data)  # type: ignore[arg-type]
    assert again.cleared == cleared


def test_a_repetition_clears_the_cart_that_the_first_request_could_not(db: Session, cart: StubCart) -> None:
    cart.is_down = True
    order = orders(db, cart, key="k1").checkout()
    cart.is_down = False
    assert orders(db, cart, key="k1").checkout() == order
    assert cart.cleared == ["user-1", "user-1"]
    assert db.get_one(OrderRow, order.order_id, populate_existing=True).cart_cleared


def test_cancelling_is_noted_for_the_saga(db: Session, cart: StubCart) -> None:
    order = orders(db, cart).place_order("user-1")
    assert orders(db, cart).cancel(order.id).status == "pending"
    assert db.get_one(OrderRow, order.id).cancel_requested


def test_a_paid_order_is_too_late_to_cancel(db: Session, cart: StubCart) -> None:
    order = orders(db, cart).place_order("user-1")
    set_status(db, order.id, "paid")
    with pytest.raises(TooLateToCancel):
        orders(db, cart).cancel(order.id)


def test_only_what_is_paid_can_be_refunded_and_only_once(db: Session, cart: StubCart) -> None:
    order = orders(db, cart).place_order("user-1")
    with pytest.raises(NothingToRefund):
        orders(db, cart).refund(order.id)
    set_status(db, order.id, "paid")
    for _ in range(2):
        orders(db, cart).refund(order.id)
    saga = infrastructure_of("orders").saga
    assert db.scalars(select(saga.c.name).where(saga.c.name == "refund")).all() == ["refund"]


def test_the_revisions_lead_to_the_models_and_back() -> None:
    assert_no_drift(module)
    assert_reversible(module)


def test_an_order_that_an_operator_takes_back_after_it_was_paid_is_cancelled(db: Session, cart: StubCart) -> None:
    order = orders(db, cart).place_order("user-1")
    set_status(db, order.id, "paid")
    fact = {"order_id": order.id, "user_id": "user-1", "total_cents": 3000, "method": "pm_ok", "lines": []}
    saga = Checkout(db, cart, StubCatalog(), None)  # type: ignore[arg-type]
    saga.cancel(CheckoutData.model_validate(fact), Failure("clear-cart", "saga.operator", "An operator wanted it so."))
    row = db.get_one(OrderRow, order.id, populate_existing=True)
    assert (row.status, "has been paid back" in str(row.reason)) == ("cancelled", True)
