"""The edges of a graph while they are found."""

from __future__ import annotations

from collections.abc import Iterator

from decant_tools.workspace.model import Edge, EdgeKind


class Edges:
    """Edges, each (source, target, kind) once, at the first place that says so.

    Attributes:
        reached: Nodes that something depends on, in the order in which they were found.
    """

    def __init__(self) -> None:
        self._at: dict[tuple[str, str, EdgeKind], str | tuple[str, int]] = {}
        self.reached: dict[str, None] = {}

    def add(self, source: str, target: str, kind: EdgeKind, path: str, line: int = 0) -> None:
        """Add an edge, unless it leads back to where it starts.

        Args:
            source: The node that depends.
            target: The node that it depends on.
            kind: Why.
            path: The file that says so.
            line: Where in it, counted from 1; 0 for the file as a whole.
        """
        key = (source, target, kind)
        if source != target and key not in self._at:
            self._at[key] = (path, line) if line else path
            self.reached[target] = None

    def __contains__(self, key: tuple[str, str, EdgeKind]) -> bool:
        return key in self._at

    def __iter__(self) -> Iterator[Edge]:
        for (source, target, kind), at in self._at.items():
            yield Edge(source, target, kind, at if isinstance(at, str) else f"{at[0]}:{at[1]}")

    def sorted(self) -> list[Edge]:
        """Return the edges as a graph has them."""
        return sorted(self)
