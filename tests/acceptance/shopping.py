"""The whole shop as its customers' programs see it, with the payment provider beside it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from decant.auth import AccessTokens, Keyring, MemoryRevocations, Revocations, generate_key, key_from_pem
from tests.acceptance.running import STORE, Running, copy_workspace, free_port, prepare, running
from tests.support import shop_books
from tests.support.payment_provider import PaymentProvider, payment_provider
from tests.support.waiting import wait_until

MODULES = ["auth", "users", "catalog", "cart", "orders", "payments", "notifications"]
SERVICES = {"monolith": ["store"], "services": MODULES}
OWNERS = {
    "auth": "auth", "users": "users", "cart": "cart", "products": "catalog", "categories": "catalog", "mails": "notifications",
    "payments": "payments",
}  # fmt: skip
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Customer:
    email: str
    user_id: str
    token: str


class Market:
    """The public address: each path is asked of the service that owns it."""

    def __init__(self, made: Running, name: str, signing_key: str, provider: PaymentProvider) -> None:
        self.running = made
        self.name = name
        self.provider = provider
        self._signing_key = signing_key
        self.stock = shop_books.stock(made.home)

    def url(self, path: str) -> str:
        if self.running.topology == "monolith":
            return self.running.urls["store"]
        first = path.removeprefix("/api").split("/")[1].partition("?")[0]
        return self.running.urls[OWNERS.get(first, "orders")]

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
        return requests.request(
            method,
            self.url(path) + path,
            headers={**sent, **(headers or {})},
            timeout=20,
            allow_redirects=False,
            **kwargs,
        )

    def customer(self) -> Customer:
        """Sign somebody new up."""
        email = f"{secrets.token_hex(6)}@example.org"
        answer = self.ask("POST", "/api/auth/signup", json={"email": email, "password": PASSWORD, "name": "Somebody"})
        assert answer.status_code == 201, answer.text
        return Customer(email, answer.json()["user_id"], answer.json()["access_token"])

    def admin(self) -> Customer:
        """Return somebody whose token says that they run the shop."""
        keys = Keyring(key_from_pem(self._signing_key, "a key"))
        tokens = AccessTokens(keys, Revocations(MemoryRevocations()), issuer=self.name, audience=self.name)
        return Customer("", "admin", tokens.issue("admin", roles=["admin"]))

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
        wait_until(
            lambda: not shop_books.still_open(self.running.home), within_s=60, what="every order and saga to end"
        )
        return shop_books.faults(self.running.home, self.provider.ledger(), self.stock)


@contextmanager
def market(topology: str, folder: Path) -> Iterator[Market]:
    """Run the shop and its provider for as long as the block."""
    name, signing_key = f"store-{secrets.token_hex(4)}", generate_key().decode()
    with ExitStack() as stack:
        provider = stack.enter_context(payment_provider(folder, free_port()))
        env = {
            "DECANT_AUTH_SIGNING_KEY": signing_key,
            "DECANT_AUTH_COOKIE_KEY": secrets.token_hex(32),
            **provider.settings,
        }
        workspace = copy_workspace(STORE, folder / topology, topology)
        config = workspace / "decant.toml"
        config.write_text(config.read_text().replace('name = "store"', f'name = "{name}"', 1))
        prepare(workspace, env)
        made = stack.enter_context(running(workspace, SERVICES[topology], topology=topology, env=env))
        yield Market(made, name, signing_key, provider)


def fields_of(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    """Return a problem document, once it is the expected one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(answer.text)
    assert (document["status"], document["code"]) == (status, code)
    return document
