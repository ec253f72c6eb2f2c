"""The shop's pages in a real browser: accounts and profiles, without JavaScript, by keyboard, on a phone, in the dark."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.support.served import serving
from tests.support.storefront import PASSWORD, Storefront, people, shop, sign_in, sign_up

PAGES = {"/": "Everyday goods, well made.", "/sign-up": "Create your account", "/sign-in": "Sign in"}
pytestmark = pytest.mark.browser
__all__ = ["shop"]


@pytest.fixture
def store(shop: Storefront) -> str:
    return shop.url


def made_account(page: Page, store: str, name: str = "Ada") -> str:
    email = sign_up(page, store, name)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")
    return email


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")


@pytest.mark.parametrize("path", PAGES)
def test_each_page_has_its_heading_landmarks_and_labels(page: Page, store: str, path: str) -> None:
    page.goto(store + path)
    expect(page.get_by_role("heading", level=1)).to_have_text(PAGES[path])
    for landmark in ("banner", "navigation", "main", "contentinfo"):
        expect(page.get_by_role(landmark).first).to_be_visible()  # type: ignore[arg-type]
    unnamed = (
        "[...document.querySelectorAll('input:not([type=hidden]), textarea')].filter(e => !e.labels.length).length"
    )
    assert page.evaluate(unnamed) == 0


def test_a_visitor_signs_up_and_the_header_says_who_is_signed_in(page: Page, store: str) -> None:
    made_account(page, store, "Ada Lovelace")
    expect(page.get_by_role("status")).to_have_text("Welcome, Ada Lovelace. Your account is ready.")
    expect(page.get_by_role("link", name="Signed in as Ada Lovelace")).to_be_visible()


def test_signing_out_and_in_again(page: Page, store: str) -> None:
    email = made_account(page, store, "Grace")
    sign_out(page)
    expect(page.get_by_role("navigation").get_by_role("link", name="Sign in")).to_be_visible()
    sign_in(page, store, email)
    expect(page.get_by_role("heading", level=1)).to_have_text("Good to see you, Grace.")


def test_whoever_asked_for_a_page_gets_it_after_signing_in(page: Page, store: str) -> None:
    email = made_account(page, store)
    sign_out(page)
    page.goto(f"{store}/profile")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")


def test_a_way_back_to_another_site_is_not_followed(page: Page, store: str) -> None:
    email = made_account(page, store)
    sign_out(page)
    page.goto(f"{store}/sign-in?next=//evil.example/profile")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Good to see you")
    assert page.url == f"{store}/"


def test_a_wrong_password_is_told_and_the_address_kept(page: Page, store: str, page_problems: list[str]) -> None:
    email = made_account(page, store)
    sign_out(page)
    sign_in(page, store, email, "not the password")
    expect(page.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("E-mail address")).to_have_value(email)
    expect(page.get_by_label("Password")).to_have_value("")
    assert page.title().startswith("Error: ")
    page_problems.clear()  # the browser writes every 401 to its console


def test_what_is_wrong_stands_beside_its_field(page: Page, store: str, page_problems: list[str]) -> None:
    page.goto(f"{store}/sign-up")
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("E-mail address").fill("ada at home")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("alert")).to_have_text("2 fields need another look.")
    expect(page.get_by_label("Name")).to_have_value("Ada")
    email, password = page.get_by_label("E-mail address"), page.get_by_label("Password")
    expect(email).to_have_value("ada at home")
    expect(email).to_have_attribute("aria-invalid", "true")
    expect(email).to_have_accessible_description("Write an e-mail address, for instance ada@example.org.")
    expect(password).to_have_value("")
    expect(password).to_have_accessible_description(
        "Choose a password of at least 8 characters. A sentence is easy to remember and hard to guess."
    )
    page.get_by_role("alert").get_by_role("link").click()
    expect(email).to_be_focused()
    page_problems.clear()  # the browser writes every 422 to its console


def test_an_address_that_has_an_account_is_told(page: Page, store: str, page_problems: list[str]) -> None:
    email = made_account(page, store)
    sign_out(page)
    page.goto(f"{store}/sign-up")
    page.get_by_label("Name").fill("Somebody else")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("There is an account with this address already.")).to_be_visible()
    page_problems.clear()  # the browser writes every 409 to its console


def test_a_profile_is_saved_and_shown(page: Page, store: str) -> None:
    email = made_account(page, store)
    page.get_by_label("About you").fill("I like <b>engines</b>.\nNotes are welcome.")
    page.get_by_role("radio", name="Moon").check()
    page.get_by_label("Send me offers").check()
    page.get_by_label("Tell me how my orders").uncheck()
    page.get_by_role("button", name="Save profile").click()
    expect(page.get_by_role("status")).to_have_text("Your profile is saved.")
    sign_out(page)
    sign_in(page, store, email)
    page.goto(f"{store}/profile")
    seen = page.get_by_role("region", name="How others see you")
    expect(seen).to_contain_text("I like <b>engines</b>.")
    expect(seen).to_contain_text(email)
    expect(seen.get_by_role("img", name="Your picture: Moon")).to_be_visible()
    expect(page.get_by_label("About you")).to_have_value("I like <b>engines</b>.\nNotes are welcome.")
    expect(page.get_by_role("radio", name="Moon")).to_be_checked()
    expect(page.get_by_label("Send me offers")).to_be_checked()
    expect(page.get_by_label("Tell me how my orders")).not_to_be_checked()


def test_a_text_that_is_too_long_is_kept_and_told(page: Page, store: str, page_problems: list[str]) -> None:
    made_account(page, store)
    page.get_by_label("About you").fill("x" * 2001)
    page.get_by_role("radio", name="Leaf").check()
    page.get_by_role("button", name="Save profile").click()
    expect(page.get_by_label("About you")).to_have_accessible_description(
        "Keep it to 2000 characters. A few lines, 2000 characters at most."
    )
    expect(page.get_by_label("About you")).to_have_value("x" * 2001)
    expect(page.get_by_role("radio", name="Leaf")).to_be_checked()
    page_problems.clear()  # the browser writes every 422 to its console


def test_everything_works_without_javascript(browser: Browser, store: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    email = made_account(page, store)
    page.get_by_label("About you").fill("No scripts here.")
    page.get_by_role("button", name="Save profile").click()
    expect(page.get_by_role("status")).to_have_text("Your profile is saved.")
    sign_out(page)
    sign_in(page, store, email)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Good to see you")
    context.close()


def test_an_account_is_made_by_keyboard_alone(page: Page, store: str) -> None:
    page.goto(store)
    tab_to(page, "Sign up")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Create your account")
    for label, text in (
        ("Name", "Ada"),
        ("E-mail address", f"visitor{next(people)}@example.org"),
        ("Password", PASSWORD),
    ):
        tab_to(page, label)
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")
    for name in ("Skip to the content", "Harbour", "Orders", "Mailbox", "Cart", "Signed in as Ada", "Sign out"):
        tab_to(page, name, most=1)


def tab_to(page: Page, name: str, *, most: int = 12) -> None:
    """Press Tab until the element of that name has the focus; each on the way must show that it has it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = "document.activeElement"
        outline = page.evaluate(f"getComputedStyle({focused}).outlineStyle")
        reached = page.evaluate(f"({focused}.labels?.[0] ?? {focused}).innerText.replace(/\\s+/g, ' ').trim()")
        box = page.locator(":focus").bounding_box()
        assert outline == "solid", f"no visible focus on {reached!r}"
        assert box is not None
        assert box["y"] >= 0, f"{reached!r} has the focus and cannot be seen"
        if name in reached or name in page.evaluate(f"{focused}.textContent.replace(/\\s+/g, ' ')"):
            return
    raise AssertionError(f"{name!r} was not reached; the last was {reached!r}")


