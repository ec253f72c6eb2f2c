"""Globs over paths of the workspace."""

from __future__ import annotations

import pytest

from decant_tools.workspace.affected.globs import matches


@pytest.mark.parametrize(
    ("path", "glob"),
    [
        ("README.md", "README*"),
        ("docs/a/b.html", "docs"),
        ("docs/a/b.html", "docs/"),
        ("docs/a/b.html", "docs/**"),
        ("proto/a.proto", "proto/*.proto"),
        ("proto/x/y/a.proto", "proto/**/*.proto"),
        ("proto/a.proto", "proto/**/*.proto"),
        ("a/b/c.md", "**/*.md"),
        ("c.md", "**/*.md"),
        ("c.md", "./c.md"),
        ("c1.md", "c?.md"),
        ("Makefile", "[Mm]akefile"),
        ("b.py", "[!a].py"),
        ("services/a/app.py", "services/*"),
        ("name with (brackets)+.txt", "name with (brackets)+.txt"),
        ("odd\udcff.txt", "odd*.txt"),
        ("two\nlines.txt", "two*.txt"),
    ],
)
def test_a_match(path: str, glob: str) -> None:
    assert matches(path, ["nothing", glob]) == glob


@pytest.mark.parametrize(
    ("path", "glob"),
    [
        ("a/README.md", "README*"),
        ("docs2/x", "docs"),
        ("proto/x/a.proto", "proto/*.proto"),
        ("a.py", "[!a].py"),
        ("ab.py", "?.py"),
        ("axpy", "a.py"),
        ("", "*.md"),
    ],
)
def test_no_match(path: str, glob: str) -> None:
    assert matches(path, [glob]) is None
