"""The shop's pages over real HTTP, in every topology."""

from __future__ import annotations

import re
import secrets

import pytest

from tests.acceptance.store import GROUPED, ON_SQLITE, STARTS_S, Store
from tests.acceptance.visitor import PASSWORD, Visitor
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.serving, pytest.mark.timeout(STARTS_S), pytest.mark.topologies(*ON_SQLITE, GROUPED)]


@pytest.fixture
def visitor(store: Store) -> Visitor:
    return Visitor(store.running.edge)


def test_a_profile_is_kept_for_whoever_comes_back(visitor: Visitor) -> None:
    email = visitor.sign_up()
    assert "Your profile is saved." in visitor.send("/profile", bio="I like engines.", offers="on").text
    assert "You are signed out." in visitor.send("/sign-out", page="/").text
    assert visitor.get("/profile").url.endswith("/sign-in?next=/profile")
    assert "Good to see you, Ada." in visitor.send("/sign-in", email=email, password=PASSWORD).text
    assert "I like engines." in visitor.get("/profile").text


@pytest.mark.parametrize(
    ("card", "heading", "words"),
    [
        ("pm_ok", "Paid. Thank you!", "€30.00 were taken from your card, once."),
        ("pm_declined", "Cancelled", "Your card was declined. You have not been charged."),
    ],
)
def test_a_guest_fills_a_cart_signs_up_and_buys(visitor: Visitor, card: str, heading: str, words: str) -> None:
    assert "Your cart" in visitor.send("/cart/items", page="/products/p1", product_id="p1", qty="2").text
    assert visitor.get("/checkout").url.endswith("/sign-in?next=/checkout")
    email = f"visitor{secrets.token_hex(6)}@example.org"
    page = visitor.send("/sign-up", name="Ada", email=email, password=PASSWORD, next="/checkout").text
    assert "2 × The Harbour Book" in page
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key
    order = visitor.send("/checkout", key=key[1], payment_method=card).url.removeprefix(visitor.address)
    page = wait_until(
        lambda: heading in (text := visitor.get(order).text) and text, within_s=30, what="the order's end"
    )
    assert words in page
    assert "nothing in it yet" in visitor.get("/cart").text
    wait_until(lambda: f'href="{order}"' in visitor.get("/mailbox").text, what="the mail about it")
    assert f'href="{order}"' in visitor.get("/orders").text


def test_an_order_is_told_as_events_until_it_is_final(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.send("/cart/items", page="/products/p1", product_id="p1", qty="1")
    key = re.search(r'name="key" value="([^"]+)"', visitor.get("/checkout").text)
    assert key
    order = visitor.send("/checkout", key=key[1], payment_method="pm_timeout_captured").url
    with visitor.session.get(f"{order}/events", stream=True, timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        told = [line.removeprefix("data: ") for line in answer.iter_lines(decode_unicode=True) if line[:5] == "data:"]
    assert told[-1] == "paid"
    assert set(told) <= {"pending", "reserved", "paid"}


def test_a_copied_cookie_is_worth_nothing_after_signing_out(visitor: Visitor, store: Store) -> None:
    visitor.sign_up()
    thief = Visitor(store.running.edge)
    thief.session.cookies.update(visitor.session.cookies)
    assert "Your profile" in thief.get("/profile").text
    visitor.send("/sign-out", page="/")
    answer = thief.get("/profile")
    assert answer.url.endswith("/sign-in?next=/profile")
    assert "your session has ended" in answer.text


def test_a_wrong_password_comes_back_with_the_form(visitor: Visitor) -> None:
    answer = visitor.send("/sign-in", email="nobody@example.org", password="wrong wrong")
    assert answer.status_code == 401
    assert "The e-mail address or the password is wrong." in answer.text
    assert 'value="nobody@example.org"' in answer.text
    assert "wrong wrong" not in answer.text


def test_pages_of_a_user_are_kept_by_no_cache(visitor: Visitor) -> None:
    visitor.sign_up()
    for path in ("/", "/profile"):
        headers = visitor.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert "Cookie" in headers["Vary"]


def test_a_form_without_its_token_changes_nothing(visitor: Visitor) -> None:
    visitor.sign_up()
    answer = visitor.session.post(visitor.address + "/profile", data={"bio": "Taken over."}, timeout=10)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "csrf-failed" in answer.text
    assert "Taken over." not in visitor.get("/profile").text
