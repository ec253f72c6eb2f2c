"""Whole graphs, kept by everything that they depend on, so that a cached answer is always the fresh one.

A graph is a pure function of the names of all files, of what some of them say, of the topology and of this code. So
a tree whose files have the same names as another's and say the same has the other's graph, whatever else was edited.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from decant_tools.workspace.discover import Discovery, discover
from decant_tools.workspace.discover.config import (
    AffectedTable,
    CacheTable,
    Config,
    Extras,
    ServiceTable,
    TaskTable,
)
from decant_tools.workspace.facts.kinds import kind_of
from decant_tools.workspace.git import LINK, SUBMODULE, Difference, Git, GitError
from decant_tools.workspace.model import Edge, EdgeKind, Finding, Graph, Project
from decant_tools.workspace.reading import Reader, Said, digest
from decant_tools.workspace.store import Codec, Store
from decant_tools.workspace.tree import CommitTree, Tree

CONFIG = "decant.toml"
READ: frozenset[EdgeKind] = frozenset({"import", "contract", "event"})
"""The edges that Python files are read for."""

_FEW = 40
_CODEC = Codec((Discovery, Config, Extras, TaskTable, AffectedTable, CacheTable, ServiceTable, Project, Finding))


class Snapshot:
    """The graph of a tree, and what it was made of.

    Args:
        discovery: Marshalled.
        graph: Marshalled.
        inputs: Marshalled: the digest of what each file says.
    """

    def __init__(self, discovery: bytes, graph: bytes, inputs: bytes) -> None:
        self.parts = (discovery, graph, inputs)

    @classmethod
    def of(cls, discovery: Discovery, graph: Graph, inputs: Mapping[str, bytes]) -> Snapshot:
        """Return the snapshot of a graph that was just made."""
        rows = [[tuple(each) for each in part] for part in (graph.projects.values(), graph.edges, graph.findings)]
        parts: tuple[Any, ...] = (_CODEC.plain(discovery), rows, dict(inputs))
        made = cls(*map(marshal.dumps, parts))
        made.__dict__.update(discovery=discovery, graph=graph, inputs=inputs)
        return made

    @cached_property
    def discovery(self) -> Discovery:
        found: Discovery = _CODEC.value(marshal.loads(self.parts[0]))  # noqa: S302 - see the store
        return found

    @cached_property
    def graph(self) -> Graph:
        projects, edges, findings = marshal.loads(self.parts[1])  # noqa: S302
        return Graph(
            [Project(*row) for row in projects], [Edge(*row) for row in edges], [Finding(*row) for row in findings]
        )

    @cached_property
    def inputs(self) -> Mapping[str, bytes]:
        found: Mapping[str, bytes] = marshal.loads(self.parts[2])  # noqa: S302
        return found


class Snapshots:
    """Makes the graphs of trees, or finds them.

    Args:
        root: The workspace.
        git: Its repository, if it is in one.
        topology: The topology whose services host the modules; the workspace's default otherwise.
        edges: Which edges the graph has to have; all by default.
    """

    def __init__(self, root: Path, git: Git | None, topology: str | None, edges: frozenset[EdgeKind] | None) -> None:
        self.root = root
        self.git = git
        self.topology = topology
        self.edges = edges
        self.store = Store(root)
        version = _version()
        self.reader = Reader(self.store, version)
        given = (version, topology, sorted(edges) if edges is not None else None, root.absolute().name)
        self._context = digest(repr(given).encode("utf-8", "surrogateescape")).hex()[:12]

    def of_commit(self, commit: str) -> Snapshot:
        """Return the snapshot of a commit, or of a tree of the whole repository."""
        assert self.git is not None
        found = self._known(commit)
        if found is None:
            tree = CommitTree(self.git, commit)
            found = self._as_recent(tree) or self.make(tree, commit)
            self.store.save(f"recent-{self._context}", commit)
        return found

    def of_work(self, tree: Tree, base: str, differences: Sequence[Difference], *, needs_base: bool) -> Snapshot:
        """Return the snapshot of a work tree.

        Args:
            tree: The work tree.
            base: A commit.
            differences: How the work tree differs from it.
            needs_base: Whether the commit's own snapshot is wanted anyway.
        """
        state = self.state(tree, base, differences)
        found = self._known(state)
        if found is None:
            known = self.of_commit(base) if needs_base else self._known(base)
            if known and self.is_same(known, tree, differences):
                self.store.save(self._name(state), base)
                return known
            found = self.make(tree, state)
        return found

    def of_folder(self, tree: Tree) -> Snapshot:
        """Return the snapshot of files without git."""
        rows = [
            (path, tree.content_id(path) if self.is_relevant(path) or path in tree.modes else "") for path in tree.files
        ]
        state = digest(repr(rows).encode("utf-8", "surrogateescape")).hex()
        return self._known(state) or self.make(tree, state)

    def state(self, tree: Tree, base: str, differences: Iterable[Difference]) -> str:
        """Return what stands for a work tree, as far as its graph depends on it: which commit, and what differs."""
        rows = list(self._rows(tree, differences))
        return digest(repr((base, rows)).encode("utf-8", "surrogateescape")).hex() if rows else base

    def _rows(self, tree: Tree, differences: Iterable[Difference]) -> Iterator[tuple[str, ...]]:
        for before, after in differences:
            if not after.mode:
                yield (after.path,)
                continue
            said = tree.content_id(after.path) if self._says(after.path, after.mode) else ""
            if said or not _is_edit(before.mode, after.mode):
                yield after.path, after.mode if after.mode in _SPECIAL else "", said

    def is_same(self, known: Snapshot, tree: Tree, differences: Sequence[Difference]) -> bool:
        """Return whether a tree that differs from a known one has the same graph."""
        edited = []
        for before, after in differences:
            if not _is_edit(before.mode, after.mode):
                return False
            if after.mode == LINK or after.path == CONFIG:
                return False
            if self._says(after.path, after.mode):
                edited.append(after.path)
        if any(path not in known.inputs for path in edited):
            return False
        said = self.reader.read(tree, edited, keep=len(edited) > _FEW).plain
        return all(path in said and said[path][0] == known.inputs[path] for path in edited)

    def make(self, tree: Tree, state: str) -> Snapshot:
        """Make a snapshot from the files alone, and keep it."""
        from decant_tools.workspace.assemble import build_graph
        from decant_tools.workspace.facts import Facts

        said = self.reader.read(tree, [path for path in tree.files if self.is_relevant(path)])
        names = _Names(tree)
        discovery = discover(
            names, topology=self.topology, folder=self.root.absolute().name, manifests=_manifests(said)
        )
        facts = {path: Facts.from_json(plain[1]) for path, plain in said.plain.items() if plain[1]}
        graph = build_graph(names, discovery, facts)
        if said.large:
            graph = Graph(graph.projects.values(), graph.edges, sorted({*graph.findings, *map(_too_large, said.large)}))
        made = Snapshot.of(discovery, graph, {path: plain[0] for path, plain in said.plain.items()})
        if all(path == CONFIG or path in tree.modes for path in names.were_read):
            self.store.save(self._name(state), made.parts)
        return made

    def raise_faults(self, tree: Tree) -> None:
        """Raise what is wrong in ``decant.toml``.

        Raises:
            SettingsError: With all of it.
        """
        discover(tree, topology=self.topology, folder=self.root.absolute().name, is_strict=True)

    def is_relevant(self, path: str) -> bool:
        """Return whether a file says something that the graph may depend on."""
        kind = kind_of(path)
        return kind is not None and (kind != "python" or self.edges is None or not READ.isdisjoint(self.edges))

    def _says(self, path: str, mode: str) -> bool:
        return mode == LINK or path == CONFIG or (mode != SUBMODULE and self.is_relevant(path))

    def _name(self, state: str) -> str:
        return f"graph-{self._context}-{state}"

    def _known(self, state: str) -> Snapshot | None:
        found = self.store.load(self._name(state))
        if isinstance(found, str):  # it is that of a commit
            found = self.store.load(self._name(found))
        return Snapshot(*found) if isinstance(found, tuple) and len(found) == 3 else None

    def _as_recent(self, tree: CommitTree) -> Snapshot | None:
        """Return the snapshot of the commit that was asked for last, where nothing that matters changed since."""
        recent = self.store.load(f"recent-{self._context}")
        known = self._known(recent) if isinstance(recent, str) else None
        if known is None:
            return None
        try:
            differences = tree.git.differences(recent, tree.commit)
        except GitError:  # the commit is gone
            return None
        if not self.is_same(known, tree, differences):
            return None
        self.store.save(self._name(tree.commit), known.parts)
        return known


_SPECIAL = frozenset({LINK, SUBMODULE})


def _is_edit(before: str, after: str) -> bool:
    """Return whether a file was there before and is, and is the same kind of file."""
    return bool(before and after) and (before if before in _SPECIAL else "") == (after if after in _SPECIAL else "")


def _manifests(said: Said) -> Any:
    from decant_tools.workspace.discover.manifests import Manifest

    def read(paths: list[str]) -> dict[str, Manifest]:
        found = {path: said.plain[path][2] for path in paths if path in said.plain}
        return {path: Manifest(*found[path]) if found.get(path) else Manifest() for path in paths}

    return read


def _too_large(path: str) -> Finding:
    message = f"{path} is too large to be read: what it imports or asks for is not known."
    return Finding("warning", "too-large", path, message, "Declare what depends on it in decant.toml: files, needs.")


class _Names(Tree):
    """A tree whose ids nobody sees, and that tells what was read of it: a graph may depend on nothing else."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.were_read: set[str] = set()

    @cached_property
    def files(self) -> Mapping[str, str]:
        return dict.fromkeys(self._tree.files, "")

    @property
    def modes(self) -> Mapping[str, str]:
        return self._tree.modes

    def contents(self, paths: Iterable[str], limit_bytes: int | None = None) -> Iterator[tuple[str, bytes | None]]:
        wanted: Collection[str] = list(paths)
        self.were_read.update(wanted)
        return self._tree.contents(wanted, limit_bytes)


def _version() -> str:
    """Return what stands for the code that reads files and makes graphs, and for the Python that it runs in."""
    import decant

    here = Path(__file__).parent
    folders = (here, here / "facts", here / "discover", here / "assemble", Path(decant.__file__).parent / "topology")
    rows = []
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                found = [(each.name, each.stat()) for each in entries if each.name.endswith(".py")]
        except OSError:
            continue
        rows += sorted((name, status.st_size, status.st_mtime_ns) for name, status in found)
    return digest(repr((sys.version, rows)).encode()).hex()[:12]
