from __future__ import annotations

import doctest

import pytest

from decant_tools.workspace.tasks import makefiles, patterns
from decant_tools.workspace.tasks.patterns import compile_patterns, fixed_folder, in_workspace, select

PATHS = ["libs/common/a.py", "libs/common/docs/conf.py", "libs/common/docs/x/y.md", "proto/a.proto", "x.py"]


@pytest.mark.parametrize("module", [patterns, makefiles])
def test_the_examples_of_its_docstrings_are_right(module: object) -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["**/*.py"], PATHS[:2]),
        (["*.py"], PATHS[:1]),
        (["docs"], PATHS[1:3]),
        (["!docs"], PATHS[:1]),
        (["docs", "!docs/x"], PATHS[1:2]),
        (["!docs", "docs/conf.py"], PATHS[:2]),
        (["../../proto/*.proto"], PATHS[3:4]),
        (["/proto"], PATHS[3:4]),
        ([], []),
    ],
)
def test_patterns_are_relative_to_the_project(given: list[str], found: list[str]) -> None:
    assert select(PATHS, given, "libs/common") == found


def test_a_pattern_of_the_whole_project_stops_at_its_folder() -> None:
    assert not compile_patterns(["**"], "libs/a")("libs/ab/c.py")


@pytest.mark.parametrize(
    ("glob", "folder"), [("dist/**", "dist"), ("a/b/*.whl", "a/b"), ("**", ""), ("a/b.txt", "a/b.txt"), ("a?/b", "")]
)
def test_the_fixed_folder_is_what_stands_before_the_first_wildcard(glob: str, folder: str) -> None:
    assert fixed_folder(glob) == folder


def test_a_pattern_cannot_leave_the_workspace() -> None:
    assert in_workspace("../../../../etc/passwd", "libs/a") == "etc/passwd"
