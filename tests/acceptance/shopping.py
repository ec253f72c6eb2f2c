"""The whole shop as its customers' programs see it, with the payment provider beside it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

import requests

from tests.acceptance.store import Store, patiently
from tests.support import shop_books
from tests.support.waiting import wait_until

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Customer:
    email: str
    user_id: str
    token: str


class Market:
    """The shop's public address, for customers."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.home = store.running.home
        self.provider = store.setting.provider
        self.stock = store.stock

    def url(self, path: str) -> str:
        """Return the address that a path is asked of."""
        return self.store.running.edge

    def ask(
        self,
        method: str,
        path: str,
        who: Customer | None = None,
        *,
        headers: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> requests.Response:
        sent = {"Authorization": f"Bearer {who.token}"} if who is not None else {}
        sent |= headers or {}
        return patiently(
            lambda: requests.request(
                method, self.url(path) + path, headers=sent, timeout=20, allow_redirects=False, **kwargs
            )
        )

    def customer(self) -> Customer:
        """Sign somebody new up."""
        email = f"{secrets.token_hex(6)}@example.org"
        answer = self.ask("POST", "/api/auth/signup", json={"email": email, "password": PASSWORD, "name": "Somebody"})
        assert answer.status_code == 201, answer.text
        return Customer(email, answer.json()["user_id"], answer.json()["access_token"])

    def admin(self) -> Customer:
        """Return somebody whose token says that they run the shop."""
        return Customer("", "admin", self.store.tokens().issue("admin", roles=["admin"]))

    def fill(self, who: Customer, product_id: str = "p1", qty: int = 1) -> None:
        answer = self.ask("POST", "/api/cart/items", who, json={"product_id": product_id, "qty": qty})
        assert answer.status_code == 200, answer.text

    def check_out(self, who: Customer, payment_method: str | None = None, **headers: str) -> str:
        """Order what is in the cart; return the order's id."""
        choice = {} if payment_method is None else {"json": {"payment_method": payment_method}}
        answer = self.ask("POST", "/api/checkout", who, headers=headers, **choice)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["order_id"])

    def order(self, who: Customer, order_id: str) -> Any:
        answer = self.ask("GET", f"/api/orders/{order_id}", who)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ended(self, who: Customer, order_id: str) -> Any:
        """Return an order once it is paid or cancelled, within the 30 s for which a client may poll."""

        def end() -> Any:
            order = self.order(who, order_id)
            return order if order["status"] in shop_books.ENDED else None

        return wait_until(end, within_s=30, what=f"the end of the order {order_id}")

    def settled_faults(self) -> list[str]:
        """Return what does not add up once nothing is on its way any more."""
        wait_until(lambda: not shop_books.still_open(self.home), within_s=60, what="every order and saga to end")
        return shop_books.faults(self.home, self.provider.ledger(), self.stock)


def fields_of(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    """Return a problem document, once it is the expected one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(answer.text)
    assert (document["status"], document["code"]) == (status, code)
    return document
