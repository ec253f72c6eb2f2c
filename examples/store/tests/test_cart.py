"""Carts by themselves: a service is made by hand, with a catalogue that stands in for the real one."""

from __future__ import annotations

import json

import pytest
from sqlalchemy.orm import Session
from store.cart import module
from store.cart.api import CartContents, CartItem, NewItem, Qty, TooMany
from store.cart.keeping import DatabaseCarts
from store.cart.service import CartService
from store.catalog.api import Catalog, Product, UnknownProduct
from store.catalog.service import CatalogService

from decant import Caller
from decant.clock import SystemClock
from decant.db import assert_no_drift, assert_reversible
from decant.errors import AuthenticationError, Unavailable


class StandIn(CatalogService):
    """A catalogue of two books, which may be down and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.is_down = False
        self.products = {
            "p1": Product(id="p1", name="Book", price_cents=1500, stock=10),
            "p2": Product(id="p2", name="Atlas", price_cents=6900, stock=0),
        }

    def get_products(self, ids: list[str]) -> list[Product]:
        if self.is_down:
            raise Unavailable("The catalogue is down.")
        self.asked.append(ids)
        return [self.products[key] for key in ids if key in self.products]


class Desk:
    """Makes the service as a caller meets it."""

    def __init__(self, db: Session) -> None:
        self.db = db
        self.catalog = StandIn()

    def __call__(self, user_id: str | None = "ada") -> CartService:
        self.db.commit()  # the call before has ended
        catalog: Catalog = self.catalog
        return CartService(DatabaseCarts(self.db, SystemClock()), catalog, Caller(user_id))


@pytest.fixture
def cart(cart_db: Session) -> Desk:
    return Desk(cart_db)


def item(product_id: str = "p1", qty: int = 1) -> NewItem:
    return NewItem(product_id=product_id, qty=qty)


def quantities(contents: CartContents) -> list[tuple[str, int]]:
    return [(item.product_id, item.qty) for item in contents.items]


def test_a_cart_that_nobody_has_written_is_empty_and_asks_nobody(cart: Desk) -> None:
    assert cart().mine() == CartContents(items=[], total_cents=0)
    assert cart.catalog.asked == []


def test_what_is_added_shows_with_name_price_and_total(cart: Desk) -> None:
    cart().add(item(qty=2))
    contents = cart().add(item("p2"))
    assert contents == CartContents(
        items=[
            CartItem(product_id="p1", qty=2, name="Book", price_cents=1500),
            CartItem(product_id="p2", qty=1, name="Atlas", price_cents=6900),
        ],
        total_cents=9900,
    )
    assert cart().mine() == contents


def test_every_request_asks_the_catalogue_once(cart: Desk) -> None:
    cart().add(item("p2"))
    cart().add(item("p1"))
    cart().mine()
    assert cart.catalog.asked == [["p2"], ["p2", "p1"], ["p2", "p1"]]


def test_names_and_prices_are_those_of_the_moment(cart: Desk) -> None:
    cart().add(item(qty=2))
    cart.catalog.products["p1"] = Product(id="p1", name="Second edition", price_cents=1700, stock=3)
    contents = cart().mine()
    assert (contents.items[0].name, contents.total_cents) == ("Second edition", 3400)


def test_what_is_sold_no_more_is_left_out(cart: Desk) -> None:
    cart().add(item("p1"))
    cart().add(item("p2"))
    del cart.catalog.products["p2"]
    contents = cart().mine()
    assert (quantities(contents), contents.total_cents) == ([("p1", 1)], 1500)


def test_adding_accumulates(cart: Desk) -> None:
    cart().add(item(qty=40))
    assert quantities(cart().add(item(qty=59))) == [("p1", 99)]


def test_more_than_ninety_nine_is_refused_by_name_and_adds_nothing(cart: Desk) -> None:
    cart().add(item(qty=60))
    with pytest.raises(TooMany) as caught:
        cart().add(item(qty=40))
    cart.db.rollback()
    assert caught.value.status == 422
    assert [error["field"] for error in caught.value.errors] == ["body.qty"]
    assert quantities(cart().mine()) == [("p1", 60)]


def test_a_quantity_is_replaced(cart: Desk) -> None:
    cart().add(item(qty=40))
    cart().add(item("p2"))
    assert quantities(cart().change("p1", Qty(qty=3))) == [("p1", 3), ("p2", 1)]


def test_a_product_that_is_not_in_the_cart_comes_into_it(cart: Desk) -> None:
    assert quantities(cart().change("p2", Qty(qty=3))) == [("p2", 3)]


def test_a_product_is_taken_out_however_often_it_is_said(cart: Desk) -> None:
    cart().add(item("p1"))
    cart().add(item("p2"))
    for _ in range(2):
        assert quantities(cart().remove("p1")) == [("p2", 1)]


def test_an_unknown_product_is_told_and_changes_nothing(cart: Desk) -> None:
    cart().add(item("p1"))
    with pytest.raises(UnknownProduct):
        cart().add(item("p99"))
    with pytest.raises(UnknownProduct):
        cart().change("p99", Qty(qty=1))
    with pytest.raises(UnknownProduct):
        cart().remove("p99")
    assert quantities(cart().mine()) == [("p1", 1)]


def test_what_is_sold_no_more_can_be_taken_out(cart: Desk) -> None:
    cart().add(item("p1"))
    cart().add(item("p2"))
    del cart.catalog.products["p1"]
    cart().remove("p1")
    cart.catalog.products["p1"] = Product(id="p1", name="Book", price_cents=1500, stock=10)
    assert quantities(cart().mine()) == [("p2", 1)]


def test_each_user_has_their_own(cart: Desk) -> None:
    cart("ada").add(item("p1"))
    assert quantities(cart("bob").add(item("p2"))) == [("p2", 1)]
    assert quantities(cart().get("ada")) == [("p1", 1)]


def test_nobody_has_none(cart: Desk) -> None:
    with pytest.raises(AuthenticationError):
        cart(None).mine()


def test_while_the_catalogue_is_down_nothing_is_shown_and_nothing_changed(cart: Desk) -> None:
    cart().add(item("p1"))
    cart.catalog.is_down = True
    for ask in (cart().mine, lambda: cart().add(item("p1")), lambda: cart().remove("p1")):
        with pytest.raises(Unavailable):
            ask()
    cart.catalog.is_down = False
    assert quantities(cart().mine()) == [("p1", 1)]


def test_a_cleared_cart_is_empty_also_the_second_time(cart: Desk) -> None:
    cart().add(item("p1"))
    for _ in range(2):
        cart().clear("ada")
        assert cart().get("ada").items == []


def test_a_guests_cart_moves_into_the_users_once(cart: Desk) -> None:
    cart().add(item("p1", 60))
    cart(None).add_to("guest-1", item("p2", 2))
    cart(None).add_to("guest-1", item("p1", 50))
    for _ in range(2):
        cart().merge("ada", "guest-1")
        assert quantities(cart().mine()) == [("p1", 99), ("p2", 2)]
        assert cart().get("guest-1").items == []


def test_a_guest_who_has_nothing_brings_nothing(cart: Desk) -> None:
    cart().merge("ada", "guest-1")
    assert cart().mine().items == []


def test_the_shape_is_what_clients_expect(cart: Desk) -> None:
    contents = cart().add(item("p1", 2))
    assert json.loads(contents.model_dump_json()) == {
        "items": [{"product_id": "p1", "qty": 2, "name": "Book", "price_cents": 1500}],
        "total_cents": 3000,
    }


def test_revisions_lead_to_the_models() -> None:
    assert_no_drift(module)


def test_every_revision_goes_back() -> None:
    assert_reversible(module)
