"""The files of a workspace: which folders there are, what lies in them, and whose they are."""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from decant_tools.workspace.model import Project, file_node

if TYPE_CHECKING:
    from decant_tools.workspace.discover.discovery import Discovery

SUFFIXES = (".py", ".pyi", ".pyw")
"""How the names of Python files end."""


class Files:
    """The files of a workspace and its projects.

    Args:
        paths: Of all files.
        discovery: The projects.
        links: Where symbolic links lead, as it is written in them, by path.

    Attributes:
        links: Where those lead that stay in the workspace, by path.
        paths: Of all files, sorted.
        folders: By folder: the names of what lies in it, and whether each is a file.
        python: By folder that holds Python files, at any depth: the names that can be imported from it.
        projects: By id.
        package_path: The folder of the package that holds modules, or "".
    """

    def __init__(self, paths: Iterable[str], discovery: Discovery, links: Mapping[str, str] | None = None) -> None:
        self.paths = sorted(paths)
        ends = ((path, within(path.rpartition("/")[0], to)) for path, to in sorted((links or {}).items()))
        self.links = {path: end for path, end in ends if end and end != path}
        self.folders: dict[str, dict[str, bool]] = {"": {}}
        self.python: dict[str, set[str]] = {"": set()}
        self.projects = {project.id: project for project in discovery.projects}
        self.package_path = discovery.package_path
        self._enter_all()
        self._by_folder: dict[str, Project | None] = {}
        if self.package_path:
            self._by_folder[self.package_path] = None
        self._by_folder.update((project.path, project) for project in discovery.projects if not project.modules)
        self._owners = dict(self._by_folder)

    def _enter_all(self) -> None:
        last: str | None = None  # files that lie side by side come one after the other
        names: dict[str, bool] = {}
        for path in self.paths:
            folder, _, name = path.rpartition("/")
            if folder != last:
                last = folder
                if folder not in self.folders:
                    self._enter_folder(folder)
                names = self.folders[folder]
            names[name] = True
            if name.endswith(SUFFIXES):
                if folder not in self.python:
                    self._enter_python(folder)
                self.python[folder].add(name.rpartition(".")[0])

    def _enter_folder(self, folder: str) -> None:
        passed: list[str] = []
        while folder not in self.folders:
            passed.append(folder)
            folder = folder.rpartition("/")[0]
        for below in reversed(passed):
            self.folders[below.rpartition("/")[0]][below.rpartition("/")[2]] = False
            self.folders[below] = {}

    def _enter_python(self, folder: str) -> None:
        passed: list[str] = []
        while folder not in self.python:
            passed.append(folder)
            folder = folder.rpartition("/")[0]
        for below in reversed(passed):
            self.python[below.rpartition("/")[0]].add(below.rpartition("/")[2])
            self.python[below] = set()

    def __contains__(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        return self.folders.get(folder, {}).get(name, False)

    def owner(self, path: str) -> Project | None:
        """Return the project that a file or a folder belongs to: the one with the deepest folder.

        None for what is in no project, and for what lies in the package that holds modules without being in one.
        """
        passed: list[str] = []
        while path not in self._owners:
            if not path:
                self._owners[""] = None
                break
            passed.append(path)
            path = path.rpartition("/")[0]
        found = self._owners[path]
        for each in passed:
            self._owners[each] = found
        return found

    def node(self, path: str) -> str:
        """Return the node of a Python file: its project, or the file itself in a module and outside of projects."""
        owner = self.owner(path)
        return file_node(path) if owner is None or owner.kind == "module" else owner.id

    def node_of_any(self, path: str) -> str:
        """Return the node of any file: that of a Python file, or the project that it belongs to."""
        owner = self.owner(path)
        if owner is None or (owner.kind == "module" and path.endswith(SUFFIXES)):
            return file_node(path)
        return owner.id

    def link_on(self, path: str) -> str | None:
        """Return the symbolic link that a path is or goes through, the deepest one, or None."""
        while path and self.links:
            if path in self.links:
                return path
            path = path.rpartition("/")[0]
        return None

    def project_at(self, folder: str) -> Project | None:
        """Return the project whose folder this is."""
        return self._by_folder.get(folder)

    def below(self, folder: str) -> Iterator[str]:
        """Yield the files below a folder, sorted."""
        if not folder:
            yield from self.paths
            return
        start = f"{folder}/"
        for index in range(bisect_left(self.paths, start), len(self.paths)):
            if not self.paths[index].startswith(start):
                return
            yield self.paths[index]

    def projects_below(self, folder: str) -> Iterator[Project]:
        """Yield the projects below a folder, sorted by path; all of them below ""."""
        start = f"{folder}/" if folder else ""
        for index in range(bisect_left(self._project_paths, start), len(self._project_paths)):
            path = self._project_paths[index]
            if not path.startswith(start):
                return
            project = self._by_folder[path]
            if project is not None:
                yield project

    @cached_property
    def _project_paths(self) -> list[str]:
        return sorted(path for path, project in self._by_folder.items() if project is not None)


def within(folder: str, path: str) -> str | None:
    """Return a path relative to a folder as one relative to the workspace; None where that leads out of it."""
    if path.startswith("/"):
        return None
    found = posixpath.normpath(posixpath.join(folder, path)) if path else folder
    if found == ".":
        return ""
    return None if found == ".." or found.startswith("../") else found
