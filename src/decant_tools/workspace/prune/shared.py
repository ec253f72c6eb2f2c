"""What a project takes from the workspace's root: its uv workspace, and requirements files that it includes."""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from decant_tools.workspace.facts.kinds import kind_of
from decant_tools.workspace.facts.requirements import read_requirements
from decant_tools.workspace.prune.members import normalised, without_members
from decant_tools.workspace.prune.requirements import slice_requirements
from decant_tools.workspace.prune.uvlock import LockError, slice_lock
from decant_tools.workspace.tree import Tree

MANIFEST, LOCK = "pyproject.toml", "uv.lock"
BESIDE = (".python-version", "uv.toml")


@dataclass
class Shared:
    """What is taken from outside of the projects that stay.

    Attributes:
        files: Paths that are taken as they are.
        changed: Paths, and what they contain in the pruned workspace.
        notes: What a person should know.
    """

    files: set[str] = field(default_factory=set)
    changed: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def take_uv_workspace(tree: Tree, folders: Collection[str], shared: Shared) -> None:
    """Take the root of the uv workspace that some folders are members of, reduced to them.

    Args:
        tree: The whole workspace.
        folders: The folders of the projects that stay.
        shared: Gets what is taken.
    """
    members = [folder for folder in folders if folder and f"{folder}/{MANIFEST}" in tree.files]
    manifest = _text(tree, MANIFEST)
    if not members or manifest is None or not _is_uv_root(manifest):
        return
    shared.files |= {path for path in (MANIFEST, *BESIDE) if path in tree.files}
    shared.files |= _readmes(manifest) & tree.files.keys()
    lock = _text(tree, LOCK)
    if lock is None:
        return
    shared.files.add(LOCK)
    try:
        found = slice_lock(lock, members)
    except LockError as error:
        shared.notes.append(f"{LOCK} is kept whole: {error}.")
        return
    changed = without_members(manifest, {normalised(name) for name in found.dropped})
    if changed is None:
        shared.notes.append(
            f"{LOCK} is kept whole: members that stay behind could not be taken out of {MANIFEST} without doubt."
        )
        return
    shared.changed[LOCK] = found.text.encode("utf-8", "surrogateescape")
    shared.changed[MANIFEST] = changed.encode("utf-8", "surrogateescape")


def _is_uv_root(text: str) -> bool:
    try:
        uv = tomllib.loads(text).get("tool", {}).get("uv", {})
    except tomllib.TOMLDecodeError:
        return False
    return "workspace" in uv


def _readmes(text: str) -> set[str]:
    """Return the files that the root's own metadata names: building it fails without them."""
    data = tomllib.loads(text)
    project = data.get("project", {})
    if "build-system" not in data:
        return set()
    readme, licence = project.get("readme"), project.get("license")
    named = [each.get("file") if isinstance(each, dict) else each for each in (readme, licence)]
    return {name for name in [*named, *project.get("license-files", [])] if isinstance(name, str)}


def take_requirements(tree: Tree, kept: Iterable[str], is_ours: Callable[[str], bool], shared: Shared) -> None:
    """Take the requirements files outside that those inside include, reduced where they say who asked for what.

    Args:
        tree: The whole workspace.
        kept: The paths that stay.
        is_ours: Tells of an input file of a compiled one whether it counts: it stays, or is nobody's in particular.
        shared: Gets what is taken.
    """
    known = {*kept, *shared.files}
    taken = {path for path in shared.files if kind_of(path) == "requirements"}
    left = [path for path in known if kind_of(path) == "requirements"]
    while left:
        path = left.pop()
        for include in read_requirements(tree.read(path)).includes:
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), include.path))
            if target in tree.files and target not in known:
                known.add(target)
                taken.add(target)
                left.append(target)
    shared.files |= taken
    for path in sorted(taken):
        _reduce(tree, path, is_ours, shared)


def _reduce(tree: Tree, path: str, is_ours: Callable[[str], bool], shared: Shared) -> None:
    text = (_text(tree, path) or "").replace("\r\n", "\n")
    if "--hash" not in text and "# via" not in text:
        return  # written by hand: what stands there is meant
    folder = posixpath.dirname(path)

    def is_input(name: str) -> bool:
        beside = posixpath.normpath(posixpath.join(folder, name))
        return is_ours(beside if beside in tree.files else posixpath.normpath(name))

    found = slice_requirements(text, is_input)
    if found is None:
        shared.notes.append(f"{path} is kept whole: not every entry says after `# via` who asked for it.")
    else:
        shared.changed[path] = found.encode("utf-8", "surrogateescape")


def _text(tree: Tree, path: str) -> str | None:
    return tree.read(path).decode("utf-8", "surrogateescape") if path in tree.files else None
