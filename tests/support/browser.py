"""Pytest plugin: Debian's chromium under Playwright, without a network and without silent errors.

``page`` and ``context`` are pytest-playwright's. A page that asks any other host than this machine,
writes an error to its console or throws fails its test; a test that provokes such a thing clears
``page_problems`` and says why. Wait for visible text, never for ``networkidle``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.support.needs import chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext

ARGUMENTS = [
    "--no-sandbox",  # root has no other choice
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
LOCAL = frozenset({"127.0.0.1", "localhost", ""})


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": chromium(), "args": ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "reduced_motion": "reduce", "locale": "en-GB", "timezone_id": "UTC"}


@pytest.fixture
def page_problems() -> list[str]:
    """Return the list of what went wrong in pages so far; it must be empty at the end of a test."""
    return []


@pytest.fixture
def context(context: BrowserContext, page_problems: list[str]) -> Iterator[BrowserContext]:
    """Return a fresh context that is watched."""
    watch(context, page_problems)
    yield context
    assert not page_problems, "The page had problems:\n" + "\n".join(page_problems)


def watch(context: BrowserContext, problems: list[str]) -> None:
    """Note foreign requests, console errors and exceptions of all pages of a context.

    Interception by routes would be simpler, but it switches the browser's cache off.
    """
    context.on("request", lambda request: _note_foreign(request.url, problems))
    context.on(
        "console", lambda message: problems.append(f"console: {message.text}") if message.type == "error" else None
    )
    context.on("weberror", lambda failure: problems.append(f"exception: {failure.error}"))


def _note_foreign(url: str, problems: list[str]) -> None:
    parts = urlsplit(url)
    if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in LOCAL:
        problems.append(f"asks another host: {url}")
