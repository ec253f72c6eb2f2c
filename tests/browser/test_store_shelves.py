"""The shop's shelves and carts in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.storefront import Storefront, put_into_cart, shop, sign_in, sign_up

__all__ = ["shop"]
pytestmark = pytest.mark.browser


def test_the_front_page_shows_what_there_is_and_goes_on(page: Page, shop: Storefront) -> None:
    page.goto(shop.url)
    goods = page.get_by_role("region", name="Goods").get_by_role("listitem")
    expect(goods).to_have_count(12)
    expect(goods.first).to_contain_text("The Harbour Book")
    expect(goods.first).to_contain_text("€15.00")
    expect(goods.first).to_contain_text("in stock")
    expect(goods.first.locator("svg rect").first).to_be_visible()
    page.get_by_role("link", name="More goods").click()
    expect(goods).to_have_count(12)
    expect(page.get_by_text("only 7 left")).to_be_visible()
    expect(page.get_by_role("link", name="More goods")).to_have_count(0)


def test_a_search_finds_words_within_a_category_and_says_what_to_do_without_success(
    page: Page, shop: Storefront
) -> None:
    page.goto(shop.url)
    page.get_by_role("searchbox", name="Search the shelves").fill("honey")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Found for “honey”")
    expect(page.get_by_role("region", name="Goods").get_by_role("listitem")).to_have_count(1)
    page.get_by_role("navigation", name="Categories").get_by_role("link", name="Books").click()
    expect(page.get_by_text("Nothing here is called that")).to_be_visible()
    page.get_by_role("link", name="Look for “honey” everywhere").click()
    expect(page.get_by_role("link", name="Beeswax Candle")).to_be_visible()


def test_a_link_from_a_newsletter_opens_its_page(page: Page, shop: Storefront) -> None:
    for path in ("/", "/products/p1", "/cart", "/sign-in"):
        answer = page.goto(f"{shop.url}{path}?utm_source=mail&fbclid=x")
        assert answer is not None
        assert answer.status == 200


def test_a_thing_that_is_sold_out_cannot_be_put_into_a_cart(page: Page, shop: Storefront) -> None:
    shop.set_stock("p13", 0)
    page.goto(f"{shop.url}/products/p13")
    expect(page.get_by_text("sold out", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Add to cart")).to_have_count(0)


def test_more_than_there_are_cannot_be_put_into_a_cart(page: Page, shop: Storefront, page_problems: list[str]) -> None:
    page.goto(f"{shop.url}/products/p7")
    page.get_by_label("How many").fill("8")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_label("How many")).to_have_accessible_description("Only 7 are left; choose fewer.")
    page_problems.clear()  # the browser writes every 409 to its console


def test_a_guest_fills_and_changes_a_cart(page: Page, shop: Storefront) -> None:
    put_into_cart(page, shop.url, "p1", 2)
    put_into_cart(page, shop.url, "p19")
    cart = page.get_by_role("navigation", name="Main").get_by_role("link", name=re.compile("Cart"))
    expect(cart).to_contain_text("3 things")
    total = page.get_by_role("region", name="Together")
    expect(total).to_contain_text("€46.00")
    page.get_by_label("How many of The Harbour Book").fill("1")
    page.get_by_role("button", name="Change how many of The Harbour Book").click()
    expect(total).to_contain_text("€31.00")
    page.get_by_role("button", name="Remove Café Mug, Enamel").click()
    expect(total).to_contain_text("€15.00")
    page.get_by_label("How many of The Harbour Book").fill("0")
    page.keyboard.press("Enter")
    expect(page.get_by_text("There is nothing in it yet.")).to_be_visible()
    expect(cart).to_have_text(re.compile(r"^\s*Cart\s*$"))


def test_a_guests_cart_comes_along_when_they_sign_up_and_adds_up_when_they_sign_in(
    page: Page, browser: Browser, shop: Storefront
) -> None:
    put_into_cart(page, shop.url, "p1", 2)
    email = sign_up(page, shop.url)
    page.goto(f"{shop.url}/cart")
    expect(page.get_by_label("How many of The Harbour Book")).to_have_value("2")
    elsewhere = browser.new_context()
    other = elsewhere.new_page()
    put_into_cart(other, shop.url, "p1", 1)
    put_into_cart(other, shop.url, "p20", 1)
    sign_in(other, shop.url, email)
    cart = other.get_by_role("navigation", name="Main").get_by_role("link", name=re.compile("Cart"))
    expect(cart).to_contain_text("4 things")
    other.goto(f"{shop.url}/cart")
    expect(other.get_by_label("How many of The Harbour Book")).to_have_value("3")
    other.get_by_role("button", name="Sign out").click()
    expect(cart).not_to_contain_text("thing")
    elsewhere.close()