def test_the_skip_link_leads_to_the_content(page: Page, store: str) -> None:
    page.goto(f"{store}/sign-in")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("E-mail address")).to_be_focused()


@pytest.mark.parametrize("path", [*PAGES, "/profile"])
def test_the_reader_decides_between_light_and_dark(page: Page, store: str, path: str) -> None:
    if path == "/profile":
        made_account(page, store)
    brightness = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(store + path)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness.append(sum(int(part) for part in colour.strip("rgb()").split(",")) / 3)
    assert brightness[0] > 200
    assert brightness[1] < 60


@pytest.mark.parametrize("path", [*PAGES, "/profile"])
@pytest.mark.parametrize("width", [320, 768, 1280])
def test_nothing_is_wider_than_the_screen(page: Page, store: str, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    if path == "/profile":
        made_account(page, store, "Hieronymus-Maximilian " * 3 + "W" * 60)
    page.goto(store + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_back_button_shows_nothing_private_after_signing_out(page: Page, store: str) -> None:
    email = made_account(page, store)
    page.get_by_label("About you").fill("A secret recipe.")
    page.get_by_role("button", name="Save profile").click()
    expect(page.get_by_text("Your profile is saved.")).to_be_visible()
    sign_out(page)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert "secret recipe" not in page.content()
    assert email not in page.content()


def test_signing_out_in_one_tab_signs_out_the_other(page: Page, store: str, page_problems: list[str]) -> None:
    made_account(page, store)
    page.get_by_label("About you").fill("Written too late.")
    other = page.context.new_page()
    other.goto(store)
    sign_out(other)
    page.get_by_role("button", name="Save profile").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This form could not be taken")
    expect(page.get_by_text("nothing was done")).to_be_visible()
    page_problems.clear()  # the browser writes every 403 to its console


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_form_on_another_site_changes_nothing(page: Page, store: str, page_problems: list[str], host: str) -> None:
    """Of another port on the same host, which gets the cookie, and of another host, which does not."""
    made_account(page, store)
    page.get_by_label("About you").fill("Mine.")
    page.get_by_role("button", name="Save profile").click()
    token = page.locator("main input[name=csrf_token]").get_attribute("value")
    evil = Flask("evil")
    fields = f'<input name="bio" value="Taken over."><input name="csrf_token" value="{token}">'
    evil.add_url_rule("/", "trap", lambda: f'<form method="post" action="{store}/profile">{fields}<button>Win</button>')
    with serving(evil) as address:
        page.goto(address.replace("127.0.0.1", host))
        page.get_by_role("button", name="Win").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("This form could not be taken")
        expect(page.get_by_text("sent from another site")).to_be_visible()
    page.goto(f"{store}/profile")
    expect(page.get_by_label("About you")).to_have_value("Mine.")
    page_problems.clear()  # the browser writes every 403 to its console


def test_a_page_runs_no_script_and_no_style_but_its_own_files(page: Page, store: str, page_problems: list[str]) -> None:
    answer = page.goto(store)
    assert answer is not None
    policy = answer.header_value("content-security-policy") or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    inline = "document.querySelectorAll('script:not([src]), style, [style], [onclick]').length"
    assert page.evaluate(inline) == 0
    assert page_problems == []
