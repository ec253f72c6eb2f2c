"""Whose files a commit changed, and which version that concerns."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple, cast

from decant_tools.workspace.affected.case import Case
from decant_tools.workspace.affected.judge import SETTINGS, judge
from decant_tools.workspace.facts.kinds import kind_of
from decant_tools.workspace.git import Change
from decant_tools.workspace.prune.select import EVERYTHING
from decant_tools.workspace.tree import CommitTree

if TYPE_CHECKING:
    from decant_tools.workspace.discover import Discovery
    from decant_tools.workspace.model import Graph
    from decant_tools.workspace.release.history import Commit
    from decant_tools.workspace.tree import Tree
    from decant_tools.workspace.view import View


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
            if edge.target == EVERYTHING:
                continue  # an image of everything is built from what was pruned, and that is in the graph
            if edge.target in versioned:
                needs.add(edge.target)
            elif edge.target not in own:
                own.add(edge.target)
                left.append(edge.target)
    return Reach(frozenset(own), tuple(sorted(needs - {project})))


class Touched:
    """Tells which nodes of the graph a commit changed, by the rules of ``decant affected``.

    Files of the root that only say how everything is built or checked are no reason for a version, unless
    ``decant.toml`` says so; nor are packages that only tests need.

    Args:
        view: The workspace as it is now.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._case = _Case(view, None, None)
        self._nodes: dict[str, frozenset[str]] = {}

    def by(self, commit: Commit) -> frozenset[str]:
        """Return the nodes of the files that a commit changed."""
        return frozenset(node for path in commit.paths for node in self._of(commit, path))

    def _of(self, commit: Commit, path: str) -> frozenset[str]:
        if path == SETTINGS or kind_of(path) in _COMPARED:
            return self._compared(commit, path)
        if path not in self._nodes:
            self._case.seeds.clear()
            judge(self._case, Change(path, "modified"))
            self._nodes[path] = _nodes(self._case)
        return self._nodes[path]

    def _compared(self, commit: Commit, path: str) -> frozenset[str]:
        """Judge a file by what the commit changed in it."""
        git = self._view.git
        if git is None:
            return frozenset()
        parent = git.resolve(f"{commit.id}^")
        now = _Then(self._view.graph, self._view.discovery, CommitTree(git, commit.id))
        case = _Case(cast("View", now), (lambda: CommitTree(git, parent)) if parent else None, None)
        judge(case, Change(path, "modified"))
        return _nodes(case)


_COMPARED = frozenset({"lock", "requirements"})


class _Then(NamedTuple):
    """The files of a commit, in the workspace as it is now."""

    graph: Graph
    discovery: Discovery
    tree: Tree


class _Case(Case):
    def touch_all(self, change: Change, by: str, at: str | None = None) -> None:
        is_built_in = by == "root" and at is None
        if not is_built_in and at != "unknown-root-file":
            self.touch(change, self.view.graph.projects, by, at)


def _nodes(case: Case) -> frozenset[str]:
    return frozenset(seed.node for seed in case.seeds if seed.spreads)
