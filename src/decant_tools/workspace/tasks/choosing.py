"""Which projects a person means."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from decant.errors import CommandError
from decant_tools.workspace.model import Graph, Project


def choose(graph: Graph, names: Sequence[str], here: str | None, root: Path) -> list[Project]:
    """Return the projects of some names; without names that of the current folder, or all.

    Args:
        graph: All projects.
        names: Names, ids (``lib:common``) or folders, relative to the current one or to the workspace; a name that
            several kinds have means all of them.
        here: The current folder, relative to the workspace; None to take all.
        root: The workspace.

    Raises:
        CommandError: Exit code 4 for a name that nobody has.
    """
    if not names:
        own = _around(graph, here) if here is not None else None
        return [own] if own else list(graph.projects.values())
    found: dict[str, Project] = {}
    for name in names:
        found.update((project.id, project) for project in _named(graph, name, root))
    return [project for key, project in graph.projects.items() if key in found]


def _named(graph: Graph, name: str, root: Path) -> list[Project]:
    if name in graph.projects:
        return [graph.projects[name]]
    projects = graph.projects.values()
    found = [each for each in projects if each.name == name]
    for folder in _folders(name, root):
        found = found or [each for each in projects if each.path == folder and not each.modules]
    if found:
        return found
    from decant.settings.suggest import suggest

    known = sorted({each.name for each in graph.projects.values()})
    raise CommandError(f"No project is called {name!r}.", hint=suggest(name, known), exit_code=4)


def _folders(name: str, root: Path) -> list[str]:
    """Return the folders that may be meant, relative to the workspace: that of where one is comes first."""
    if not name:
        return []
    there = Path(os.path.normpath(Path.cwd() / name))  # a link in the workspace is a folder of its own
    found = [there.relative_to(each).as_posix() for each in (root, root.resolve()) if there.is_relative_to(each)]
    is_from_here = name.split("/", maxsplit=1)[0] in {".", ".."}
    folders = found[:1] if is_from_here else [*found[:1], os.path.normpath(name)]
    return ["" if folder == "." else folder for folder in folders]


def _around(graph: Graph, here: str) -> Project | None:
    """Return the innermost project whose folder holds the current one; the workspace itself is none."""
    folders = {each.path: each for each in graph.projects.values() if each.path and not each.modules}
    folder = here
    while folder:
        if folder in folders:
            return folders[folder]
        folder = folder.rpartition("/")[0]
    return None


def folder_of(root: Path, here: Path) -> str:
    """Return a folder relative to the workspace; "" for the workspace itself."""
    relative = here.resolve().relative_to(root.resolve()).as_posix()
    return "" if relative == "." else relative
