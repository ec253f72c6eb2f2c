"""What ``decant init`` writes into ``decant.toml``: only what no convention finds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from decant_tools.workspace.discover.conventions import BESIDE
from decant_tools.workspace.discover.discovery import Discovery
from decant_tools.workspace.discover.folders import Folders
from decant_tools.workspace.discover.projects import Files, discover
from decant_tools.workspace.model import Project

HEAD = """\
# This repository as Decant sees it. What lies where conventions look for it needs no line here: `decant graph` shows
# what was found, `decant config` how each service is started.

[workspace]
name = {name}
"""


class Shared(NamedTuple):
    """A package at the root that projects import and no convention makes a lib.

    Attributes:
        name: Of its folder.
        at: The first place that imports it: ``services/orders/app.py:3``.
    """

    name: str
    at: str


def propose(tree: Files, found: Discovery, folder: str) -> str:
    """Return the ``decant.toml`` of a workspace that has none.

    Args:
        tree: The workspace's files.
        found: What is discovered in them.
        folder: The name of the workspace's own folder.
    """
    name = _name(tree, folder)
    parts = [HEAD.format(name=_quoted(name))]
    parts += [
        f"\n[libs.{_key(each.name)}] # imported in {each.at}\npath = {_quoted(each.name)}\n"
        for each in shared_packages(tree, found)
    ]
    parts += [_unstarted(project) for project in found.projects if _is_unstarted(project, found)]
    return "".join(parts)


def shared_packages(tree: Files, found: Discovery) -> list[Shared]:
    """Return the packages at the root that projects import, sorted by name."""
    folders = Folders(tree.files)
    known = {project.path.partition("/")[0] for project in found.projects} | {found.package_path.partition("/")[0]}
    names = {
        name
        for name in folders.folders("")
        if name.isidentifier() and name not in known and name not in BESIDE and "__init__.py" in folders.files(name)
    }
    first: dict[str, str] = {}
    for name, at in _imports(tree, found, folders) if names else ():
        if name in names:
            first.setdefault(name, at)
    return [Shared(name, first[name]) for name in sorted(first)]


def _imports(tree: Files, found: Discovery, folders: Folders) -> Iterator[tuple[str, str]]:
    """Yield the first part of everything that the files of projects import, and where."""
    from decant_tools.workspace.facts import extract

    homes = tuple(f"{project.path}/" for project in found.projects if project.path)
    paths = [path for path in tree.files if path.endswith(".py") and path.startswith(homes)]
    wanted = sorted(path for path in paths if path.rpartition("/")[0] in folders)
    contents = tree.read_many(wanted)
    for path in wanted:
        for each in extract(path, contents.get(path, b"")).imports:
            yield each.module.partition(".")[0], f"{path}:{each.line}"


def _name(tree: Files, folder: str) -> str:
    """Return a name that makes no package here a package of modules by accident."""
    plain = re.sub("[^A-Za-z0-9_-]+", "-", folder).strip("-_")
    name = plain if plain[:1].isalpha() else "workspace"
    if not _has_modules(tree, name) or _are_modules(tree, name):
        return name
    return f"{name}-workspace"


def _has_modules(tree: Files, name: str) -> bool:
    named = _Added(tree, f"[workspace]\nname = {_quoted(name)}\n")
    return bool(discover(named, folder=name).modules)


def _are_modules(tree: Files, name: str) -> bool:
    """Return whether the packages in the workspace's package are modules of this toolkit."""
    package = discover(_Added(tree, f"[workspace]\nname = {_quoted(name)}\n"), folder=name)
    inits = [f"{package.package_path}/{module}/__init__.py" for module in package.modules]
    return any(b"decant" in content and b"Module(" in content for content in tree.read_many(inits).values())


class _Added:
    """A tree with a ``decant.toml`` that is not there yet."""

    def __init__(self, tree: Files, toml: str) -> None:
        self._tree = tree
        self._toml = toml.encode()
        self.files = {**tree.files, "decant.toml": ""}
        self.modes = tree.modes

    def read_many(self, paths: object) -> dict[str, bytes]:
        wanted = list(paths) if isinstance(paths, list | tuple | set | frozenset) else []
        found = dict(self._tree.read_many([path for path in wanted if path != "decant.toml"]))
        return {**found, "decant.toml": self._toml} if "decant.toml" in wanted else found


def _is_unstarted(project: Project, found: Discovery) -> bool:
    return any(finding.code == "no-start" and finding.at == project.path for finding in found.findings)


def _unstarted(project: Project) -> str:
    return (
        f"\n# {project.path} counts as a lib, since nothing in it says how it starts. If it is a service:\n"
        f'# [services.{_key(project.name)}]\n# path = {_quoted(project.path)}\n# command = "python ….py"\n'
    )


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
