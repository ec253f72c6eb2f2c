"""What a release writes: changelogs, static versions, and those versions again in the lock file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from decant_tools.workspace.release.changelog import insert, section
from decant_tools.workspace.release.manifest import with_version
from decant_tools.workspace.release.plan import Step
from decant_tools.workspace.release.standing import manifest_path

if TYPE_CHECKING:
    from decant_tools.workspace.model import Project
    from decant_tools.workspace.tree import Tree
    from decant_tools.workspace.view import View

NAME = "CHANGELOG.md"
LOCK = "uv.lock"


def changelog_path(project: Project, projects: Mapping[str, Project]) -> str:
    """Return where a project's changelog is: in its folder.

    A service of modules has no folder of its own. The only one of its topology has the workspace's changelog;
    several have one each in ``changelogs/``.

    Args:
        project: The project.
        projects: All of them.
    """
    if not project.modules:
        return f"{project.path}/{NAME}" if project.path else NAME
    hosting = [each for each in projects.values() if each.modules]
    return NAME if len(hosting) == 1 else f"changelogs/{project.name}.md"


def section_of(step: Step, date: str) -> str:
    """Return the changelog's section of one step.

    Args:
        step: The step.
        date: ``2026-11-21``.
    """
    return section(str(step.to), date, [commit.message for commit in step.standing.own], step.dependencies)


def written(view: View, steps: Sequence[Step], date: str) -> dict[str, str]:
    """Return the files that a release changes, with their new contents; what is as it should be is left out.

    Args:
        view: The workspace.
        steps: The plan.
        date: ``2026-11-21``.
    """
    files = _Files(view.tree)
    for step in steps:
        project = step.standing.project
        path = changelog_path(project, view.graph.projects)
        files[path] = insert(files[path], str(step.to), section_of(step, date))
        manifest = manifest_path(project)
        changed = with_version(files[manifest], str(step.to)) if manifest in view.tree.files else None
        if changed is None:
            continue
        files[manifest] = changed
        for lock, folder in _locks(project.path):
            if lock in view.tree.files:
                files[lock] = relocked(files[lock], folder, str(step.to))
    return files.changed()


class _Files:
    """Texts of the workspace, as they are and as they shall be."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._before: dict[str, str] = {}
        self._after: dict[str, str] = {}

    def __getitem__(self, path: str) -> str:
        if path not in self._after:
            there = path in self._tree.files
            self._before[path] = self._tree.read(path).decode("utf-8", "surrogateescape") if there else ""
            self._after[path] = self._before[path]
        return self._after[path]

    def __setitem__(self, path: str, text: str) -> None:
        self._after[path] = text

    def changed(self) -> dict[str, str]:
        return {path: text for path, text in self._after.items() if text != self._before[path]}


def _locks(path: str) -> list[tuple[str, str]]:
    """Return where a project's lock file may be, and what its folder is called there."""
    own = f"{path}/{LOCK}" if path else LOCK
    return [(LOCK, path or "."), (own, ".")] if path else [(LOCK, ".")]


def relocked(text: str, folder: str, version: str) -> str:
    """Return a ``uv.lock`` with another version of one member; unchanged where that cannot be done safely.

    Args:
        text: The whole file.
        folder: The member's folder, relative to the lock file's.
        version: Its new version.
    """
    pattern = re.compile(
        r'(?P<before>^\[\[package\]\]\nname = "[^"\n]*"\nversion = ")[^"\n]*'
        rf'(?P<after>"\nsource = \{{ (?:editable|virtual|directory) = "{re.escape(folder)}" \}}$)',
        re.MULTILINE,
    )
    changed, count = pattern.subn(lambda match: f"{match['before']}{version}{match['after']}", text)
    try:
        tomllib.loads(changed)
    except tomllib.TOMLDecodeError:
        return text
    return changed if count == 1 else text
