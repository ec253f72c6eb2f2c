"""What is known while a change is judged: both states of the workspace, and what was touched so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from decant_tools.workspace.affected.owners import Owners
from decant_tools.workspace.affected.reach import Seed
from decant_tools.workspace.affected.selection import Fallback, Step
from decant_tools.workspace.model import Finding, Graph, Project

if TYPE_CHECKING:
    from decant_tools.workspace.git import Change
    from decant_tools.workspace.tree import Tree
    from decant_tools.workspace.view import View


class Case:
    """Changes, and where they enter the graph.

    Args:
        view: The workspace as it is.
        before: Returns its files as they were; None where nobody knows.
        graph_before: Its graph as it was; None where that cannot matter.

    Attributes:
        graphs: The graph as it is and, where it matters, as it was.
        seeds: What the changes touch.
        fallback: Set once everything is selected because something is not known.
        notes: What a person should know.
    """

    def __init__(self, view: View, before: Callable[[], Tree] | None, graph_before: Graph | None) -> None:
        self.view = view
        self.graphs = [view.graph] if graph_before is None else [view.graph, called_as_now(graph_before, view.graph)]
        self.seeds: list[Seed] = []
        self.fallback: Fallback | None = None
        self.notes: list[Finding] = []
        self._owners = [Owners(graph.projects.values()) for graph in self.graphs]
        self._before = before
        self._is_everything = False

    @cached_property
    def tree_before(self) -> Tree | None:
        """The files as they were, or None where nobody knows."""
        return self._before() if self._before else None

    def touch(self, change: Change, ids: Iterable[str], by: str, at: str | None = None) -> None:
        """Add projects that a file touches.

        Args:
            change: The file.
            ids: The projects.
            by: What kind of reason it is.
            at: Where that is written.
        """
        first = Step(change.path, change.status)
        self.seeds += [Seed(node, (first, Step(node, by, at))) for node in ids]

    def touch_all(self, change: Change, by: str, at: str | None = None) -> None:
        """Add every project, because of a file."""
        if not self._is_everything:
            self._is_everything = True
            self.touch(change, self.view.graph.projects, by, at)

    def give_up(self, change: Change, code: str, reason: str) -> None:
        """Add every project, because it is not known what a file touches."""
        self.fallback = self.fallback or Fallback(code, reason)
        self.touch_all(change, "fallback", code)

    def states(self, change: Change) -> list[tuple[Graph, Owners]]:
        """Return the graphs that a file is looked up in: a new one was not there, a deleted one is not there."""
        states = list(zip(self.graphs, self._owners, strict=True))
        if len(states) == 1 or change.status == "modified":
            return states
        return states[:1] if change.status == "added" else states[1:]

    def owner_of(self, path: str) -> list[Project]:
        """Return the projects that a file belongs to now, if they are more than the whole workspace."""
        return [project for project in self._owners[0].of(path) if project.path]

    def projects_at(self, folder: str) -> list[Project]:
        """Return the projects whose folder this is, now or before."""
        return list({project.id: project for owners in self._owners for project in owners.at(folder)}.values())

    def projects_below(self, folder: str) -> list[Project]:
        """Return the projects in a folder, now or before."""
        return list({project.id: project for owners in self._owners for project in owners.below(folder)}.values())

    def versions(self, change: Change) -> tuple[bytes | None, bytes | None]:
        """Return a file's content as it was and as it is; None where it was not there, or nobody knows."""
        before = self.tree_before
        old = before.read_many([change.path]).get(change.path) if before is not None else None
        return old, self.view.tree.read_many([change.path]).get(change.path)


def called_as_now(before: Graph, now: Graph) -> Graph:
    """Return a graph as it was, in which every folder that is a project still is called what it is called now.

    A lib that lost its Dockerfile was a service, and one whose namesake is gone had its path for a name.

    Args:
        before: As it was.
        now: As it is.
    """
    at_path = {project.path: project for project in now.projects.values() if not project.modules}
    found = {
        project.id: project._replace(kind=other.kind, name=other.name)
        for project in before.projects.values()
        if not project.modules and (other := at_path.get(project.path)) and other.id != project.id
    }
    if not found:
        return before
    ids = {old: project.id for old, project in found.items()}
    projects = (found.get(project.id, project) for project in before.projects.values())
    edges = (
        edge._replace(source=ids.get(edge.source, edge.source), target=ids.get(edge.target, edge.target))
        for edge in before.edges
    )
    return Graph(projects, edges, before.findings)
