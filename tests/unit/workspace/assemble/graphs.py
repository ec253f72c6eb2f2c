"""Graphs of trees that lie nowhere."""

from __future__ import annotations

from collections.abc import Mapping

from decant_tools.workspace.assemble import build_graph
from decant_tools.workspace.discover import discover
from decant_tools.workspace.facts import Facts, extract, kind_of
from decant_tools.workspace.model import Finding, Graph
from decant_tools.workspace.tree import MemoryTree

Source = Mapping[str, str]
PLAIN: Source = {
    "services/orders/app.py": "",
    "services/orders/requirements.txt": "",
    "services/users/app.py": "",
    "services/users/requirements.txt": "",
    "libs/common_utils/__init__.py": "",
    "libs/common_utils/helpers.py": "",
    "libs/db/__init__.py": "",
    "libs/db/connection.py": "",
}
"""Two services and two libs as people write them: no manifest but lists of requirements."""


def graph_of(files: Source, *, topology: str | None = None, symlinks: Source | None = None) -> Graph:
    """Return the graph of a tree with these files."""
    tree = MemoryTree(files)
    paths = [*tree.files, *(symlinks or {})]
    return build_graph(paths, discover(tree, topology=topology, folder="shop"), facts_of(files), symlinks)


def facts_of(files: Source) -> dict[str, Facts]:
    """Return what these files say."""
    return {path: extract(path, text.encode()) for path, text in files.items() if kind_of(path)}


def edges(graph: Graph, source: str | None = None, *kinds: str) -> list[tuple[str, ...]]:
    """Return the target, kind and place of the edges from a node; with the source where none is given."""
    return [
        edge[1:] if source else tuple(edge)
        for edge in graph.edges
        if source in {None, edge.source} and (not kinds or edge.kind in kinds)
    ]


def links(graph: Graph, *kinds: str) -> set[tuple[str, str]]:
    """Return who depends on whom."""
    return {(edge.source, edge.target) for edge in graph.edges if not kinds or edge.kind in kinds}


def found(graph: Graph, *codes: str) -> list[tuple[str, str]]:
    """Return the code and place of the findings, those of some codes where any are given."""
    return [(each.code, each.at) for each in graph.findings if not codes or each.code in codes]


def finding(graph: Graph, code: str) -> Finding:
    """Return the one finding of a code."""
    (only,) = [each for each in graph.findings if each.code == code]
    return only
