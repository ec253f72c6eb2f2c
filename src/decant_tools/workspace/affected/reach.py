"""The shortest chain of reasons from what changed to everything that depends on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from decant_tools.workspace.affected.selection import Step
from decant_tools.workspace.model import Edge, EdgeKind, Graph

Chain = tuple[Step, ...]

ALWAYS: frozenset[EdgeKind] = frozenset({"holds", "hosts", "ships"})
"""Kinds that no choice of edges leaves out: what a project consists of."""

TELLING = {"contract": 0, "event": 1, "import": 2, "manifest": 3, "extra": 4, "copy": 5}
"""Of reasons that are equally short the one that tells most is shown: a line that uses it before one that names it."""


class Seed(NamedTuple):
    """Where a change enters the graph.

    Attributes:
        node: A project's id or a file's node.
        why: The chain from the changed file to the node.
        spreads: Whether those who depend on the node are affected, too; not so when only its tools changed.
    """

    node: str
    why: Chain
    spreads: bool = True


def reach(seeds: Iterable[Seed], graphs: Sequence[Graph], kinds: frozenset[EdgeKind] | None = None) -> dict[str, Chain]:
    """Return every node that a change reaches, with the shortest chain that leads there.

    The graphs are walked as one. An edge that only the old one has was removed by a change to one of its ends, and
    that end is a seed; so nothing is selected that did not depend on a change before it or after it.

    Args:
        seeds: Where the change enters.
        graphs: The graph as it is and, where it matters, as it was.
        kinds: Which edges to follow, besides :data:`ALWAYS`; all by default.
    """
    waiting = _by_length(seeds)
    found: dict[str, Chain] = {}
    spreading: set[str] = set()
    layer: list[str] = []
    length = 0
    while layer or waiting:
        length += 1
        reached = [
            Seed(edge.source, (*found[node], _step(edge)))
            for node in layer
            for edge in _into(node, graphs)
            if edge.source not in spreading and (kinds is None or edge.kind in kinds or edge.kind in ALWAYS)
        ]
        reached.sort(key=lambda seed: TELLING.get(seed.why[-1].by, len(TELLING)))
        layer = []
        for seed in (*waiting.pop(length, ()), *reached):
            found.setdefault(seed.node, seed.why)
            if seed.spreads and seed.node not in spreading:
                spreading.add(seed.node)
                layer.append(seed.node)
    return found


def _by_length(seeds: Iterable[Seed]) -> dict[int, list[Seed]]:
    waiting: dict[int, list[Seed]] = {}
    for seed in seeds:
        waiting.setdefault(len(seed.why), []).append(seed)
    for same in waiting.values():
        same.sort()
    return waiting


def _into(node: str, graphs: Sequence[Graph]) -> Iterator[Edge]:
    for graph in graphs:
        yield from graph.into.get(node, ())


def _step(edge: Edge) -> Step:
    return Step(edge.source.removeprefix("file:"), edge.kind, edge.at or None)
