"""A workspace as it is, or as it was: what every command of the workspace tool looks at."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import finalize

from decant_tools.workspace.changes import Change, Difference, chained
from decant_tools.workspace.completion import remember_names
from decant_tools.workspace.git import Git, GitError, Running, Started, start_opening, start_work
from decant_tools.workspace.root import find_root
from decant_tools.workspace.tree import CommitTree, FolderTree, Tree, WorkTree

if TYPE_CHECKING:
    from decant_tools.workspace.discover import Discovery
    from decant_tools.workspace.model import EdgeKind, Graph
    from decant_tools.workspace.snapshot import Snapshot, Snapshots

__all__ = ["View", "find_root", "open_view", "view_at"]


class View:
    """A workspace at one moment. Everything is found out when it is asked for, and once.

    Attributes:
        root: The workspace.
        git: Its repository; None where there is none, or no git.
        commit: The commit that is seen; None for the work tree.
    """

    def __init__(
        self, root: Path, git: Git | None, commit: str | None, snapshots: Snapshots, started: Started | None = None
    ) -> None:
        self.root = root
        self.git = git
        self.commit = commit
        self._snapshots = snapshots
        self._started = started
        if started is not None:
            finalize(self, started.stop)
        self._base: str | None = None
        self._differences: dict[str, list[Difference]] = {}

    def at(self, commit: str) -> View:
        """Return the workspace as it was in a commit."""
        return View(self.root, self.git, _resolved(self.git, commit), self._snapshots)

    def changes(self, base: str) -> list[Change]:
        """Return how the files differ from a commit's, sorted by path.

        What is compared with here is what the graph's cache compares with, too, when this is asked for first.

        Args:
            base: A revision.

        Raises:
            GitError: When it is unknown, or there is no repository.
        """
        self._base = _resolved(self.git, base)
        return [each.change for each in self._differences_from(self._base)]

    @cached_property
    def tree(self) -> Tree:
        """All files."""
        if self.git is None:
            return FolderTree(self.root)
        if self.commit is not None:
            return CommitTree(self.git, self.commit)
        base = self._base or self.git.head or self.git.head_tree
        found = WorkTree(self.git, self._differences_from(base))
        is_outside = self.git.prefix and not found.files and self.git.is_ignored()
        return FolderTree(self.root) if is_outside else found

    @property
    def discovery(self) -> Discovery:
        """The projects, and what ``decant.toml`` says.

        Raises:
            SettingsError: When ``decant.toml`` is wrong; in an old commit that is a finding.
        """
        return self._snapshot.discovery

    @property
    def graph(self) -> Graph:
        """What depends on what.

        Raises:
            SettingsError: When ``decant.toml`` is wrong; in an old commit that is a finding.
        """
        return self._snapshot.graph

    def _differences_from(self, base: str) -> list[Difference]:
        if base not in self._differences:
            if self.git is None:
                raise GitError(Git.why_not(self.root), exit_code=6)
            self._differences[base] = self._compare(self.git, base)
        return self._differences[base]

    def _compare(self, git: Git, base: str) -> list[Difference]:
        """Return what differs; the disk is looked at once, whatever it is compared with."""
        if self.commit is not None:
            return git.differences(base, self.commit)
        last = git.head or git.head_tree
        if base != last:
            return chained(git.differences(base, last), self._differences_from(last), git.hash_files)
        started, self._started = self._started, None
        if git.head is None and started is not None:
            started.stop()
            started = None
        return git.differences(base, started=started)

    @cached_property
    def _snapshot(self) -> Snapshot:
        if self.commit is not None:
            return self._snapshots.of_commit(self.commit)
        tree = self.tree
        if isinstance(tree, WorkTree):
            base = self._base or tree.git.head or tree.git.head_tree
            differences = self._differences_from(base)
            found = self._snapshots.of_work(tree, base, differences)
        else:
            found = self._snapshots.of_folder(tree)
        if any(each.code == "decant-toml" for each in found.discovery.findings):
            self._snapshots.raise_faults(tree)
        remember_names(self._snapshots.store, found.graph.projects.values())
        return found


def open_view(root: Path, *, topology: str | None = None, edges: Iterable[EdgeKind] | None = None) -> View:
    """Return a workspace as it is now: what is staged, changed and new counts.

    Args:
        root: The workspace.
        topology: The topology whose services host the modules; the workspace's default otherwise.
        edges: Which edges are needed: without those of imports no Python file is read. All by default.
    """
    return _view(root, None, topology, edges)


def view_at(root: Path, commit: str, *, topology: str | None = None, edges: Iterable[EdgeKind] | None = None) -> View:
    """Return a workspace as it was.

    Args:
        root: The workspace.
        commit: A revision.
        topology: As for :func:`open_view`.
        edges: As for :func:`open_view`.

    Raises:
        GitError: When there is no such commit.
    """
    return _view(root, commit, topology, edges)


def _view(root: Path, revision: str | None, topology: str | None, edges: Iterable[EdgeKind] | None) -> View:
    opening, started = _start(root, sees_disk=revision is None)
    from decant_tools.workspace.snapshot import Snapshots  # imported while git works

    git = Git.open(root, opening) if opening else None
    if git is None and started is not None:
        started.stop()
        started = None
    snapshots = Snapshots(root, git, topology, None if edges is None else frozenset(edges))
    return View(root, git, None if revision is None else _resolved(git, revision), snapshots, started)


def _start(root: Path, *, sees_disk: bool) -> tuple[Running | None, Started | None]:
    """Begin to ask git what every view needs; nothing where there is no git."""
    try:
        return start_opening(root), start_work(root) if sees_disk else None
    except GitError:
        return None, None


def _resolved(git: Git | None, revision: str) -> str:
    if git is None:
        raise GitError(f"There is no commit {revision}: this is no git repository.", exit_code=6)
    is_id = len(revision) in {40, 64} and not set(revision) - set("0123456789abcdef")
    found = revision if is_id else git.resolve(revision)
    if found is None:
        raise GitError(f"There is no commit {revision} in this repository.", exit_code=4)
    return found
