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
from itertools import starmap
from pathlib import Path
from typing import Any, NamedTuple

from decant_tools.workspace.changes import Difference
from decant_tools.workspace.discover import Discovery
from decant_tools.workspace.discover.config import (
    AffectedTable,
    CacheTable,
    Config,
    Extras,
    ServiceTable,
    TaskTable,
)
from decant_tools.workspace.facts.kinds import kind_of
from decant_tools.workspace.git import LINK, SUBMODULE, Git, GitError
from decant_tools.workspace.model import Edge, EdgeKind, Finding, Graph, Project
from decant_tools.workspace.reading import Reader, Said, digest
from decant_tools.workspace.store import Codec, Store, without_collection
from decant_tools.workspace.tree import CommitTree, Tree, WorkTree

CONFIG = "decant.toml"
READ: frozenset[EdgeKind] = frozenset({"import", "contract", "event"})
"""The edges that Python files are read for."""

Rows = dict[str, tuple[str, str, str]]
"""By path: what kind of file it was and is, "" for none, and the id of its content where that says something."""

_FILE = "file"
_FEW, _MANY, _RECENTS = 40, 2000, 3
_CODEC = Codec((Discovery, Config, Extras, TaskTable, AffectedTable, CacheTable, ServiceTable, Project, Finding))


class Snapshot:
    """The graph of a tree, and what it was made of.

    Args:
        state: What stands for the tree.
        discovery: Marshalled, without the projects: the graph has the same.
        graph: Marshalled.
        inputs: Marshalled: the digest of what each file says.
    """

    def __init__(self, state: str, discovery: bytes, graph: bytes, inputs: bytes) -> None:
        self.state = state
        self.parts = (discovery, graph, inputs)

    @classmethod
    def of(cls, state: str, discovery: Discovery, graph: Graph, inputs: Mapping[str, bytes]) -> Snapshot:
        """Return the snapshot of a graph that was just made."""
        rows = [[tuple(each) for each in part] for part in (graph.projects.values(), graph.edges, graph.findings)]
        parts: tuple[Any, ...] = (_CODEC.plain(discovery._replace(projects=())), rows, dict(inputs))
        made = cls(state, *map(marshal.dumps, parts))
        made.__dict__.update(discovery=discovery, graph=graph, inputs=inputs)
        return made

    @cached_property
    def discovery(self) -> Discovery:
        found: Discovery = _CODEC.value(marshal.loads(self.parts[0]))  # noqa: S302 - see the store
        return found._replace(projects=tuple(self.graph.projects.values()))

    @cached_property
    @without_collection()
    def graph(self) -> Graph:
        projects, edges, findings = marshal.loads(self.parts[1])  # noqa: S302
        return Graph(starmap(Project, projects), starmap(Edge, edges), starmap(Finding, findings))

    @cached_property
    def inputs(self) -> Mapping[str, bytes]:
        found: Mapping[str, bytes] = marshal.loads(self.parts[2])  # noqa: S302
        return found


