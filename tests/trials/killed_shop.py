"""The whole shop under load, whose processes are killed: customers who repeat what was not answered, and the judge."""

from __future__ import annotations

import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import requests

from decant.auth import generate_key
from tests.acceptance.running import (
    STORE,
    Running,
    copy_workspace,
    environment,
    free_port,
    prepare,
    start,
    stop,
    wait_ready,
)
from tests.acceptance.shopping import SERVICES, Customer, Market
from tests.support import shop_books
from tests.support.payment_provider import PaymentProvider, payment_provider
from tests.support.waiting import wait_until

CUSTOMERS = 4
PRODUCTS = ["p1", "p2", "p3", "p4", "p5", "p9", "p10"]
CARDS = ["pm_ok"] * 15 + ["pm_declined"] * 2 + ["pm_twice", "pm_timeout", "pm_timeout_captured"]
SETTLED_S = 60.0
OVER = {201, 409, 422}


class KilledShop(Market):
    """A shop whose processes can be killed and started again at their addresses."""

    def __init__(self, made: Running, workspace: Path, environ: dict[str, str], provider: PaymentProvider) -> None:
        super().__init__(made, "store", environ["DECANT_AUTH_SIGNING_KEY"], provider)
        self._workspace = workspace
        self._environ = environ

    @property
    def services(self) -> list[str]:
        return list(self.running.urls)

    def start(self, service: str) -> None:
        address = self.running.urls[service].removeprefix("http://")
        log = self.running.home / f"{service}.log"
        self.running.processes[service] = start(
            self._workspace, ["serve", service, "--bind", address], self._environ, log
        )

    def wait_ready(self, service: str) -> None:
        wait_ready(self.running, service, self.running.urls[service])

    def kill(self, service: str) -> None:
        """Kill a service, workers and all, as a machine does that loses power."""
        process = self.running.processes[service]
        subprocess.run(["kill", "-KILL", "--", f"-{process.pid}"], check=True)
        process.wait(10)

    def unsettled(self) -> list[str]:
        """Return what has not come to an end."""
        return [*shop_books.still_open(self.running.home), *shop_books.unwritten(self.running.home)]

    def faults(self) -> list[str]:
        return shop_books.faults(self.running.home, self.provider.ledger(), self.stock)


@contextmanager
def killed_shop(topology: str, folder: Path, *, naive: bool = False) -> Iterator[KilledShop]:
    """Run a shop.

    Args:
        topology: Of the example.
        folder: For its workspace and everything that it keeps.
        naive: Charge and confirm in the request, one after the other: the control that has to fail.
    """
    with ExitStack() as stack:
        provider = stack.enter_context(payment_provider(folder, free_port()))
        workspace = copy_workspace(STORE, folder / "workspace", topology)
        if naive:
            make_naive(workspace / "store" / "orders" / "service.py")
        env = {
            "DECANT_AUTH_SIGNING_KEY": generate_key().decode(),
            "DECANT_AUTH_COOKIE_KEY": secrets.token_hex(32),
            **provider.settings,
        }
        prepare(workspace, env)
        home = workspace / ".decant"
        urls = {service: f"http://127.0.0.1:{free_port()}" for service in SERVICES[topology]}
        environ = environment(home, env | {f"{name.upper()}_SERVICE_URL": url for name, url in urls.items()})
        shop = KilledShop(Running(topology, home, urls), workspace, environ, provider)
        stack.callback(stop, shop.running)
        for service in urls:
            shop.start(service)
        for service in urls:
            shop.wait_ready(service)
        yield shop


