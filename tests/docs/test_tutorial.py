"""The tutorial does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.walkthrough import Walk

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("chapter", sorted(path.name for path in (DOCS / "tutorial").glob("[0-9]*.md")))
def test_a_reader_who_follows_the_tutorial_sees_what_it_shows(chapter: str, tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    walk.follow(DOCS / "tutorial" / chapter)
    assert walk.commands >= 5, "the page's commands were not found"
