"""The example shop: who calls whose contract and who hears whose events, exactly."""

from __future__ import annotations

from pathlib import Path

from decant_tools.workspace.model import Graph
from tests.unit.workspace.assemble.graphs import graph_of

ROOT = Path(__file__).parents[4] / "examples" / "store"


def store() -> Graph:
    files = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in ROOT.rglob("*")
        if path.is_file() and path.suffix in {".py", ".toml", ".html", ".css", ".js"} and ".decant" not in path.parts
    }
    return graph_of(files, topology="services")


def between(graph: Graph, kind: str) -> dict[str, set[str]]:
    """Return the modules that depend on others of theirs by a kind of edge."""
    holder = {edge.target: edge.source for edge in graph.edges if edge.kind == "holds"}
    found: dict[str, set[str]] = {}
    for edge in graph.edges:
        source, target = holder.get(edge.source), holder.get(edge.target)
        if edge.kind == kind and source and target and source != target:
            found.setdefault(source.removeprefix("module:"), set()).add(target.removeprefix("module:"))
    return found


def test_contracts() -> None:
    assert between(store(), "contract") == {
        "cart": {"catalog"},
        "notifications": {"auth"},
        "orders": {"cart", "catalog", "payments"},
        "web": {"auth", "cart", "catalog", "notifications", "orders", "users"},
    }


def test_events() -> None:
    assert between(store(), "event") == {"notifications": {"orders"}}


def test_nothing_in_it_is_wrong() -> None:
    assert [each for each in store().findings if each.level == "error"] == []
