"""Orders on three databases: one for each key, each at its end, sold what was there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from decant import create_app
from decant.auth import AccessTokens
from decant.service import runtime_of
from tests.acceptance.running import STORE
from tests.support.served import serving
from tests.support.waiting import wait_until

ENDED = {"paid", "cancelled"}
LAST_ONES = "p7"


class Shop:
    def __init__(self, app: Flask, ledger: Any) -> None:
        self.app = app
        self.ledger = ledger
        self._tokens: AccessTokens = runtime_of(app).registry("auth").getter(AccessTokens)(None)  # type: ignore[arg-type]

    def ask(self, method: str, path: str, user_id: str, key: str = "", **kwargs: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._tokens.issue(user_id, roles=['admin'])}"}
        if key:
            headers["Idempotency-Key"] = key
        return self.app.test_client().open(path, method=method, headers=headers, **kwargs)

    def fill(self, user_id: str, product_id: str = "p1", qty: int = 1) -> None:
        filled = self.ask("PUT", f"/api/cart/items/{product_id}", user_id, json={"qty": qty})
        assert filled.status_code == 200, filled.json

    def check_out(self, user_id: str, method: str = "pm_ok", key: str = "") -> Any:
        return self.ask("POST", "/api/checkout", user_id, key, json={"payment_method": method})

    def orders(self) -> list[Any]:
        found: list[Any] = self.ask("GET", "/api/all-orders?limit=100", "admin").json["items"]
        return found

    def ended(self) -> list[Any]:
        """Return all orders once each has come to an end."""
        wait_until(lambda: {one["status"] for one in self.orders()} <= ENDED, within_s=40, what="every order to end")
        return self.orders()

    def stock(self, product_id: str) -> int:
        left: int = self.ask("GET", f"/api/products/{product_id}", "admin").json["stock"]
        return left

    def captured(self) -> int:
        """Return the cents that were taken and kept."""
        found = self.ledger.summary()
        return int(found["captured_cents"] - found["refunded_cents"])


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Shop]:
    from provider.app import create_provider
    from provider.ledger import Ledger

    ledger = Ledger(tmp_path / "provider.sqlite3")
    with serving(create_provider(ledger, hang_s=0.5)) as url:
        environ = {
            "DECANT_HOME": str(tmp_path / "home"),
            "DATABASE_URL": database_url,
            "PAYMENTS_PROVIDER_URL": url,
            "PAYMENTS_TIMEOUT_S": "0.3",
        }
        app = create_app(config=STORE / "decant.toml", environ=environ)
        runtime = runtime_of(app)
        runtime.migrate()
        runtime.seed()
        runtime.start()
        yield Shop(app, ledger)
        runtime.stop(5)


def test_one_key_is_one_order_however_many_ask_at_once(shop: Shop) -> None:
    shop.fill("ada")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.check_out("ada", key="once"), range(8)))
    assert {answer.status_code for answer in answers} == {201}, [answer.json for answer in answers]
    assert len({answer.text for answer in answers}) == 1
    [order] = shop.ended()
    assert (order["status"], order["total_cents"], shop.captured()) == ("paid", 1500, 1500)


@pytest.mark.parametrize(
    "keys", [[f"key-{number}" for number in range(6)], ["", "a", "", "b", "", "c"]], ids=["all", "some"]
)
def test_a_cart_is_ordered_once_whatever_keys_the_requests_bring(shop: Shop, keys: list[str]) -> None:
    shop.fill("ada")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda key: shop.check_out("ada", key=key), keys))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 5}, [answer.json for answer in answers]
    assert {answer.json["code"] for answer in answers if answer.status_code == 409} == {"orders.cart-empty"}
    [order] = shop.ended()
    assert (order["status"], shop.captured()) == ("paid", 1500)


def test_keys_differ_by_case_and_by_user(shop: Shop) -> None:
    for user_id, key in (("ada", "k"), ("ada", "K"), ("bob", "k")):
        shop.fill(user_id)
        assert shop.check_out(user_id, key=key).status_code == 201
    assert len(shop.ended()) == 3


def test_every_card_ends_and_what_was_taken_is_what_is_paid(shop: Shop) -> None:
    def buy(number: int) -> None:
        user_id, cards = f"user-{number}", ["pm_ok", "pm_declined", "pm_twice", "pm_timeout_captured"]
        shop.fill(user_id, LAST_ONES if number % 2 else "p1", 1 + number % 3)
        assert shop.check_out(user_id, cards[number % 4]).status_code == 201

    before = shop.stock(LAST_ONES)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(buy, range(24)))
    ends = shop.ended()
    paid = [one for one in ends if one["status"] == "paid"]
    sold = sum(item["qty"] for one in paid for item in one["items"] if item["product_id"] == LAST_ONES)
    assert shop.stock(LAST_ONES) == before - sold >= 0
    assert shop.captured() == sum(one["total_cents"] for one in paid)
    assert Counter(bool(one["reason"]) for one in ends)[True] == len(ends) - len(paid)


def test_a_refund_pays_back_once(shop: Shop) -> None:
    shop.fill("ada", LAST_ONES)
    before, order_id = shop.stock(LAST_ONES), shop.check_out("ada").json["order_id"]
    assert shop.ended()[0]["status"] == "paid"
    for _ in range(3):
        assert shop.ask("POST", f"/api/orders/{order_id}/refund", "admin").status_code == 200
    wait_until(lambda: shop.orders()[0]["status"] == "cancelled", what="the refund")
    assert (shop.captured(), shop.stock(LAST_ONES)) == (0, before)
