"""Sizes of files and functions."""

from __future__ import annotations

import pytest

from decant_tools.check import Limits, measure, noted_files, size_violations
from tests.unit.tools.check.conftest import Tree

SHORT = "def short():\n    return 1\n"
LIMITS = Limits(
    file_lines=12, noted_file_lines=8, median_file_lines=12, function_lines=4, short_function_lines=2, positional=2
)


def rules(tree: Tree, text: str, limits: Limits = LIMITS) -> list[str]:
    return [found.rule for found in size_violations(measure(tree({"app/one.py": text}), ["app"]), limits)]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("x = 1\n" * 13, "file-size"),
        ("def long():\n" + "    x = 1\n" * 5 + SHORT * 3, "function-size"),
        ("def many(a, b, c): ...\n", "positional"),
        ("def many(a, /, b, c=1, *, d): ...\n", "positional"),
        ("class A:\n    def many(self, a, b, c): ...\n", "positional"),
        ("class A:\n    @staticmethod\n    def many(a, b, c): ...\n", "positional"),
        ("def middle():\n    x = 1\n    y = 1\n    z = 1\n", "function-share"),
    ],
)
def test_every_kind_of_violation_is_found(tree: Tree, text: str, rule: str) -> None:
    limits = Limits(**{**{name: getattr(LIMITS, name) for name in LIMITS.__slots__}, "short_share": 0.5})
    assert rules(tree, text, limits) == [rule]


def test_the_median_over_all_files_is_held(tree: Tree) -> None:
    assert rules(tree, "x = 1\n" * 6, Limits(median_file_lines=2)) == ["file-median"]


@pytest.mark.parametrize(
    "text",
    [
        'def told():\n    """One.\n\n    Two.\n    Three.\n    Four.\n    """\n    return 1\n',
        "class A:\n    def fits(self, a, b, *, c, d): ...\n",
        "def excepted(a, b, c):  # noqa: PLR0917 - a reason\n    ...\n",
    ],
)
def test_docstrings_self_keywords_and_stated_exceptions_do_not_count(tree: Tree, text: str) -> None:
    assert rules(tree, text) == []


def test_files_that_need_a_reason_are_noted_and_allowed(tree: Tree) -> None:
    sizes = measure(tree({"app/one.py": "x = 1\n" * 10}), ["app"])
    assert noted_files(sizes, LIMITS) == ["app/one.py: 10 lines"]
    assert size_violations(sizes, LIMITS) == []


def test_the_summary_names_the_figures(tree: Tree) -> None:
    assert measure(tree({"app/one.py": SHORT}), ["app"]).summary() == (
        "2 files, median 1 lines, largest 2; 1 functions, median 1 lines, largest 1"
    )
