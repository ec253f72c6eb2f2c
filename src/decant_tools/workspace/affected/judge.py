"""Where each changed file enters the graph: the projects that it belongs to, and those that name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decant_tools.workspace.affected import rootmap
from decant_tools.workspace.affected.globs import matches
from decant_tools.workspace.affected.owners import nodes_of
from decant_tools.workspace.affected.reach import Seed
from decant_tools.workspace.affected.selection import Fallback, Step
from decant_tools.workspace.facts.kinds import kind_of
from decant_tools.workspace.model import Finding, Graph

if TYPE_CHECKING:
    from decant_tools.workspace.affected.case import Case
    from decant_tools.workspace.git import Change

SETTINGS = "decant.toml"

UNREADABLE = frozenset({"broken-manifest", "unread-include", "unreadable-manifest"})
"""Codes of findings that say that a manifest does not tell what its project depends on."""


def judge(case: Case, change: Change) -> None:
    """Add what a changed file touches."""
    if change.path == SETTINGS:
        _settings(case, change)
        return
    table = case.view.discovery.config.affected
    verdict = rootmap.declared(change.path, table)
    if verdict is not None:
        if verdict.touches == "all":
            case.touch_all(change, "root", verdict.at)
        return
    mapped = [ids for glob, ids in table.files.items() if matches(change.path, (glob,))]
    for ids in mapped:
        case.touch(change, ids, "files", "decant.toml [affected.files]")
    is_named = _named(case, change)
    if _by_kind(case, change):
        return
    is_reached = _reached(case, change)
    if not (_owned(case, change) or mapped):
        _outside(case, change, is_named=is_named, is_reached=is_reached)


def distrust(case: Case, graph: Graph) -> None:
    """Select what may depend on a change because a manifest cannot be read.

    With a file of requirements that is its project, whose dependencies are not known. With any other manifest it is
    everything: what others call the project by is not known either.
    """
    for finding in graph.findings if case.seeds else ():
        if finding.code not in UNREADABLE:
            continue
        path = finding.at.partition(":")[0]
        is_list = kind_of(path) == "requirements" or finding.code == "unread-include"
        owners = case.owner_of(path) if is_list else []
        reason = f"{finding.at} cannot be read: {finding.message}"
        if owners:
            case.notes.append(
                Finding("warning", "unreadable-manifest", finding.at, f"{reason} So it counts as affected.")
            )
        else:
            case.fallback = case.fallback or Fallback("unreadable-manifest", reason)
        nodes = [project.id for project in owners] or list(graph.projects)
        chain = (Step(path, "unreadable"),)
        case.seeds += [Seed(node, (*chain, Step(node, "fallback", "unreadable-manifest"))) for node in nodes]


def _reached(case: Case, change: Change) -> bool:
    """Add the file's own nodes; tell whether there is any: somebody takes it in, copies or imports it."""
    first, is_reached = Step(change.path, change.status), False
    for graph, _ in case.states(change):
        nodes = [node for node in nodes_of(change.path) if node in graph.into or node in graph.out_of]
        case.seeds += [Seed(node, (first,)) for node in nodes]
        is_reached = is_reached or bool(nodes)
    return is_reached


def _owned(case: Case, change: Change) -> bool:
    """Add the projects that the file belongs to; tell whether there is any besides the root."""
    is_owned = False
    for _, owners in case.states(change):
        mine = [project for project in owners.of(change.path) if project.path]
        case.touch(change, [project.id for project in mine], "changed")
        is_owned = is_owned or bool(mine)
    return is_owned


def _named(case: Case, change: Change) -> bool:
    """Add the projects that declare a file as an extra; tell whether there is one."""
    extras = case.view.discovery.config.extras
    found = [(node, extra.at) for node, extra in extras.items() if matches(change.path, extra.files)]
    for node, at in found:
        case.touch(change, [node], "extra", at)
    return bool(found)


def _by_kind(case: Case, change: Change) -> bool:
    """Judge lock files and requirements that several projects share; tell whether this was one."""
    if kind_of(change.path) not in {"lock", "requirements"}:
        return False
    from decant_tools.workspace.affected.shared import judge_shared

    return judge_shared(case, change)


def _outside(case: Case, change: Change, *, is_named: bool, is_reached: bool) -> None:
    """Judge a file that is in no project, or only in the one that is the whole workspace.

    That one image copies the Makefile, or one test imports the conftest, takes nothing from those who use it unasked.
    Who uses a Python file further down, though, says so by importing it.
    """
    verdict = rootmap.judge(change.path)
    if verdict.touches == "nothing":
        return
    root = [project.id for project in case.projects_at("")]
    case.touch(change, root, "changed")
    is_further_down = change.path.endswith(".py") and not matches(change.path, (verdict.by,))
    if verdict.touches == "all" and not (is_reached and is_further_down):
        case.touch_all(change, "root")
    elif not (is_named or is_reached or root):
        reason = (
            f"{change.path} is in no project, and nothing says what depends on it. Map it in decant.toml: [affected] "
            f'nothing = ["{change.path}"], or all = ["{change.path}"], or [affected.files] "{change.path}" = ["name"].'
        )
        case.give_up(change, "unknown-root-file", reason)


def _settings(case: Case, change: Change) -> None:
    from decant_tools.workspace.affected.settings import compare_settings

    if case.tree_before is None:
        case.touch_all(change, "settings")
        return
    touched = compare_settings(*case.versions(change))
    if touched.fault:
        case.give_up(change, "unreadable-settings", touched.fault)
    elif touched.everything:
        case.touch_all(change, "settings", f"decant.toml {touched.everything}")
    for node, table in touched.projects.items():
        case.touch(change, [node], "settings", f"decant.toml {table}")
    if touched.hosting:
        _hosting(case, change)


def _hosting(case: Case, change: Change) -> None:
    """Add the services whose modules are others now."""
    now, before = case.graphs[0].projects, case.graphs[-1].projects
    for node in sorted({*now, *before}):
        mine, theirs = now.get(node), before.get(node)
        if mine is None or theirs is None or mine.modules != theirs.modules:
            case.touch(change, [node], "settings", "decant.toml [topologies]")
