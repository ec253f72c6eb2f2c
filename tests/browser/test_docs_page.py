"""The documentation page in a real browser: offline, with and without JavaScript, by keyboard, on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.library_api import create_library
from tests.support.served import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving(create_library()) as url:
        yield url


@pytest.fixture
def docs(page: Page, site: str) -> Page:
    page.set_default_timeout(8_000)
    page.goto(f"{site}/docs")
    return page


def article(page: Page, title: str) -> Locator:
    return page.get_by_role("article", name=title, exact=True)


def open_form(page: Page, title: str) -> Locator:
    found = article(page, title)
    found.get_by_text("Try it").click()
    return found


def test_the_page_has_its_landmarks_and_one_first_heading(docs: Page) -> None:
    assert docs.get_by_role("banner").count() == 1
    assert docs.get_by_role("navigation", name="Operations").count() == 1
    assert docs.get_by_role("main").count() == 1
    assert docs.get_by_role("heading", level=1).inner_text() == "Library"
    assert docs.get_by_role("article").count() == 13


def test_every_field_has_a_label(docs: Page) -> None:
    unnamed = docs.evaluate(
        "() => [...document.querySelectorAll('input, select, textarea')].filter(e => !e.labels.length).length"
    )
    assert unnamed == 0


def test_an_operation_is_tried_and_its_answer_shown(docs: Page) -> None:
    form = open_form(docs, "Get one book")
    form.get_by_label("book_id").fill("1")
    form.get_by_role("button", name="Send").click()
    form.locator(".result").get_by_text("The Waves").wait_for()
    assert "200" in form.locator(".result .status").inner_text()


def test_an_error_is_shown_like_any_answer(docs: Page, page_problems: list[str]) -> None:
    form = open_form(docs, "Get one book")
    form.get_by_label("book_id").fill("999")
    form.get_by_role("button", name="Send").click()
    form.locator(".result").get_by_text('"library.book-not-found"', exact=True).wait_for()
    assert "404" in form.locator(".result .status").inner_text()
    page_problems.clear()  # the browser writes every 404 to its console


def test_a_body_is_sent_as_json(docs: Page) -> None:
    form = open_form(docs, "Count a list of numbers")
    form.get_by_label("Body").fill("[1, 2, 3]")
    form.get_by_role("button", name="Send").click()
    form.locator(".result pre").last.get_by_text("3", exact=True).wait_for()


def test_the_token_is_sent_and_stays_in_the_tab(docs: Page) -> None:
    docs.get_by_label("Token").fill("library")
    form = open_form(docs, "See who is signed in")
    form.get_by_role("button", name="Send").click()
    form.locator(".result").get_by_text("Ada").wait_for()
    docs.reload()
    assert docs.get_by_label("Token").input_value() == "library"
    assert docs.evaluate("() => localStorage.length") == 0


def test_the_token_is_never_in_the_command_that_is_copied(docs: Page) -> None:
    docs.get_by_label("Token").fill("secret-token")
    form = open_form(docs, "Get one book")
    form.get_by_label("book_id").fill("7")
    command = form.locator(".sample code").first.inner_text()
    assert "/books/7" in command
    assert "$TOKEN" in command
    assert "secret-token" not in command


def test_copying_says_that_it_did(docs: Page) -> None:
    docs.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = article(docs, "List books").get_by_role("button", name="Copy the request as curl")
    button.click()
    button.get_by_text("Copied").wait_for()
    assert docs.evaluate("() => navigator.clipboard.readText()").startswith("curl http://127.0.0.1")


def test_search_narrows_the_page_as_one_types(docs: Page) -> None:
    docs.keyboard.press("/")
    docs.keyboard.type("remove book")
    docs.get_by_role("status").get_by_text("1 operation found").wait_for()
    assert docs.get_by_role("article").count() == 1
    docs.keyboard.press("Escape")
    assert docs.get_by_role("article").count() == 13


def test_a_search_without_a_hit_says_so(docs: Page) -> None:
    docs.get_by_role("searchbox").fill("unicorn")
    docs.get_by_text("Nothing matches", exact=False).or_(docs.locator("#nothing")).first.wait_for()
    assert docs.get_by_role("article").count() == 0


def test_the_first_tab_stop_skips_to_the_operations(docs: Page) -> None:
    docs.keyboard.press("Tab")
    docs.keyboard.press("Enter")
    assert docs.evaluate("() => document.activeElement.id") == "main"


def test_a_form_is_reached_and_sent_by_keyboard_alone(docs: Page) -> None:
    found = article(docs, "Get the latest loan, if there is any")
    found.get_by_text("Try it").focus()
    docs.keyboard.press("Enter")
    docs.keyboard.press("Tab")
    docs.keyboard.press("Enter")
    found.locator(".result .status").get_by_text("204").wait_for()


def test_everything_can_be_read_without_javascript(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/docs")
    assert page.get_by_role("article").count() == 13
    assert article(page, "Add a book").get_by_text("Cents; never a fraction.").first.is_visible()
    assert not page.get_by_role("button", name="Send").first.is_visible()
    page.get_by_role("searchbox").fill("remove")
    page.keyboard.press("Enter")
    page.wait_for_url("**/docs?q=remove")
    assert page.get_by_role("article").count() == 1
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_readers_colours(browser: Browser, site: str, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{site}/docs")
    colour = page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
    brightness = sum(int(part) for part in colour.strip("rgb()").split(",")) / 3
    assert (brightness > 200) == (scheme == "light")
    context.close()


def test_a_phone_shows_one_column_and_the_contents_on_demand(browser: Browser, site: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(f"{site}/docs")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert not page.get_by_role("navigation").is_visible()
    page.get_by_role("link", name="Contents").click()
    page.get_by_role("link", name="Lend books").first.click()
    assert not page.get_by_role("navigation").is_visible()
    assert article(page, "Lend books").is_visible()
    context.close()
