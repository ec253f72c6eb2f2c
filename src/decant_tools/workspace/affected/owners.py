"""Whose file a path is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from decant_tools.workspace.model import Project, file_node


class Owners:
    """The projects of a graph, by their folders.

    Args:
        projects: All of them.
    """

    def __init__(self, projects: Iterable[Project]) -> None:
        self._by_path: dict[str, list[Project]] = defaultdict(list)
        for project in projects:
            self._by_path[project.path].append(project)

    def at(self, path: str) -> list[Project]:
        """Return the projects whose folder this is."""
        return self._by_path.get(path, [])

    def of(self, path: str) -> list[Project]:
        """Return the projects with the deepest folder that contains a path; several share one in a topology."""
        while path not in self._by_path:
            if not path:
                return []
            path = path.rpartition("/")[0]
        return self._by_path[path]

    def below(self, folder: str) -> list[Project]:
        """Return the projects in a folder, and the one that it is."""
        return [
            project
            for path, projects in self._by_path.items()
            for project in projects
            if not folder or path == folder or path.startswith(f"{folder}/")
        ]


def nodes_of(path: str) -> list[str]:
    """Return the nodes that may stand for a file: itself, and the folders around it that somebody copies.

    Not the workspace as a whole, ``./``: who copies everything says nothing about any file.
    """
    nodes = [file_node(path)]
    while "/" in path:
        path = path.rpartition("/")[0]
        nodes.append(file_node(f"{path}/"))
    return nodes
