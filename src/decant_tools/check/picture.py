"""A picture of the packages and their imports, as Mermaid text that documentation sites and code hosts draw."""

from __future__ import annotations

from collections.abc import Iterator

from decant_tools.check.imports import ImportGraph
from decant_tools.check.layers import Layers


def mermaid(graph: ImportGraph, layers: Layers) -> str:
    """Return the packages as boxes, layer by layer, and an arrow for each dependency between them.

    Arrows to the lowest layer are left out: everything may use it, and they would hide the others.
    """
    present = layers.members(graph)
    lines = ["flowchart TD"]
    for number, layer in enumerate(reversed(layers.layers)):
        names = [name for name in layer.names if name in present]
        if names:
            lines += [f"  subgraph layer{number}[ ]", *(f"    {name}" for name in names), "  end"]
    lines += [f"  {above} --> {below}" for above, below in sorted(_arrows(graph, layers))]
    return "\n".join(lines)


def _arrows(graph: ImportGraph, layers: Layers) -> Iterator[tuple[str, str]]:
    hidden = {*layers.layers[-1].names, *layers.outside}
    pairs = {(layers.member(each.importer), layers.member(each.imported)) for each in graph.imports}
    for above, below in pairs:
        if above and below and above != below and not hidden.intersection((above, below)):
            yield above, below