def make_naive(service: Path) -> None:
    """Change the code that places orders to what one writes without outbox and saga."""
    text = service.read_text()
    changes = {
        "        start(self.db, Checkout, CheckoutData(**fact, method=order.payment_method, lines=lines))\n": "",
        "        lines = [Line(product_id=item.product_id, qty=item.qty) for item in order.items]\n": "",
        "        self._clear_cart(order.id, user_id)\n        return order\n": NAIVE,
        "self, db: Session, cart: Cart, catalog: Catalog, caller": "self, db: Session, cart: Cart, catalog: Catalog, "
        "payments: Payments, caller",
        "        self.cart = cart\n": "        self.cart = cart\n        self.payments = payments\n",
        "import PaymentMethod": "import PaymentMethod, Payments",
    }
    for old, new in changes.items():
        assert text.count(old) == 1, f"{old!r} is not there once"
        text = text.replace(old, new)
    service.write_text(text)


NAIVE = """        self._clear_cart(order.id, user_id)
        lines = [Line(product_id=item.product_id, qty=item.qty) for item in order.items]
        try:
            self.catalog.reserve(order.id, lines)
            self.payments.charge(order.id, order.total_cents, order.payment_method)
        except Exception as error:
            self.book.change(order.id, status="cancelled", reason=str(error))
        else:
            self.book.change(order.id, status="paid")
        self.db.commit()
        return order
"""


class Load:
    """Customers who buy as long as they are let, and ask again with the same key for what was not answered."""

    def __init__(self, shop: KilledShop, random: Random) -> None:
        self.shop = shop
        self.answered: list[str] = []
        self.lost: list[str] = []
        self._customers = [(shop.customer(), Random(random.random())) for _ in range(CUSTOMERS)]
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()

    def begin(self) -> None:
        self._over.clear()
        self._threads = [
            threading.Thread(target=self._buy, args=(who, random), daemon=True) for who, random in self._customers
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let everybody finish what they have begun."""
        self._over.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a customer never got an answer"

    def _buy(self, who: Customer, random: Random) -> None:
        while not self._over.is_set():
            path = f"/api/cart/items/{random.choice(PRODUCTS)}"
            if self._ask("PUT", path, who, {"qty": random.randint(1, 3)}) is None:
                continue
            answer = self._ask("POST", "/api/checkout", who, {"payment_method": random.choice(CARDS)})
            if answer is not None and answer.status_code == 201:
                self.answered.append(answer.json()["order_id"])
            elif answer is not None:
                self.lost.append(answer.text)
            time.sleep(random.uniform(0, 0.05))

    def _ask(self, method: str, path: str, who: Customer, body: Any) -> requests.Response | None:
        """Ask until there is an answer; None when that takes too long."""
        headers, ends = {"Idempotency-Key": secrets.token_hex(16)}, time.monotonic() + 50
        while time.monotonic() < ends:
            with suppress(requests.RequestException):
                answer = self.shop.ask(method, path, who, json=body, headers=headers)
                running = answer.status_code == 409 and "Retry-After" in answer.headers
                if answer.status_code in OVER | {200} and not running:
                    return answer
            time.sleep(0.05)
        return None


def attack(shop: KilledShop, load: Load, kills: int, random: Random) -> None:
    """Kill one process after the other at random moments under load, each as soon as the last is back."""
    load.begin()
    for _ in range(kills):
        time.sleep(random.uniform(0, 0.5))  # so that the kill hits any moment of the work
        victim = random.choice(shop.services)
        shop.kill(victim)
        shop.start(victim)
        shop.wait_ready(victim)
    load.end()


def judge(shop: KilledShop, load: Load, settled_s: float = SETTLED_S) -> list[str]:
    """Return what is wrong once everything has had its time to come to an end."""
    found = []
    try:
        wait_until(lambda: not shop.unsettled(), within_s=settled_s, every_s=0.2, what="every order, saga and mail")
    except AssertionError:
        found = [f"not at rest after {settled_s:g} s: {one}" for one in shop.unsettled()]
    there = {one["id"] for one in shop_books.orders(shop.running.home)}
    found += [f"{lost} was answered and is not there" for lost in load.answered if lost not in there]
    found += [f"{order_id} was answered twice" for order_id in {*load.answered} if load.answered.count(order_id) > 1]
    return found + shop.faults()
