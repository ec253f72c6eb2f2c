"""The shop in this process with its payment provider beside it, for tests that open its pages in a browser."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from decant import create_app
from decant.service import runtime_of
from tests.acceptance.running import free_port
from tests.support.payment_provider import STORE, PaymentProvider, payment_provider
from tests.support.served import serving

if TYPE_CHECKING:
    from decant.service import Runtime

PASSWORD = "the sea is calm tonight"
KEEPER = ("keeper@harbour.example", "light the lamp")
people = count(1)


@dataclass(frozen=True)
class Storefront:
    """A shop that runs.

    Attributes:
        url: Where its pages are.
        runtime: Its modules.
        provider: Who takes the money.
    """

    url: str
    runtime: Runtime
    provider: PaymentProvider

    def set_stock(self, product_id: str, stock: int) -> None:
        """Say how many of a product are there."""
        from sqlalchemy import text

        with self.runtime.databases["catalog"].engine.begin() as connection:
            change = text("UPDATE catalog_product SET stock = :stock WHERE id = :id")
            connection.execute(change, {"stock": stock, "id": product_id})


@contextmanager
def storefront(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Storefront]:
    """Run the shop, seeded, for as long as the block."""
    if str(STORE) not in sys.path:
        sys.path.insert(0, str(STORE))
    port = free_port()
    with payment_provider(folder, free_port()) as provider:
        environ = {"DECANT_HOME": str(folder), "PAYMENTS_CALLBACK_URL": f"http://127.0.0.1:{port}/payments/callbacks"}
        app = create_app(
            config=STORE / "decant.toml", topology="monolith", environ={**environ, **provider.settings, **(env or {})}
        )
        runtime = runtime_of(app)
        runtime.migrate()
        runtime.seed()
        runtime.start()
        with serving(app, port) as url:
            yield Storefront(url, runtime, provider)
        runtime.stop(2)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storefront]:
    """Run a shop for the tests of a file."""
    with storefront(tmp_path_factory.mktemp("shop")) as made:
        yield made


def sign_up(page: Page, url: str, name: str = "Ada", path: str = "/sign-up") -> str:
    """Make an account by the page, and return its e-mail address."""
    email = f"visitor{next(people)}@example.org"
    page.goto(f"{url}{path}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Create your account")
    return email


def sign_in(page: Page, url: str, email: str, password: str = PASSWORD) -> None:
    page.goto(f"{url}/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def put_into_cart(page: Page, url: str, product_id: str = "p1", qty: int = 1) -> None:
    page.goto(f"{url}/products/{product_id}")
    page.get_by_label("How many").fill(str(qty))
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your cart")


def order(page: Page, url: str, card: str = "A good card") -> str:
    """Order what is in the cart, and return the order's id."""
    page.goto(f"{url}/checkout")
    page.get_by_label(card, exact=True).check()
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Order ")
    return page.url.rpartition("/")[2]
