"""Commit messages mean what conventionalcommits.org says they mean."""

from __future__ import annotations

import pytest

from decant_tools.workspace.release.conventional import Level, Message, bump_for, parse_message
from decant_tools.workspace.release.semver import Bump, Version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("feat: add orders", Message("feat", "", "add orders")),
        ("Fix(cart): count twice", Message("fix", "cart", "count twice")),
        ("feat!: drop XML", Message("feat", "", "drop XML", "drop XML")),
        ("refactor(api)!: rename", Message("refactor", "api", "rename", "rename")),
        (
            "fix: a\n\nBody.\n\nBREAKING CHANGE: the field\n  is gone\nRefs: 5",
            Message("fix", "", "a", "the field is gone"),
        ),
        ("fix: a\r\n\r\nBREAKING-CHANGE: gone", Message("fix", "", "a", "gone")),
        ("Add orders", Message("", "", "Add orders")),
        ("feat:no space", Message("", "", "feat:no space")),
        ("Merge branch 'x': y", Message("", "", "Merge branch 'x': y")),
        ("fix(): empty scope", Message("", "", "fix(): empty scope")),
        ("", Message("", "", "")),
    ],
)
def test_a_message_is_read(text: str, expected: Message) -> None:
    assert parse_message(text) == expected


def test_a_breaking_change_is_written_in_capitals() -> None:
    assert not parse_message("fix: a\n\nbreaking change: no").breaking


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("feat: a", "feature"),
        ("fix: a", "fix"),
        ("perf: a", "fix"),
        ("chore(deps): a", "fix"),
        ("Some words", "fix"),
        ("docs: a", "none"),
        ("test: a", "none"),
        ("docs!: a", "breaking"),
    ],
)
def test_a_type_says_what_a_commit_does(text: str, level: Level) -> None:
    assert parse_message(text).level == level


@pytest.mark.parametrize(
    ("level", "at_zero", "at_one"),
    [
        ("breaking", "minor", "major"),
        ("feature", "minor", "minor"),
        ("fix", "patch", "patch"),
        ("none", None, None),
    ],
)
def test_what_breaks_raises_the_minor_part_before_1(level: Level, at_zero: Bump | None, at_one: Bump | None) -> None:
    assert bump_for(level, Version(0, 3, 1)) == at_zero
    assert bump_for(level, Version(1, 3, 1)) == at_one
