"""Buying in a real browser: a purchase ends paid, and what goes wrong says what happened to the money."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.storefront import KEEPER, Storefront, order, put_into_cart, shop, sign_in, sign_up
from tests.support.waiting import wait_until

__all__ = ["shop"]
pytestmark = pytest.mark.browser
SOON_MS = 20_000


def state(page: Page, heading: str) -> None:
    expect(page.locator("[data-status] h2")).to_have_text(heading, timeout=SOON_MS)


def test_a_purchase_ends_paid_while_its_customer_watches(page: Page, shop: Storefront) -> None:
    put_into_cart(page, shop.url, "p1", 2)
    page.get_by_role("link", name="Check out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_role("main").get_by_role("link", name="Create an account").click()
    sign_up(page, shop.url, path="/sign-up?next=/checkout")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check out")
    order_id = order(page, shop.url)
    state(page, "Paid. Thank you!")
    expect(page.get_by_text("€30.00 were taken from your card, once.").first).to_be_visible()
    expect(page.locator("[data-status] li")).to_have_text([re.compile("done")] * 3)
    assert shop.provider.moved(order_id) == ["captured"]
    expect(page.get_by_role("link", name=re.compile("Cart"))).not_to_contain_text("thing")
    page.goto(f"{shop.url}/orders")
    expect(page.get_by_role("main").get_by_role("listitem")).to_contain_text(["paid"])
    page.goto(f"{shop.url}/mailbox")
    wait_until(lambda: page.reload() and "Thank you for your order" in page.content(), what="the mail")


def test_a_declined_card_cancels_the_order_says_so_and_gives_the_cart_back(page: Page, shop: Storefront) -> None:
    sign_up(page, shop.url)
    put_into_cart(page, shop.url, "p2")
    order_id = order(page, shop.url, "A card without money")
    state(page, "Cancelled")
    expect(page.get_by_text("Your card was declined. You have not been charged.").first).to_be_visible()
    assert "captured" not in shop.provider.moved(order_id)
    page.get_by_role("button", name="Put these back into the cart").click()
    expect(page.get_by_label("How many of Reading the Tides")).to_have_value("1")


def test_a_bank_that_answers_too_late_charges_once(page: Page, shop: Storefront) -> None:
    sign_up(page, shop.url)
    put_into_cart(page, shop.url, "p3")
    order_id = order(page, shop.url, "A bank that answers too late")
    state(page, "Paid. Thank you!")
    assert shop.provider.moved(order_id) == ["captured"]


def test_a_payment_that_is_reported_twice_is_one(page: Page, shop: Storefront) -> None:
    sign_up(page, shop.url)
    put_into_cart(page, shop.url, "p3")
    order_id = order(page, shop.url, "A bank that says it twice")
    state(page, "Paid. Thank you!")
    assert shop.provider.moved(order_id) == ["captured"]


def test_what_was_sold_while_the_card_was_chosen_cancels_the_order_without_a_charge(
    page: Page, shop: Storefront
) -> None:
    sign_up(page, shop.url)
    shop.set_stock("p12", 1)
    put_into_cart(page, shop.url, "p12")
    page.goto(f"{shop.url}/checkout")
    shop.set_stock("p12", 0)
    page.get_by_role("button", name="Pay").click()
    state(page, "Cancelled")
    expect(page.get_by_text("“Fountain Pen, Fine” is sold out. You have not been charged.").first).to_be_visible()
    assert shop.provider.moved(page.url.rpartition("/")[2]) == []


def test_a_cart_with_more_than_there_is_cannot_be_ordered(page: Page, shop: Storefront) -> None:
    sign_up(page, shop.url)
    shop.set_stock("p12", 3)
    put_into_cart(page, shop.url, "p12", 3)
    shop.set_stock("p12", 2)
    page.goto(f"{shop.url}/checkout")
    expect(page.get_by_role("alert")).to_contain_text("Fountain Pen, Fine: you want 3, there are 2.")
    expect(page.get_by_role("button", name="Pay")).to_have_count(0)


def test_a_double_click_orders_once(page: Page, shop: Storefront) -> None:
    sign_up(page, shop.url)
    put_into_cart(page, shop.url)
    page.goto(f"{shop.url}/checkout")
    page.get_by_role("button", name="Pay").dblclick()
    state(page, "Paid. Thank you!")
    page.goto(f"{shop.url}/orders")
    expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(1)


def test_two_tabs_that_send_the_same_form_order_once_without_javascript(browser: Browser, shop: Storefront) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_up(page, shop.url)
    put_into_cart(page, shop.url)
    page.goto(f"{shop.url}/checkout")
    fields = {name: page.locator(f"main [name={name}]").first.input_value() for name in ("csrf_token", "key")}
    answers = [
        context.request.post(f"{shop.url}/checkout", form={**fields, "payment_method": "pm_ok"}, max_redirects=0)
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [303, 303]
    assert len({answer.headers["location"] for answer in answers}) == 1
    context.close()


def test_a_purchase_works_without_javascript(browser: Browser, shop: Storefront) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    put_into_cart(page, shop.url, "p14", 2)
    sign_up(page, shop.url, path="/sign-up?next=/checkout")
    order(page, shop.url)
    state(page, "Paid. Thank you!")  # the page looks again by itself
    context.close()


def test_a_purchase_works_by_keyboard_alone(page: Page, shop: Storefront) -> None:
    sign_up(page, shop.url)
    page.goto(f"{shop.url}/?q=candle")
    press_to(page, "Beeswax Candle")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Beeswax Candle")
    press_to(page, "Add to cart")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your cart")
    press_to(page, "Check out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check out")
    press_to(page, "A good card")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("A card without money")).to_be_checked()
    page.keyboard.press("ArrowUp")
    press_to(page, "Pay €14.00")
    page.keyboard.press("Enter")
    state(page, "Paid. Thank you!")


def press_to(page: Page, name: str) -> None:
    """Press Tab until the element of that name has the focus; each on the way has to show that it has it."""
    for _ in range(30):
        page.keyboard.press("Tab")
        shown = page.evaluate(
            "() => { let e = document.activeElement; const of = x => getComputedStyle(x).outlineStyle;"
            " return [(e.labels?.[0] ?? e).innerText.replace(/\\s+/g, ' ').trim(),"
            " of(e) != 'none' || [...document.querySelectorAll(':has(:focus-visible)')].some(x => of(x) != 'none')] }"
        )
        assert shown[1], f"no visible focus on {shown[0]!r}"
        if name in shown[0]:
            return
    raise AssertionError(f"{name!r} was not reached")


def test_an_order_is_followed_by_asking_again_where_no_stream_is_free(
    page: Page, shop: Storefront, page_problems: list[str]
) -> None:
    sign_up(page, shop.url)
    put_into_cart(page, shop.url, "p3")
    page.route("**/events", lambda route: route.fulfill(status=503, body="full"))
    order(page, shop.url, "A bank that answers too late")
    state(page, "Paid. Thank you!")
    page_problems.clear()  # the browser writes every 503 to its console


def test_news_of_an_order_are_read_out(page: Page, shop: Storefront) -> None:
    sign_up(page, shop.url)
    put_into_cart(page, shop.url, "p3")
    order(page, shop.url, "A bank that answers too late")
    news = page.get_by_role("status").filter(has_text="were taken from your card")
    expect(news).to_have_count(1, timeout=SOON_MS)


def test_an_order_that_waits_for_its_bank_can_be_cancelled(page: Page, shop: Storefront) -> None:
    sign_up(page, shop.url)
    put_into_cart(page, shop.url, "p3")
    order_id = order(page, shop.url, "A bank that does not answer")
    page.get_by_role("button", name="Cancel this order").click()
    state(page, "Cancelled")
    assert "captured" not in shop.provider.moved(order_id)


def test_an_order_of_somebody_else_is_not_shown(page: Page, shop: Storefront, page_problems: list[str]) -> None:
    sign_up(page, shop.url)
    put_into_cart(page, shop.url)
    mine = order(page, shop.url)
    page.get_by_role("button", name="Sign out").click()
    sign_up(page, shop.url, "Mallory")
    for path in ("", "/state", "/events"):
        answer = page.goto(f"{shop.url}/orders/{mine}{path}")
        assert answer is not None
        assert answer.status == 404
    page_problems.clear()  # the browser writes every 404 to its console


def test_an_administrator_refunds_an_order_and_sets_stock(
    page: Page, shop: Storefront, page_problems: list[str]
) -> None:
    sign_up(page, shop.url)
    put_into_cart(page, shop.url, "p17")
    mine = order(page, shop.url)
    state(page, "Paid. Thank you!")
    answer = page.goto(f"{shop.url}/admin")
    assert answer is not None
    assert answer.status == 403
    page_problems.clear()  # the browser writes every 403 to its console
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, shop.url, *KEEPER)
    page.get_by_role("link", name="Admin").click()
    page.get_by_role("button", name=f"Refund order {mine[-6:].upper()}").click()
    expect(page.get_by_role("status")).to_contain_text("It is being paid back")
    wait_until(lambda: shop.provider.moved(mine) == ["captured", "refunded"], what="the money to be paid back")
    page.goto(f"{shop.url}/orders/{mine}")
    wait_until(lambda: page.reload() and "has paid this order back" in page.content(), what="the order to say so")
    page.goto(f"{shop.url}/admin/stock")
    page.get_by_label("How many of The Harbour Book are there").fill("12")
    page.get_by_role("button", name="Save the stock of The Harbour Book").click()
    expect(page.get_by_role("status")).to_have_text("The Harbour Book: 12 are there now.")
