"""From the cart to the end of every order, in one process with a real provider: the books always add up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flask import Flask
from provider.app import create_provider
from provider.ledger import Ledger

from decant import create_app
from decant.auth import AccessTokens
from decant.service import Runtime, runtime_of
from examples.store.tests.conftest import ROOT
from tests.support import shop_books
from tests.support.served import serving
from tests.support.waiting import wait_until

ENDS = {
    "pm_ok": ("paid", ["captured"]),
    "pm_declined": ("cancelled", []),
    "pm_twice": ("paid", ["captured"]),
    "pm_timeout_captured": ("paid", ["captured"]),
}


@dataclass
class Shop:
    app: Flask
    home: Path
    ledger: Ledger
    stock: dict[str, int]

    @property
    def runtime(self) -> Runtime:
        return runtime_of(self.app)

    def sign_in(self, user_id: str, *roles: str) -> dict[str, str]:
        """Return the headers of somebody who is signed in."""
        tokens: AccessTokens = self.runtime.registry("auth").getter(AccessTokens)(None)
        return {"Authorization": f"Bearer {tokens.issue(user_id, roles=roles)}"}

    def ask(self, method: str, path: str, who: dict[str, str], **kwargs: Any) -> Any:
        return self.app.test_client().open(path, method=method, headers=who, **kwargs)

    def buy(self, who: dict[str, str], method: str = "pm_ok", product_id: str = "p1", qty: int = 1) -> str:
        added = self.ask("POST", "/api/cart/items", who, json={"product_id": product_id, "qty": qty})
        assert added.status_code == 200, added.json
        placed = self.ask("POST", "/api/checkout", who, json={"payment_method": method})
        assert placed.status_code == 201, placed.json
        return str(placed.json["order_id"])

    def order(self, who: dict[str, str], order_id: str) -> Any:
        return self.ask("GET", f"/api/orders/{order_id}", who).json

    def ended(self, who: dict[str, str], order_id: str) -> Any:
        """Return an order once it has come to an end."""
        return wait_until(lambda: self._ended(who, order_id), within_s=30, what=f"the end of {order_id}")

    def _ended(self, who: dict[str, str], order_id: str) -> Any:
        order = self.order(who, order_id)
        return order if order["status"] in shop_books.ENDED else None

    def moved(self, order_id: str) -> list[str]:
        return [one["kind"] for one in self.ledger.summary()["movements"] if one["key"] == order_id]

    def tries(self, order_id: str, step: str) -> int:
        assert self.runtime.sagas is not None
        [saga] = self.runtime.sagas.dispatchers["orders"].coordinator.store.find(order_id)
        entry = saga.entry(step, undo=False)
        return entry.attempts if entry else 0

    def faults(self) -> list[str]:
        wait_until(lambda: not shop_books.still_open(self.home), within_s=60, what="every order and saga to end")
        return shop_books.faults(self.home, self.ledger.summary(), self.stock)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    ledger = Ledger(tmp_path / "provider.sqlite3")
    with serving(create_provider(ledger, hang_s=0.5)) as url:
        home = tmp_path / "home"
        environ = {"DECANT_HOME": str(home), "PAYMENTS_PROVIDER_URL": url, "PAYMENTS_TIMEOUT_S": "0.3"}
        app = create_app(config=ROOT / "decant.toml", environ=environ)
        runtime = runtime_of(app)
        runtime.migrate()
        runtime.seed()
        runtime.start()
        yield Shop(app, home, ledger, shop_books.stock(home))
        runtime.stop(5)


@pytest.mark.parametrize("method", ENDS)
def test_each_card_comes_to_its_end(shop: Shop, method: str) -> None:
    ada = shop.sign_in("ada")
    order = shop.ended(ada, order_id := shop.buy(ada, method))
    assert (order["status"], shop.moved(order_id)) == ENDS[method]
    noted = shop_books.read(shop.home / "payments.sqlite3", "SELECT status, amount_cents FROM payments_charge")
    took = "captured" if order["status"] == "paid" else "declined"
    assert [tuple(row.values()) for row in noted] == [(took, order["total_cents"])]
    assert shop.faults() == []


def test_a_charge_that_arrives_after_the_customer_gave_up_takes_nothing(shop: Shop) -> None:
    ada = shop.sign_in("ada")
    order_id = shop.buy(ada, "pm_timeout")
    wait_until(lambda: shop.tries(order_id, "charge"), what="the first charge to get no answer")
    shop.ask("POST", f"/api/orders/{order_id}/cancel", ada)
    total_cents = shop.ended(ada, order_id)["total_cents"]
    late = shop.ledger.charge(order_id, total_cents, "pm_timeout", "captured")
    assert (late["status"], shop.moved(order_id)) == ("voided", [])


@pytest.mark.slow
def test_a_card_that_never_answers_ends_cancelled_and_nothing_is_taken(shop: Shop) -> None:
    ada = shop.sign_in("ada")
    order = shop.ended(ada, order_id := shop.buy(ada, "pm_timeout"))
    assert (order["status"], shop.moved(order_id)) == ("cancelled", [])
    assert "did not answer in time" in order["reason"]
    assert shop.faults() == []


def test_a_card_that_never_answers_can_be_given_up_by_the_customer(shop: Shop) -> None:
    ada = shop.sign_in("ada")
    order_id = shop.buy(ada, "pm_timeout")
    wait_until(lambda: shop.order(ada, order_id)["status"] == "reserved", what="the stock to be reserved")
    assert shop.ask("POST", f"/api/orders/{order_id}/cancel", ada).status_code == 200
    order = shop.ended(ada, order_id)
    assert (order["status"], shop.moved(order_id)) == ("cancelled", [])
    assert order["reason"].startswith("You cancelled this order.")
    assert shop.faults() == []


def test_exactly_what_is_there_is_sold(shop: Shop) -> None:
    users = [shop.sign_in(f"user-{number}") for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        placed = list(pool.map(lambda who: shop.buy(who, product_id="p7"), users))
    ends = [shop.ended(who, order_id) for who, order_id in zip(users, placed, strict=True)]
    assert sum(order["status"] == "paid" for order in ends) == shop.stock["p7"] < len(users)
    reasons = {order["reason"] for order in ends if order["status"] == "cancelled"}
    assert reasons == {"“Atlas of Small Islands” is sold out. You have not been charged."}
    assert shop.faults() == []


def test_one_key_is_one_order_however_many_ask_at_once(shop: Shop) -> None:
    ada = shop.sign_in("ada")
    shop.ask("POST", "/api/cart/items", ada, json={"product_id": "p1", "qty": 2})
    keyed = ada | {"Idempotency-Key": "checkout-1"}
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: shop.ask("POST", "/api/checkout", keyed), range(16)))
    assert {answer.status_code for answer in answers} == {201}, [answer.json for answer in answers]
    assert len({answer.json["order_id"] for answer in answers}) == 1
    assert shop.faults() == []
    assert len(shop_books.orders(shop.home)) == 1


def test_a_refund_pays_back_and_shelves_the_products_again(shop: Shop) -> None:
    ada, admin = shop.sign_in("ada"), shop.sign_in("eve", "admin")
    order_id = shop.buy(ada, qty=3)
    shop.ended(ada, order_id)
    assert shop.ask("POST", f"/api/orders/{order_id}/refund", ada).status_code == 403
    for _ in range(2):
        assert shop.ask("POST", f"/api/orders/{order_id}/refund", admin).status_code == 200
    wait_until(lambda: shop.order(ada, order_id)["status"] == "cancelled", what="the refund")
    assert shop.moved(order_id) == ["captured", "refunded"]
    assert shop.faults() == []
    assert shop_books.stock(shop.home) == shop.stock


def test_what_is_put_in_the_cart_after_the_checkout_stays_there(shop: Shop) -> None:
    ada = shop.sign_in("ada")
    for _ in range(5):
        order_id = shop.buy(ada)
        shop.ask("POST", "/api/cart/items", ada, json={"product_id": "p2", "qty": 1})
        shop.ended(ada, order_id)
        wait_until(lambda: not shop_books.still_open(shop.home), what="the saga's end")
        left = shop.ask("GET", "/api/cart", ada).json["items"]
        assert [item["product_id"] for item in left] == ["p2"]
        shop.ask("DELETE", "/api/cart/items/p2", ada)


def test_whatever_cards_are_used_and_whoever_cancels_the_books_add_up(shop: Shop) -> None:
    """Many checkouts at once, for few and for many products, some cancelled on their way."""
    cards = ["pm_ok"] * 6 + ["pm_declined", "pm_declined", "pm_twice", "pm_timeout_captured"]

    def visit(number: int) -> None:
        random, who = Random(number), shop.sign_in(f"user-{number % 12}-{number}")
        order_id = shop.buy(who, random.choice(cards), random.choice(["p1", "p2", "p7"]), random.randint(1, 3))
        if random.random() < 0.3:
            time.sleep(random.uniform(0, 0.1))  # so that it hits any moment of the saga
            assert shop.ask("POST", f"/api/orders/{order_id}/cancel", who).status_code in {200, 409}

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(visit, range(100)))
    assert shop.faults() == []
    ends = [one["status"] for one in shop_books.orders(shop.home)]
    assert (len(ends), set(ends)) == (100, {"paid", "cancelled"})


def test_requests_at_the_same_time_without_a_key_order_a_cart_once(shop: Shop) -> None:
    ada = shop.sign_in("ada")
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            shop.ask("POST", "/api/cart/items", ada, json={"product_id": "p1", "qty": 1})
            statuses = pool.map(lambda _: shop.ask("POST", "/api/checkout", ada).status_code, range(4))
            assert sorted(statuses) == [201, 409, 409, 409]
    assert shop.faults() == []


def test_the_api_document_tells_that_a_checkout_takes_a_key(shop: Shop) -> None:
    described = shop.app.test_client().get("/openapi.json").json["paths"]["/api/checkout"]["post"]
    assert "Idempotency-Key" in {one["name"] for one in described["parameters"]}


@pytest.mark.parametrize("key", ["k" * 256, "two words", ""])
def test_a_key_that_cannot_be_taken_orders_nothing(shop: Shop, key: str) -> None:
    ada = shop.sign_in("ada")
    shop.ask("POST", "/api/cart/items", ada, json={"product_id": "p1", "qty": 1})
    refused = shop.ask("POST", "/api/checkout", {**ada, "Idempotency-Key": key})
    assert (refused.status_code, refused.json["code"]) == (400, "idempotency-key-malformed")
    assert shop_books.orders(shop.home) == []
