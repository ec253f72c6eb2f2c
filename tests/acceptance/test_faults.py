"""Every failure switch of the shop, turned on while it runs: what becomes of an order, of the money, and of the page."""

from __future__ import annotations

import json
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import run
from time import monotonic
from typing import Any

import pytest
import requests
from flask import Flask, request

from decant import create_app
from decant.auth import generate_key
from decant.service import runtime_of
from tests.acceptance.running import STORE, Running, copy_workspace, environment, free_port, prepare, running
from tests.support.payment_provider import PaymentProvider, payment_provider
from tests.support.served import serving
from tests.support.waiting import wait_until

pytestmark = pytest.mark.serving

SERVICES = {
    "monolith": ["store"],
    "services": ["auth", "users", "catalog", "cart", "orders", "payments", "notifications", "web"],
}
DEVELOPMENT = {"DECANT_ENV": "development"}
PASSWORD = "the sea is calm tonight"
PRODUCT = "p1"
OWNERS = {"auth": "auth", "products": "catalog", "cart": "cart", "checkout": "orders", "orders": "orders"}


class Shop:
    """A shop that can be made to fail, and the provider that alone knows what was charged."""

    def __init__(
        self, made: Running, workspace: Path, provider: PaymentProvider, reports: list[tuple[str, int]]
    ) -> None:
        self.made = made
        self.workspace = workspace
        self.provider = provider
        self.reports = reports

    def url(self, path: str) -> str:
        if self.made.topology == "monolith":
            return self.made.urls["store"] + path
        parts = path.split("/")
        return self.made.urls[OWNERS[parts[2]] if parts[1] == "api" else "web"] + path

    def faults(self, *arguments: str) -> dict[str, Any]:
        """Run ``decant faults`` in a process of its own, as a person does."""
        decant = str(Path(sys.executable).with_name("decant"))
        done = run(
            [decant, "faults", *arguments, "--json"],
            cwd=self.workspace, env=environment(self.made.home, {}), capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return {one["name"]: one for one in json.loads(done.stdout)["faults"]}

    @contextmanager
    def failing(self, *names: str) -> Iterator[None]:
        """Turn switches on, wait until the page of a serving process says so, and turn them off at the end."""
        sentences = [state["sentence"] for state in self.faults("on", *names).values()]
        wait_until(lambda: all(text in self.page("/sign-in") for text in sentences), what="the shop to notice")
        try:
            yield
        finally:
            self.faults("off", *names)

    def page(self, path: str) -> str:
        return requests.get(self.url(path), timeout=10).text


class Customer:
    """Somebody with an account: a program with a token and a browser with a session."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        email = f"{secrets.token_hex(6)}@example.org"
        person = {"email": email, "password": PASSWORD, "name": "Ada"}
        answer = requests.post(shop.url("/api/auth/signup"), json=person, timeout=10)
        assert answer.status_code == 201, answer.text
        self.token = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        self.browser = requests.Session()
        self.browser.headers["Accept"] = "text/html"
        self.send("/sign-in", email=email, password=PASSWORD)

    def ask(self, method: str, path: str, **body: Any) -> Any:
        answer = requests.request(method, self.shop.url(path), headers=self.token, json=body or None, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def page(self, path: str) -> str:
        return self.browser.get(self.shop.url(path), timeout=30).text

    def send(self, path: str, **fields: str) -> requests.Response:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.page(path))
        assert found
        return self.browser.post(self.shop.url(path), data={"csrf_token": found[1], **fields}, timeout=10)

    def buy(self, method: str = "pm_ok") -> str:
        """Put a thing into the cart, check out, and return the order's id."""
        self.ask("POST", "/api/cart/items", product_id=PRODUCT, qty=1)
        order_id: str = self.ask("POST", "/api/checkout", payment_method=method)["order_id"]
        return order_id

    def order(self, order_id: str) -> Any:
        return self.ask("GET", f"/api/orders/{order_id}")

    def comes_to(self, order_id: str, *statuses: str) -> Any:
        """Wait until an order has one of the statuses, and return it."""

        def there() -> Any:
            order = self.order(order_id)
            assert order["status"] in statuses, order
            return order

        return wait_until(there, within_s=40, what=f"{' or '.join(statuses)}")

    def ends(self, order_id: str) -> Any:
        return self.comes_to(order_id, "paid", "cancelled")


@contextmanager
def open_shop(folder: Path, topology: str, env: dict[str, str] | None = None) -> Iterator[Shop]:
    workspace = copy_workspace(STORE, folder / "store", topology)
    prepare(workspace)
    reports: list[tuple[str, int]] = []
    shops: list[Shop] = []
    between = Flask("between")

    @between.post("/")
    def pass_on() -> str:
        """Take the provider's report on its way to the shop, and note what the shop said."""
        named = {
            name: value for name, value in request.headers if name.lower().startswith(("webhook-", "content-type"))
        }
        urls = shops[0].made.urls
        to = urls.get("payments") or urls["store"]
        answer = requests.post(f"{to}/payments/callbacks", data=request.get_data(), headers=named, timeout=10)
        reports.append((request.headers["webhook-id"], answer.status_code))
        return ""

    with serving(between) as url, payment_provider(folder, free_port()) as provider:
        settings = {**DEVELOPMENT, **provider.settings, "PAYMENTS_CALLBACK_URL": f"{url}/", **(env or {})}
        with running(workspace, SERVICES[topology], topology=topology, env=settings) as made:
            shops.append(Shop(made, workspace, provider, reports))
            yield shops[0]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("faults"), "monolith") as made:
        yield made


