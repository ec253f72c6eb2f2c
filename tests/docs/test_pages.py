"""A reader who follows a page sees what it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import blocks
from tests.docs.walkthrough import ROOT, Walk

FOLDERS = ("docs", "examples")
PAGES = sorted([*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))])
RUNNABLE = [page for page in PAGES if any(block.is_run for block in blocks(page.read_text()))]
LONG = {
    "docs/how-to/commands.md",
    "docs/how-to/existing-app.md",
    "docs/how-to/failure-switches.md",
    "docs/how-to/test-topologies.md",
    "docs/how-to/type-checking.md",
    "docs/tutorial/02-another-table.md",
    "docs/tutorial/03-your-first-event.md",
    "docs/tutorial/04-your-first-saga.md",
    "docs/tutorial/06-adopt-a-monorepo.md",
}
"""Pages that take more than five seconds to follow."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def followed(path: Path) -> Any:
    return pytest.param(path, id=name(path), marks=pytest.mark.slow if name(path) in LONG else ())


@pytest.mark.timeout(180)  # a page runs a dozen commands, and a type checker with a cold cache
@pytest.mark.parametrize("path", [followed(page) for page in RUNNABLE])
def test_a_reader_who_follows_the_page_sees_what_it_shows(path: Path, tmp_path: Path) -> None:
    Walk(tmp_path).follow(path)


@pytest.mark.parametrize("path", [page for page in PAGES if page.parent.name == "tutorial" and page.name[0].isdigit()])
def test_a_chapter_of_the_tutorial_runs_commands(path: Path) -> None:
    assert sum(block.language == "console" for block in blocks(path.read_text())) >= 5


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_make_target_that_a_page_names_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = path.read_text()
    shown = "\n".join(block.body for block in blocks(text) if block.language == "sh")
    named = [*re.findall(r"`make ([a-z-]+)", text), *re.findall(r"^make ([a-z-]+)", shown, re.MULTILINE)]
    assert set(named) <= targets


def test_every_page_is_reached_from_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    docs = ROOT / "docs"
    assert [page for page in docs.rglob("*.md") if page.relative_to(docs).as_posix() not in navigation] == []
