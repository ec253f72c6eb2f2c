"""Whose files a commit changed, and which version that concerns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

from decant_tools.workspace.affected.globs import matches
from decant_tools.workspace.affected.owners import Owners as Owning
from decant_tools.workspace.model import Graph, file_node


class Declared(Protocol):
    """What ``decant.toml`` adds to a project."""

    @property
    def files(self) -> tuple[str, ...]: ...


class Reach(NamedTuple):
    """What a project consists of and needs, seen from its version.

    Attributes:
        own: Nodes that have no version of their own: itself, its modules, files.
        needs: The projects with versions that it depends on directly, sorted.
    """

    own: frozenset[str]
    needs: tuple[str, ...]


def reach(graph: Graph, project: str, versioned: Collection[str]) -> Reach:
    """Return what a change of which is a change of a project.

    Args:
        graph: What depends on what.
        project: The project's id.
        versioned: The ids of all projects that have versions.
    """
    own = {project}
    needs: set[str] = set()
    left = [project]
    while left:
        for edge in graph.out_of.get(left.pop(), ()):
            if edge.target in versioned:
                needs.add(edge.target)
            elif edge.target not in own:
                own.add(edge.target)
                left.append(edge.target)
    return Reach(frozenset(own), tuple(sorted(needs - {project})))


class Owners:
    """Maps files to the nodes of the graph that they belong to.

    Args:
        graph: What depends on what.
        extras: By project id: what is declared of it.
    """

    def __init__(self, graph: Graph, extras: Mapping[str, Declared]) -> None:
        self._folders = Owning(graph.projects.values())
        self._graph = graph
        self._extras = {project: extra.files for project, extra in extras.items() if extra.files}
        self._nodes: dict[str, frozenset[str]] = {}

    def of(self, paths: Iterable[str]) -> frozenset[str]:
        """Return the nodes of some files."""
        return frozenset(node for path in paths for node in self._of(path))

    def _of(self, path: str) -> frozenset[str]:
        if path not in self._nodes:
            self._nodes[path] = frozenset(self._find(path))
        return self._nodes[path]

    def _find(self, path: str) -> set[str]:
        found = {project for project, globs in self._extras.items() if matches(path, globs)}
        node = file_node(path)
        is_known = node in self._graph.into or node in self._graph.out_of
        if is_known:
            found.add(node)
        # What lies beside the modules is everybody's, unless the graph knows whose it is.
        found.update(project.id for project in self._folders.of(path) if not (is_known and project.modules))
        return found