@pytest.fixture
def ada(shop: Shop) -> Customer:
    return Customer(shop)


def stock(shop: Shop) -> int:
    found: int = requests.get(shop.url(f"/api/products/{PRODUCT}"), timeout=10).json()["stock"]
    return found


def test_declined_cancels_the_order_and_nothing_is_taken(shop: Shop, ada: Customer) -> None:
    before = stock(shop)
    with shop.failing("payments.declined"):
        order = ada.ends(ada.buy("pm_ok"))
    assert (order["status"], order["reason"]) == ("cancelled", "Your card was declined. You have not been charged.")
    assert shop.provider.moved(order["id"]) == []
    assert stock(shop) == before
    assert order["reason"] in ada.page(f"/orders/{order['id']}")


@pytest.mark.slow
def test_timeout_ends_cancelled_and_nothing_stays_taken(shop: Shop, ada: Customer) -> None:
    before = stock(shop)
    with shop.failing("payments.timeout"):
        order_id = ada.buy("pm_ok")
        ada.comes_to(order_id, "reserved")
        assert "Your things are put aside" in ada.page(f"/orders/{order_id}")
        order = ada.ends(order_id)
    assert order["status"] == "cancelled"
    assert order["reason"].startswith("The payment company did not answer in time.")
    assert shop.provider.moved(order_id) == []
    assert stock(shop) == before
    assert "did not answer in time" in ada.page(f"/orders/{order_id}")


def test_timeout_that_passes_ends_paid_once(shop: Shop, ada: Customer) -> None:
    with shop.failing("payments.timeout"):
        order_id = ada.buy("pm_ok")
        ada.comes_to(order_id, "reserved")
    assert ada.ends(order_id)["status"] == "paid"
    assert shop.provider.moved(order_id) == ["captured"]


def test_timeout_captured_ends_paid_once(shop: Shop, ada: Customer) -> None:
    with shop.failing("payments.timeout-captured"):
        order = ada.ends(ada.buy("pm_ok"))
    assert order["status"] == "paid"
    assert shop.provider.moved(order["id"]) == ["captured"]
    assert "were taken from your card, once" in ada.page(f"/orders/{order['id']}")


def test_twice_is_paid_once_whatever_card_was_chosen(shop: Shop, ada: Customer) -> None:
    shop.reports.clear()
    with shop.failing("payments.twice"):
        order = ada.ends(ada.buy("pm_declined"))
        wait_until(lambda: len(shop.reports) == 2, what="both reports")
    assert order["status"] == "paid"
    assert {status for _, status in shop.reports} <= {200, 204}
    assert len({message_id for message_id, _ in shop.reports}) == 1
    assert shop.provider.moved(order["id"]) == ["captured"]
    assert ada.order(order["id"]) == order


@pytest.mark.slow
def test_a_slow_catalogue_delays_the_purchase_and_does_not_stop_it(shop: Shop, ada: Customer) -> None:
    with shop.failing("catalog.slow"):
        began = monotonic()
        assert "The Harbour Book" in ada.page(f"/products/{PRODUCT}")
        assert monotonic() - began >= 2
        order = ada.ends(ada.buy())
    assert order["status"] == "paid"
    assert shop.provider.moved(order["id"]) == ["captured"]


