"""The book club's pages in a real browser: read, by keyboard, on a phone, in the light and in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from decant import create_app
from decant.service import runtime_of
from tests.support.served import serving

BOOKCLUB = Path(__file__).parents[2] / "examples" / "bookclub"
PAGES = {"/": "What we read", "/books/earthsea": "A Wizard of Earthsea", "/reviews": "What members say"}
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the club with a review in it, and yield its address."""
    app = create_app(config=BOOKCLUB / "decant.toml", environ={"DECANT_HOME": str(tmp_path_factory.mktemp("home"))})
    runtime = runtime_of(app)
    runtime.migrate()
    runtime.seed()
    client = app.test_client()
    review = {"reader": "Ged", "stars": 4, "text": "To light a candle is to cast a shadow. <b>" + "long" * 60}
    assert client.post("/api/books/earthsea/reviews", json=review).status_code == 201
    assert runtime.events is not None
    runtime.events.drain()
    with serving(app) as url:
        yield url
    runtime.stop(1)


def background(page: Page) -> str:
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour


@pytest.mark.parametrize("path", PAGES)
def test_each_page_has_its_heading_landmarks_and_place_in_the_navigation(page: Page, club: str, path: str) -> None:
    page.goto(club + path)
    expect(page.get_by_role("heading", level=1)).to_have_text(PAGES[path])
    expect(page.get_by_role("main")).to_be_visible()
    current = page.get_by_role("navigation").locator("[aria-current=page]")
    expect(current).to_have_count(0 if path.startswith("/books/") else 1)
    expect(page.get_by_role("img", name="4.0 of 5 stars")).to_be_visible()


@pytest.mark.parametrize("path", PAGES)
def test_the_reader_decides_between_light_and_dark(page: Page, club: str, path: str) -> None:
    seen = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(club + path)
        seen.append(background(page))
    assert len(set(seen)) == 2


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_wider_than_the_screen(page: Page, club: str, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(club + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_reaches_everything_and_shows_where_it_is(page: Page, club: str) -> None:
    page.goto(club)
    names = []
    for _ in range(6):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent.trim()"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", f"no visible focus on {names[-1]!r}"
        box = page.locator(":focus").bounding_box()
        assert box is not None
        assert box["y"] >= 0, f"{names[-1]!r} has the focus and cannot be seen"
    assert names == ["Skip to the content", "Book club", "Books", "Reviews", "API", "A Wizard of Earthsea"]


def test_the_skip_link_leads_to_the_content(page: Page, club: str) -> None:
    page.goto(club)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="A Wizard of Earthsea")).to_be_focused()


def test_a_visitor_goes_from_the_shelf_to_a_book_to_what_members_say(page: Page, club: str) -> None:
    page.goto(club)
    page.get_by_role("link", name="A Wizard of Earthsea").click()
    page.get_by_role("link", name="What members say").click()
    expect(page.get_by_text("To light a candle")).to_be_visible()
    expect(page.get_by_text("Ged")).to_be_visible()
