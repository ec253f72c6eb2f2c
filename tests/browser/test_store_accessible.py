"""Every page of the shop for everybody: what axe-core finds, in the light, in the dark, on a phone, in forced colours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import watch
from tests.support.storefront import KEEPER, Storefront, order, put_into_cart, shop, sign_in, sign_up

__all__ = ["shop"]
pytestmark = [pytest.mark.browser, pytest.mark.slow]
FOR_GUESTS = [
    "/",
    "/?q=wool",
    "/?q=nothing+of+the+kind",
    "/products/p7",
    "/products/p13",
    "/cart",
    "/sign-in",
    "/sign-up",
    "/faults",
]
FOR_USERS = ["/", "/cart", "/checkout", "/orders", "/orders/paid", "/orders/cancelled", "/orders/waiting", "/mailbox",
             "/profile", "/admin", "/nothing"]  # fmt: skip
FOR_KEEPERS = ["/admin", "/admin/stock", "/admin/stuck", "/orders", "/mailbox", "/cart"]
LOOKS = {
    "light": {"color_scheme": "light", "width": 1280},
    "dark": {"color_scheme": "dark", "width": 1280},
    "phone": {"color_scheme": "light", "width": 320},
}
PICTURES = os.environ.get("DECANT_PICTURES")
"""A folder for a picture of each page in each look."""


class Visitor:
    """Somebody whose browser knows them, and the orders that they have."""

    def __init__(self, page: Page, shop: Storefront) -> None:
        self.page = page
        self.shop = shop
        self.orders: dict[str, str] = {}

    def open(self, path: str) -> None:
        name = path.removeprefix("/orders/")
        self.page.goto(self.shop.url + (f"/orders/{self.orders[name]}" if name in self.orders else path))


@pytest.fixture(scope="module")
def visitors(browser: Browser, shop: Storefront) -> Iterator[dict[str, Visitor]]:
    shop.set_stock("p13", 0)
    made = {}
    for name in ("guest", "user", "keeper"):
        context = browser.new_context(reduced_motion="reduce", locale="en-GB")
        context.set_default_timeout(10_000)
        made[name] = Visitor(context.new_page(), shop)
    put_into_cart(made["guest"].page, shop.url, "p7", 3)
    user = made["user"]
    sign_up(user.page, shop.url, "Ada Lovelace")
    for name, card in (("cancelled", "A card without money"), ("paid", "A good card")):
        put_into_cart(user.page, shop.url, "p21")
        user.orders[name] = order(user.page, shop.url, card)
        expect(user.page.locator("[data-final=yes]")).to_be_visible()
    put_into_cart(user.page, shop.url, "p21")
    user.orders["waiting"] = order(user.page, shop.url, "A bank that does not answer")
    put_into_cart(user.page, shop.url, "p7")
    put_into_cart(user.page, shop.url, "p19", 2)
    sign_in(made["keeper"].page, shop.url, *KEEPER)
    yield made
    for visitor in made.values():
        visitor.page.context.close()


def looked_at(visitor: Visitor, name: str) -> list[str]:
    """Return what is wrong with the page in any of the looks."""
    wrong = []
    for look, how in LOOKS.items():
        page, media = visitor.page, dict(how)
        width = int(str(media.pop("width")))
        page.emulate_media(**media)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"{look}: wider than the screen")
        for violation in Axe().run(page).response["violations"]:
            places = [node["target"] for node in violation["nodes"]]
            wrong.append(f"{look}: {violation['id']} at {places}: {violation['nodes'][0]['failureSummary']}")
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{PICTURES}/{name} {look}.png".replace("?", "_"), full_page=True)
    return wrong


CASES = [
    (who, path)
    for who, paths in (("guest", FOR_GUESTS), ("user", FOR_USERS), ("keeper", FOR_KEEPERS))
    for path in paths
]


@pytest.mark.parametrize(("who", "path"), CASES)
def test_a_page_is_for_everybody(visitors: dict[str, Visitor], who: str, path: str) -> None:
    visitors[who].open(path)
    assert looked_at(visitors[who], f"{who} {path.replace('/', ' ').strip()}") == []


def test_pages_can_be_read_in_colours_of_their_readers_own(browser: Browser, visitors: dict[str, Visitor]) -> None:
    known = visitors["user"].page.context.storage_state()
    context = browser.new_context(forced_colors="active", color_scheme="dark", storage_state=known)
    visitor = Visitor(context.new_page(), visitors["user"].shop)
    visitor.orders = visitors["user"].orders
    for path in ("/", "/cart", "/checkout", "/orders/paid", "/orders/cancelled"):
        visitor.open(path)
        if PICTURES:
            visitor.page.screenshot(path=f"{PICTURES}/forced {path.replace('/', ' ').strip()}.png", full_page=True)
        assert [one["id"] for one in Axe().run(visitor.page).response["violations"]] == []
    context.close()


def test_no_page_asks_another_host_or_writes_an_error(browser: Browser, visitors: dict[str, Visitor]) -> None:
    problems: list[str] = []
    watch(visitors["user"].page.context, problems)
    for path in FOR_USERS:
        if path not in ("/admin", "/nothing"):
            visitors["user"].open(path)
    assert problems == []


def test_what_moves_stands_still_for_those_who_want_that(visitors: dict[str, Visitor], page: Page) -> None:
    visitors["user"].open("/orders/waiting")
    moving = "() => document.getAnimations().filter(a => a.playState === 'running').length"
    assert visitors["user"].page.evaluate(moving) == 0