class _Recent(NamedTuple):
    """A tree that was asked for: a commit, and what differs from it."""

    base: str
    state: str
    rows: Rows


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
        self._context = _digest_of(given)[:12]

    def of_commit(self, commit: str) -> Snapshot:
        """Return the snapshot of a commit, or of a tree of the whole repository."""
        assert self.git is not None
        return self._find(CommitTree(self.git, commit), commit, [])

    def of_work(self, tree: WorkTree, base: str, differences: Sequence[Difference]) -> Snapshot:
        """Return the snapshot of a work tree.

        Args:
            tree: The work tree.
            base: A commit.
            differences: How the work tree differs from it.
        """
        return self._find(tree, base, differences)

    def of_folder(self, tree: Tree) -> Snapshot:
        """Return the snapshot of files without git."""
        rows = [
            (path, tree.content_id(path) if self._says(path, tree.modes.get(path, "")) else "") for path in tree.files
        ]
        state = _digest_of(rows)
        return self._known(state) or self._make(tree, state)

    def _find(self, tree: CommitTree | WorkTree, base: str, differences: Sequence[Difference]) -> Snapshot:
        rows = self._rows(tree, differences)
        state = _digest_of((base, sorted(rows.items()))) if rows else base
        found = self._known(state)
        if found is None:
            same = self._same_as_recent(tree, base, rows)
            if same is not None:
                self.store.save(f"same-{self._context}-{state}", same.state)
                found = same
            else:
                found = self._make(tree, state)
            self._remember(_Recent(base, state, rows))
        return found

    def _rows(self, tree: Tree, differences: Iterable[Difference]) -> Rows:
        """Return what differs, as far as the graph may depend on it."""
        rows: Rows = {}
        for before, after in differences:
            path, mode, _ = after
            said = tree.content_id(path) if mode and self._says(path, mode) else ""
            row = (_form(before.mode), _form(mode), said)
            if said or row[0] != row[1]:
                rows[path] = row
        return rows

    def _same_as_recent(self, tree: CommitTree | WorkTree, base: str, rows: Rows) -> Snapshot | None:
        """Return the snapshot of a tree of late whose files have the same names and say the same."""
        for recent in (*self._recents(), _Recent(base, base, {})):
            known = self._known(recent.state)
            if known is None:
                continue
            mine = rows
            if recent.base != base:
                try:
                    head = tree.commit if isinstance(tree, CommitTree) else None
                    mine = self._rows(tree, tree.git.differences(recent.base, head))
                except GitError:  # that commit is gone
                    continue
            if self._is_same(tree, known, mine, recent.rows):
                return known
        return None

    def _is_same(self, tree: Tree, known: Snapshot, mine: Rows, theirs: Rows) -> bool:
        """Return whether a tree says the same as the one of a snapshot, both compared with one commit."""
        edited = []
        for path in mine.keys() | theirs.keys():
            before, now, said = mine.get(path) or (theirs[path][0], theirs[path][0], None)
            _, then, was_said = theirs.get(path) or (before, before, None)
            if now != then:
                return False
            if said != was_said:
                edited.append((path, now))
        if any(form != _FILE or path == CONFIG for path, form in edited):
            return False
        paths = [path for path, _ in edited if self.is_relevant(path)]
        said_now = self.reader.read(tree, paths, keep=len(paths) > _FEW).plain
        return all(path in said_now and said_now[path][0] == known.inputs.get(path) for path in paths)

    def _recents(self) -> list[_Recent]:
        found = self.store.load(f"recent-{self._context}")
        return [_Recent(*each) for each in found] if isinstance(found, list) else []

    def _remember(self, recent: _Recent) -> None:
        if len(recent.rows) <= _MANY:
            others = [tuple(each) for each in self._recents() if each.state != recent.state]
            self.store.save(f"recent-{self._context}", [tuple(recent), *others[: _RECENTS - 1]])

    @without_collection()
    def _make(self, tree: Tree, state: str) -> Snapshot:
        """Make a snapshot from the files alone, and keep it."""
        from decant_tools.workspace.assemble import build_graph
        from decant_tools.workspace.discover import discover
        from decant_tools.workspace.facts import Facts

        said = self.reader.read(tree, [path for path in tree.files if self.is_relevant(path)])
        names = _Names(tree)
        discovery = discover(
            names, topology=self.topology, folder=self.root.absolute().name, manifests=_manifests(said)
        )
        facts = {path: Facts.from_json(plain[1]) for path, plain in said.plain.items() if plain[1]}
        links = names.read_many([path for path, mode in tree.modes.items() if mode == LINK])
        graph = build_graph(names.files, discovery, facts, {path: os.fsdecode(to) for path, to in links.items()})
        if said.large:
            graph = Graph(graph.projects.values(), graph.edges, sorted({*graph.findings, *map(_too_large, said.large)}))
        made = Snapshot.of(state, discovery, graph, {path: plain[0] for path, plain in said.plain.items()})
        if all(path == CONFIG or path in tree.modes for path in names.were_read):
            self.store.save(f"graph-{self._context}-{state}", made.parts)
        return made

    def raise_faults(self, tree: Tree) -> None:
        """Raise what is wrong in ``decant.toml``.

        Raises:
            SettingsError: With all of it.
        """
        from decant_tools.workspace.discover import discover

        discover(tree, topology=self.topology, folder=self.root.absolute().name, is_strict=True)

    def is_relevant(self, path: str) -> bool:
        """Return whether a file says something that the graph may depend on."""
        kind = kind_of(path)
        return kind is not None and (kind != "python" or self.edges is None or not READ.isdisjoint(self.edges))

    def _says(self, path: str, mode: str) -> bool:
        return mode == LINK or path == CONFIG or (mode != SUBMODULE and self.is_relevant(path))

    def _known(self, state: str) -> Snapshot | None:
        found = self.store.load(f"graph-{self._context}-{state}")
        if found is None:
            same = self.store.load(f"same-{self._context}-{state}")
            found = self.store.load(f"graph-{self._context}-{same}") if isinstance(same, str) else None
        return Snapshot(state, *found) if isinstance(found, tuple) and len(found) == 3 else None


def _form(mode: str) -> str:
    """Return what kind of file a mode means: whether it may be executed does not matter."""
    return mode if mode in {"", LINK, SUBMODULE} else _FILE


def _digest_of(value: object) -> str:
    return digest(repr(value).encode("utf-8", "surrogateescape")).hex()


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
    return _digest_of((sys.version, rows))[:12]
