"""Cycles of imports."""

from __future__ import annotations

from decant_tools.check import cycle_violations, find_cycles, read_imports, report
from tests.unit.tools.check.conftest import Tree


def test_modules_without_a_cycle_have_none() -> None:
    assert find_cycles({"a": {"b", "c"}, "b": {"c"}, "c": {"d"}}) == []


def test_the_shortest_way_around_is_told_once_per_knot() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"a", "b"}, "x": {"y"}, "y": {"x"}, "z": {"a", "x"}}
    assert find_cycles(edges) == [["b", "c"], ["x", "y"]]


def test_a_long_chain_does_not_exhaust_the_stack() -> None:
    edges = {str(number): {str(number + 1)} for number in range(5000)} | {"5000": {"0"}}
    (cycle,) = find_cycles(edges)
    assert len(cycle) == 5001


def test_type_only_and_late_imports_close_a_cycle(tree: Tree) -> None:
    root = tree({
        "app/a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app.b import B",
        "app/b.py": "def late():\n    import app.a",
    })  # fmt: skip
    assert report(cycle_violations(read_imports(root, ["app"]))) == (
        "app/a.py:3: cycle: app.a (line 3) -> app.b (line 2) -> app.a: move what both need into a module of its own"
    )


def test_a_module_that_imports_from_its_own_package_is_a_cycle(tree: Tree) -> None:
    root = tree({"app/sub/__init__.py": "from app.sub.one import NAME", "app/sub/one.py": "from app.sub import other"})
    assert len(cycle_violations(read_imports(root, ["app"]))) == 1
