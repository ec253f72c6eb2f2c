"""The guard that every page of the browser tests has."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = {
    "/": "<h1>Hello</h1>",
    "/foreign": '<h1>Hello</h1><img src="http://pictures.example/a.png">',
    "/throws": "<h1>Hello</h1><script>throw new Error('broken')</script>",
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = PAGES.get(self.path, "").encode()
        self.send_response(200 if body else 204)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write no line per request."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_plain_page_has_no_problems(page: Page, site: str) -> None:
    page.goto(site)
    assert page.get_by_role("heading").inner_text() == "Hello"


def test_a_request_to_another_host_is_a_problem(page: Page, site: str, page_problems: list[str]) -> None:
    page.goto(f"{site}/foreign")
    assert page_problems[0] == "asks another host: http://pictures.example/a.png"
    page_problems.clear()


def test_an_exception_in_a_page_is_a_problem(page: Page, site: str, page_problems: list[str]) -> None:
    page.goto(f"{site}/throws")
    assert any(problem.startswith("exception: ") and "broken" in problem for problem in page_problems)
    page_problems.clear()
