"""The whole shop under load, whose processes are killed: customers who repeat what was not answered, and the judge."""

from __future__ import annotations

import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import requests

from decant.testing import RunningTopology, Variant, run_topology
from decant_tools.run.control import ask
from decant_tools.run.folder import RunFolder
from tests.acceptance.running import STORE, copy_workspace
from tests.acceptance.shopping import Customer, Market
from tests.acceptance.store import Store, opened, store_setting
from tests.support import shop_books
from tests.support.waiting import wait_until

CUSTOMERS = 4
PRODUCTS = ["p1", "p2", "p3", "p4", "p5", "p9", "p10"]
CARDS = ["pm_ok"] * 15 + ["pm_declined"] * 2 + ["pm_twice", "pm_timeout", "pm_timeout_captured"]
SETTLED_S = 60.0
BACK_S = 60.0
OVER = {201, 409, 422}


class KilledShop(Market):
    """A shop whose processes can be killed; its supervisor starts them again at their addresses."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.running: RunningTopology = store.running
        self._folder = RunFolder(self.home)

    @property
    def services(self) -> list[str]:
        return [name for name, one in self.states().items() if one["kind"] in {"service", "gateway"}]

    def states(self) -> dict[str, dict[str, Any]]:
        """Return what the supervisor says of each service, without a process to ask it: there is no time for one."""
        return {one["name"]: one for one in ask(self._folder, "status")["services"]}

    def kill(self, service: str) -> int:
        """Kill a service, workers and all, as a machine does that loses power; return its process, 0 for none."""
        pid = int(self.states()[service]["pid"] or 0)
        with suppress(ProcessLookupError):
            if pid and os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)
        return pid

    def wait_back(self, service: str, pid: int) -> None:
        """Wait until another process does a killed one's work."""

        def is_back() -> bool:
            one = self.states()[service]
            return one["pid"] != pid and one["state"] == "ready"

        wait_until(is_back, within_s=BACK_S, every_s=0.05, what=f"{service} to be back")

    def unsettled(self) -> list[str]:
        """Return what has not come to an end."""
        return [*shop_books.still_open(self.home), *shop_books.unwritten(self.home)]

    def faults(self) -> list[str]:
        return shop_books.faults(self.home, self.provider.ledger(), self.stock)


@contextmanager
def killed_shop(topology: str, folder: Path, *, naive: bool = False) -> Iterator[KilledShop]:
    """Run a shop.

    Args:
        topology: Of the example.
        folder: For everything that it keeps.
        naive: Charge and confirm in the request, one after the other: the control that has to fail.
    """
    variant = Variant(topology)
    with store_setting(variant, folder) as setting:
        if naive:
            setting = replace(setting, root=copy_workspace(STORE, folder / "workspace", topology))
            make_naive(setting.root / "store" / "orders" / "service.py")
        with run_topology(setting.root, folder / "home", variant, env=setting.env, inherit=False) as running:
            yield KilledShop(opened(setting, running))


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

    def __init__(self, shop: KilledShop, random: Random, cards: Sequence[str] = CARDS) -> None:
        self.shop = shop
        self._cards = cards
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
            answer = self._ask("POST", "/api/checkout", who, {"payment_method": random.choice(self._cards)})
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
        shop.wait_back(victim, shop.kill(victim))
    load.end()


def judge(shop: KilledShop, load: Load, settled_s: float = SETTLED_S) -> list[str]:
    """Return what is wrong once everything has had its time to come to an end."""
    found = []
    try:
        wait_until(lambda: not shop.unsettled(), within_s=settled_s, every_s=0.2, what="every order, saga and mail")
    except AssertionError:
        found = [f"not at rest after {settled_s:g} s: {one}" for one in shop.unsettled()]
    there = {one["id"] for one in shop_books.orders(shop.home)}
    found += [f"{lost} was answered and is not there" for lost in load.answered if lost not in there]
    found += [f"{order_id} was answered twice" for order_id in {*load.answered} if load.answered.count(order_id) > 1]
    return found + shop.faults()