def test_the_last_item_goes_to_somebody_else_and_the_order_is_cancelled_unpaid(shop: Shop, ada: Customer) -> None:
    before = stock(shop)
    with shop.failing("catalog.last-item"):
        order = ada.ends(ada.buy())
    assert order["status"] == "cancelled"
    assert order["reason"] == "“The Harbour Book” is sold out. You have not been charged."
    assert shop.provider.moved(order["id"]) == []
    assert stock(shop) == before
    assert "sold out. You have not been charged." in ada.page(f"/orders/{order['id']}")


def test_mail_waits_while_it_is_down_and_the_order_is_paid(shop: Shop, ada: Customer) -> None:
    with shop.failing("notifications.mail-down"):
        assert ada.ends(ada.buy())["status"] == "paid"
        wait_until(lambda: "on its way to the mail server" in ada.page("/mailbox"), what="the mail to be written")
    wait_until(
        lambda: "on its way to the mail server" not in ada.page("/mailbox"),
        within_s=40,
        what="the mail to be delivered",
    )
    assert ada.page("/mailbox").count("Thank you for your order") == 1


def test_the_page_lists_every_switch_and_turns_it(shop: Shop, ada: Customer) -> None:
    names = list(shop.faults("list"))
    assert names == [
        "catalog.slow",
        "catalog.last-item",
        "notifications.mail-down",
        "payments.declined",
        "payments.timeout",
        "payments.timeout-captured",
        "payments.twice",
    ]
    page = ada.page("/faults")
    assert all(name in page for name in names)
    assert "Failing on purpose" not in page
    page = ada.send("/faults", name="payments.twice", turn="for-minutes").text
    assert "Failing on purpose: The payment company reports every payment twice." in page
    assert 290 < shop.faults("list")["payments.twice"]["left_s"] <= 300
    assert "Failing on purpose" not in ada.send("/faults", name="payments.twice", turn="off").text
    ada.send("/faults", name="payments.twice", turn="on")
    assert shop.faults("list")["payments.twice"]["left_s"] is None
    ada.send("/faults", turn="all-off")
    assert not any(state["on"] for state in shop.faults("list").values())


@pytest.mark.parametrize(
    "fields", [{"name": "payments.nothing", "turn": "on"}, {"name": "payments.twice", "turn": "up"}, {}]
)
def test_the_page_takes_no_other_switch(ada: Customer, fields: dict[str, str]) -> None:
    assert ada.send("/faults", **fields).status_code == 404


def test_a_form_of_another_site_turns_nothing(shop: Shop) -> None:
    answer = requests.post(shop.url("/faults"), data={"name": "payments.twice", "turn": "on"}, timeout=10)
    assert answer.status_code == 403
    assert not shop.faults("list")["payments.twice"]["on"]


def test_production_has_no_such_page_and_nothing_fails_there(tmp_path: Path) -> None:
    (tmp_path / ".decant").mkdir()
    (tmp_path / ".decant" / "faults.json").write_text('{"payments.declined": null}')
    key = generate_key().decode()
    settings = {
        "DECANT_ENV": "production",
        "DECANT_AUTH_SIGNING_KEY": key,
        "DECANT_AUTH_COOKIE_KEY": secrets.token_hex(32),
    }
    environ = {"DECANT_HOME": str(tmp_path / ".decant"), **settings}
    app = create_app(config=STORE / "decant.toml", environ=environ)
    browser = app.test_client()
    assert browser.get("/faults", base_url="https://shop.example").status_code == 404
    assert "Failing on purpose" not in browser.get("/sign-in", base_url="https://shop.example").text
    assert [state.name for state in runtime_of(app).faults.states() if state.on] == []
    runtime_of(app).stop(1)


@pytest.mark.slow
def test_all_processes_of_a_shop_in_parts_see_a_switch(tmp_path: Path) -> None:
    with open_shop(tmp_path, "services") as shop:
        ada = Customer(shop)
        with shop.failing("payments.declined"):
            order = ada.ends(ada.buy())
        assert order["reason"] == "Your card was declined. You have not been charged."
        wait_until(lambda: ada.ends(ada.buy())["status"] == "paid", what="the switch to be off everywhere")
