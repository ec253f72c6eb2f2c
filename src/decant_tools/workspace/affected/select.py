"""From changed files to the projects that they affect."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from decant.errors import CommandError
from decant_tools.workspace.affected.base import Base, find_base, near
from decant_tools.workspace.affected.case import Case
from decant_tools.workspace.affected.judge import SETTINGS, distrust, judge
from decant_tools.workspace.affected.reach import reach
from decant_tools.workspace.affected.selection import Fallback, Selected, Selection, Step, in_order
from decant_tools.workspace.git import Change, Git
from decant_tools.workspace.model import EdgeKind, Finding, Graph

if TYPE_CHECKING:
    from decant_tools.workspace.tree import Tree
    from decant_tools.workspace.view import View

# What is at the end of names of files that say nothing about edges between others.
_LOCAL = (
    ".py", ".pyi", ".html", ".htm", ".jinja", ".jinja2", ".j2", ".css", ".js", ".ts", ".svg", ".png", ".jpg", ".ico",
    ".md", ".rst", ".sql", ".csv", ".json", ".po", ".mo", ".sh",
)  # fmt: skip
_SHAPING = ("setup.py", "package.json")


class _Compared(NamedTuple):
    """The two states, and what differs.

    Attributes:
        view: The workspace as it is judged.
        head: The commit that is judged; None for the files on disk.
        base: What is compared with.
        changes: What differs; None where that is not known.
    """

    view: View
    head: str | None
    base: Base
    changes: Sequence[Change] | None


def affected(
    view: View,
    *,
    base: str | None = None,
    head: str | None = None,
    files: Sequence[str] | None = None,
    strict_base: bool = False,
    kinds: frozenset[EdgeKind] | None = None,
    env: Mapping[str, str] | None = None,
) -> Selection:
    """Return what a change affects.

    Args:
        view: The workspace as it is on disk.
        base: A revision to compare with; found by itself otherwise, see :func:`~.base.find_base`.
        head: A revision to judge; otherwise the files on disk, with what is not committed and not tracked.
        files: Judge these paths, relative to the workspace, and ask git nothing about what changed.
        strict_base: Refuse to select everything only because there is nothing to compare with.
        kinds: Which edges to follow; all by default.
        env: The environment, in which a CI says what is compared; that of the process by default.

    Raises:
        CommandError: Exit code 2 for a revision that does not exist; 6 without a base where that is refused.
    """
    compared = _compare(view, base, head, files, os.environ if env is None else env)
    changes = tuple(compared.changes or ())
    notes = _said(compared.base.why)
    if compared.changes is None:
        fallback = compared.base.fallback or Fallback("no-base", "There is nothing to compare with.")
        if strict_base:
            raise CommandError(fallback.reason, hint="Without --strict-base everything is selected.", exit_code=6)
        everything = _everything(compared.view.graph, fallback)
        return Selection(None, compared.head, fallback, everything, (), notes)
    before = _before(compared)
    is_known = compared.base.commit is not None
    graph = before().graph if _is_shaping(changes) and before else None
    case = Case(compared.view, (lambda: before().tree) if before and is_known else None, graph)
    for change in changes:
        judge(case, change)
    for graph in case.graphs:
        distrust(case, graph)
    found = reach(case.seeds, case.graphs, kinds)
    projects = compared.view.graph.projects
    selected = in_order(Selected(projects[node], chain) for node, chain in found.items() if node in projects)
    gone = [node for graph in case.graphs[1:] for node in graph.projects if node in found and node not in projects]
    return Selection(
        compared.base.commit,
        compared.head,
        case.fallback,
        selected,
        changes,
        (*notes, *case.notes, *map(_gone, sorted(gone))),
    )


def _compare(
    view: View, base: str | None, head: str | None, files: Sequence[str] | None, env: Mapping[str, str]
) -> _Compared:
    git = view.git
    if git is None:
        fallback = Fallback("no-repository", Git.why_not(view.root))
        if base or head:
            raise CommandError(fallback.reason, exit_code=6)
        return _Compared(view, None, Base(None, "", fallback), None if files is None else _listed(view.tree, files))
    commit = git.resolve(head or "HEAD")
    if head and commit is None:
        raise CommandError(f"There is no revision {head!r} to judge.", hint=near(git, head), exit_code=2)
    judged, shown = (view.at(commit), commit) if head and commit else (view, None)
    if files is not None:
        compared = find_base(git, commit, base, "", {}) if base and commit else Base(None, "")
        return _Compared(judged, shown, compared, _listed(judged.tree, files))
    if commit is None:
        reason = "There is no commit yet, so there is nothing to compare with."
        return _Compared(view, None, Base(None, "", Fallback("no-commit", reason)), None)
    configured = _configured(judged)
    found = find_base(git, commit, base, configured, env)
    return _Compared(judged, shown, found, judged.changes(found.commit) if found.commit else None)


def _configured(view: View) -> str:
    """Return ``[affected] base``; without making the graph before it is known what to compare it with."""
    if view.commit is not None:
        return view.discovery.config.affected.base
    try:
        content = (view.root / SETTINGS).read_bytes()
    except OSError:
        return ""
    return view.discovery.config.affected.base if b"affected" in content and b"base" in content else ""


def _listed(tree: Tree, files: Iterable[str]) -> list[Change]:
    """Return files that were named as changes: those that are not there were deleted."""
    paths = sorted({posixpath.normpath(path) for path in files})
    return [Change(path, "modified" if path in tree.files else "deleted") for path in paths]


def _before(compared: _Compared) -> Callable[[], View] | None:
    """Return what looks at the workspace as it was: at the base, or at the last commit where files were named."""
    view = compared.view
    commit = compared.base.commit or (view.git.head if view.git else None)
    return cache(lambda: view.at(commit)) if commit else None


def _is_shaping(changes: Iterable[Change]) -> bool:
    """Return whether a change may take away an edge that does not begin at the changed file.

    What only some file's content says is seen on the graph as it is: a file that lost an import is changed itself.
    """
    return any(
        status != "modified" or not path.endswith(_LOCAL) or path.rpartition("/")[2] in _SHAPING
        for path, status in changes
    )


def _everything(graph: Graph, fallback: Fallback) -> tuple[Selected, ...]:
    return in_order(
        Selected(project, (Step(project.id, "fallback", fallback.code),)) for project in graph.projects.values()
    )


def _said(why: str) -> tuple[Finding, ...]:
    return (Finding("note", "base", "", f"Compared with {why}."),) if why else ()


def _gone(node: str) -> Finding:
    kind, _, name = node.partition(":")
    return Finding("note", "gone", "", f"The {kind} {name} does not exist any more.")
