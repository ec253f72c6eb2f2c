"""Files that several projects name without owning them: locks, requirements, sources of images."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from decant_tools.workspace.affected.locks import (
    Lock,
    LockError,
    changed_packages,
    kind_of,
    members_reached,
    read_lock,
    wanted_of,
)
from decant_tools.workspace.affected.owners import nodes_of
from decant_tools.workspace.affected.reach import Seed
from decant_tools.workspace.affected.selection import Step
from decant_tools.workspace.affected.settings import NAME as SETTINGS
from decant_tools.workspace.facts import extract
from decant_tools.workspace.facts.kinds import kind_of as kind_of_file
from decant_tools.workspace.facts.names import normalise

if TYPE_CHECKING:
    from decant_tools.workspace.affected.case import Case
    from decant_tools.workspace.facts.model import Facts
    from decant_tools.workspace.git import Change
    from decant_tools.workspace.model import Edge

COMMON = "requirements.txt"
_MANIFESTS = frozenset({"requirements", "pyproject", "setup", "setup.cfg", "pipfile", "node"})


def judge_shared(case: Case, change: Change) -> bool:
    """Judge a lock or a requirements file; tell whether that is all there is to say about it.

    One of a single project is a file like any other.
    """
    folder = posixpath.dirname(change.path)
    owners = case.projects_at(folder) if folder else []
    try:
        if kind_of(change.path) == "uv":
            return _uv(case, change, folder, is_owned=bool(owners))
        if kind_of(change.path) == "toml":
            return not owners and _environment(case, change, folder)
        return _requirements(case, change)
    except LockError as error:
        case.give_up(change, "unreadable-lock", f"{error}. Nobody can tell which packages changed.")
        return True


def _uv(case: Case, change: Change, folder: str, *, is_owned: bool) -> bool:
    old, new = _versions(case, change)
    if is_owned and not {*old.members, *new.members} - {""}:
        return False
    changed = changed_packages(old, new)
    reached = members_reached(old, changed) | members_reached(new, changed)
    for member, reason in sorted(reached.items()):
        path = posixpath.normpath(posixpath.join(folder, member)).removeprefix(".")
        projects = case.projects_at(path)
        if member == "" and not (projects and reason.spreads):
            projects = case.projects_below(folder)  # what the workspace as a whole needs, and its tools
        ids = [project.id for project in projects]
        _touch(case, change, ids, [reason.package], spreads=reason.spreads)
    return True


def _environment(case: Case, change: Change, folder: str) -> bool:
    """Judge the lock of one environment: every project below uses it."""
    changed = changed_packages(*_versions(case, change))
    _touch(case, change, [project.id for project in case.projects_below(folder)], changed)
    return True


def _requirements(case: Case, change: Change) -> bool:
    """Judge a requirements file of nobody's: it touches those who include it, when it says something else to them.

    And those who have no manifest, when it is part of the list that they run with, the ``requirements.txt`` above them.
    """
    if case.owner_of(change.path):
        return False  # those who include a project's file depend on the project
    files = _read_requirements(case)
    users = _users(files, change.path)
    including = {at: owners for at in users if (owners := case.owner_of(at))}
    naming = [
        edge for node in nodes_of(change.path) for edge in case.graphs[0].into.get(node, ()) if edge.kind != "manifest"
    ]
    if not including and not any(_is_meant(case, edge, change.path) for edge in naming):
        return False
    old, new = _versions(case, change)
    changed = changed_packages(old, new)
    for at, owners in including.items():
        names = _names(case, files, at) if users[at] else None
        wanted = changed if names is None or "" in changed else changed & _pinned_for(names, old, new)
        _touch(case, change, [owner.id for owner in owners], wanted, at)
    for edge in naming:
        _touch(case, change, [edge.source], changed, edge.at)
    folder = posixpath.dirname(change.path)
    common = posixpath.join(folder, COMMON)
    if change.path == common or users.get(common) is False:
        _touch(case, change, _without_manifest(case, folder), changed)
    return True


def _is_meant(case: Case, edge: Edge, path: str) -> bool:
    """Return whether this very file is meant: one that is declared may be that of all, and one that is copied may not.

    An image that copies ``requirements.txt`` may mean its project's own.
    """
    project = case.graphs[0].projects.get(edge.source)
    is_doubtful = project is not None and f"{project.path}/{path}" in case.view.tree.files
    return not (is_doubtful or edge.at.startswith(SETTINGS))


def _without_manifest(case: Case, folder: str) -> list[str]:
    """Return the projects below a folder that have no manifest of their own."""
    asking = {posixpath.dirname(path) for path in case.view.tree.files if kind_of_file(path) in _MANIFESTS}
    return [project.id for project in case.projects_below(folder) if project.path not in asking]


def _names(case: Case, files: Mapping[str, Facts], at: str) -> set[str] | None:
    """Return what a requirements file asks for; None where something else says it, as the manifest of a lib does."""
    ours = {project.distribution or normalise(project.name) for project in case.graphs[0].projects.values()}
    found: set[str] = set()
    waiting, seen = [at], {at}
    while waiting:
        path = waiting.pop()
        if path not in files:
            return None
        for requirement in files[path].requirements:
            if requirement.path or not requirement.name or requirement.name in ours:
                return None
            found.add(requirement.name)
        inner = {_resolve(path, each.path) for each in files[path].includes if not each.is_constraint}
        waiting += inner - seen
        seen |= inner
    return found


def _pinned_for(names: Collection[str], *locks: Lock) -> set[str]:
    """Return which pins may reach those who ask for some packages."""
    return {name for lock in locks for name in (*wanted_of(lock, names), *lock.unexplained)}


def _users(files: Mapping[str, Facts], path: str) -> dict[str, bool]:
    """Return the files that include another one, in any number of steps, and whether only as constraints."""
    found = {path: False}
    waiting = [path]
    while waiting:
        target = waiting.pop()
        for at, facts in files.items():
            for include in facts.includes:
                only = found[target] or include.is_constraint
                is_meant = target in {_resolve(at, include.path), posixpath.normpath(include.path.lstrip("./"))}
                if is_meant and found.get(at, True) and found.get(at) != only:
                    found[at] = only
                    waiting.append(at)
    del found[path]
    return found


def _read_requirements(case: Case) -> dict[str, Facts]:
    """Return what the requirements files of the workspace say."""
    tree = case.view.tree
    paths = [path for path in tree.files if kind_of_file(path) == "requirements"]
    return {path: extract(path, content) for path, content in tree.read_many(paths).items()}


def _versions(case: Case, change: Change) -> tuple[Lock, Lock]:
    """Return both versions of a lock; with nothing to compare it with, every package counts as changed."""
    old, new = case.versions(change)
    return read_lock(change.path, old), read_lock(change.path, new)


def _resolve(at: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(at), path))


def _touch(
    case: Case,
    change: Change,
    nodes: Iterable[str],
    changed: Collection[str],
    at: str | None = None,
    *,
    spreads: bool = True,
) -> None:
    """Add what a changed package reaches, if one does."""
    if not changed:
        return
    first, package = Step(change.path, change.status), min(changed)
    chain = (first, Step(f"package:{package}", "locked", change.path)) if package else (first,)
    case.seeds += [Seed(node, (*chain, Step(node, "lock", at)), spreads=spreads) for node in nodes]
