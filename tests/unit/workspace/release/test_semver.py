"""Versions are read, sorted and raised as semver.org says."""

from __future__ import annotations

from itertools import pairwise

import pytest

from decant_tools.workspace.release.semver import Bump, Version, parse_version

IN_ORDER = (
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0",
)


def version(text: str) -> Version:
    found = parse_version(text)
    assert found is not None, text
    return found


@pytest.mark.parametrize(("lower", "higher"), list(pairwise(IN_ORDER)))
def test_the_examples_of_the_specification_are_in_order(lower: str, higher: str) -> None:
    assert version(lower).precedence < version(higher).precedence


@pytest.mark.parametrize("text", [*IN_ORDER, "1.0.0+5.build", "1.0.0-x-y-z.--", "1.0.0-0a+007"])
def test_a_version_is_written_as_it_was_read(text: str) -> None:
    assert str(version(text)) == text


@pytest.mark.parametrize("text", ["1.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "1.0.0 ", "", "٣.0.0"])
def test_what_is_no_version_is_none(text: str) -> None:
    assert parse_version(text) is None


def test_build_metadata_does_not_count() -> None:
    assert version("1.0.0+1").precedence == version("1.0.0+2").precedence


@pytest.mark.parametrize(
    ("before", "bump", "after"),
    [
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3+5", "patch", "1.2.4"),
        ("1.5.0-rc.1", "patch", "1.5.0"),
        ("1.5.0-rc.1", "minor", "1.5.0"),
        ("1.5.1-rc.1", "minor", "1.6.0"),
        ("2.0.0-rc.1", "major", "2.0.0"),
        ("1.5.0-rc.1", "major", "2.0.0"),
    ],
)
def test_a_part_is_raised_and_a_pre_release_becomes_its_release(before: str, bump: Bump, after: str) -> None:
    assert str(version(before).raised(bump)) == after
