"""Files at one moment: of a commit, of the work tree, of a folder without git; each with the id that git gives it."""

from __future__ import annotations

import hashlib
import os
import posixpath
from abc import ABC, abstractmethod
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, ValuesView
from functools import cached_property
from pathlib import Path

from decant_tools.workspace.changes import Difference
from decant_tools.workspace.git import LINK, SKIPPED, SUBMODULE, Git

KEPT_BYTES = 16 << 20
"""Up to which size a file of the work tree is kept once it was read, so that it is the same in every answer."""

_CHUNK_BYTES = 1 << 20
_SMALL_BYTES = 1 << 16
_PLAINLY = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""Neither through a link, nor waiting for a pipe that lies where a file was a moment ago."""

_MOST_LINKS = 40


class Tree(ABC):
    """An immutable snapshot of files.

    Attributes:
        algorithm: What ids are made with: ``sha1`` or ``sha256``.
    """

    algorithm = "sha1"

    @property
    @abstractmethod
    def files(self) -> Mapping[str, str]:
        """Paths, relative to the workspace, and blob ids; for a submodule its commit's id."""

    @property
    @abstractmethod
    def modes(self) -> Mapping[str, str]:
        """The modes of those that are no ordinary files: links (``120000``) and submodules (``160000``)."""

    def read(self, path: str) -> bytes:
        """Return a file's content; of a link, what it points to.

        Raises:
            FileNotFoundError: When there is no such file, or it is a submodule.
        """
        found = self.read_many([path])
        if path not in found:
            raise FileNotFoundError(path)
        return found[path]

    def followed(self, path: str) -> str:
        """Return the path that a link leads to, in any number of steps; that of any other file is its own."""
        for _ in range(_MOST_LINKS):
            if self.modes.get(path) != LINK:
                break
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), os.fsdecode(self.read(path))))
        return path

    def read_many(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return the contents of files, without those that are not there or no files."""
        return {path: content for path, content in self.contents(paths) if content is not None}

    def content_id(self, path: str) -> str:
        """Return the blob id of exactly what :meth:`contents` gives for a file, for a submodule its commit.

        It differs from the one in :attr:`files` where git stores other bytes than the disk has: line endings, filters.
        """
        return self.files[path]

    @abstractmethod
    def contents(self, paths: Iterable[str], limit_bytes: int | None = None) -> Iterator[tuple[str, bytes | None]]:
        """Yield files with their contents, one after the other, in any order.

        Args:
            paths: What is not there is left out.
            limit_bytes: The content of a larger file is None and is never read.
        """


class MemoryTree(Tree):
    """Files that are nowhere: what a test makes, or a plan.

    Args:
        contents: Paths and contents.
    """

    def __init__(self, contents: Mapping[str, bytes | str]) -> None:
        self._contents = {
            path: content.encode() if isinstance(content, str) else content for path, content in contents.items()
        }

    @cached_property
    def files(self) -> Mapping[str, str]:
        return {path: blob_id(self._contents[path]) for path in sorted(self._contents)}

    @property
    def modes(self) -> Mapping[str, str]:
        return {}

    def contents(self, paths: Iterable[str], limit_bytes: int | None = None) -> Iterator[tuple[str, bytes | None]]:
        for path in paths:
            if path in self._contents:
                yield path, _within(self._contents[path], limit_bytes)


class CommitTree(Tree):
    """The files of a commit, below the workspace's folder.

    Args:
        git: The repository.
        commit: The commit, or a tree of the whole repository.
    """

    def __init__(self, git: Git, commit: str) -> None:
        self.git = git
        self.commit = commit
        self.algorithm = git.algorithm

    @cached_property
    def files(self) -> Mapping[str, str]:
        entries = self.git.entries(self.commit)
        self._modes = {entry.path: entry.mode for entry in entries if entry.mode in {LINK, SUBMODULE}}
        return {entry.path: entry.id for entry in entries}

    @property
    def modes(self) -> Mapping[str, str]:
        _ = self.files
        return self._modes

    def contents(self, paths: Iterable[str], limit_bytes: int | None = None) -> Iterator[tuple[str, bytes | None]]:
        wanted = [path for path in paths if path in self.files and self.modes.get(path) != SUBMODULE]
        yield from _of_blobs(self.git, {path: self.files[path] for path in wanted}, limit_bytes)


class WorkTree(Tree):
    """The files of a checkout as they are: the index with everything that differs from it, and what is untracked.

    What git says is unchanged is what its blob id says, whichever filters and line endings the checkout has: it is
    taken from the disk where the bytes there have that id, and from the repository otherwise. The rest is read from the
    disk, once.

    Args:
        git: The repository.
        differences: How the work tree differs from any one commit or tree.
    """

    def __init__(self, git: Git, differences: Iterable[Difference]) -> None:
        self.git = git
        self.algorithm = git.algorithm
        self._differences = tuple(differences)
        self._there = {each.after.path: each.after for each in self._differences if each.after.mode}
        self._kept: dict[str, bytes] = {}
        self._large: set[str] = set()

    @cached_property
    def files(self) -> Mapping[str, str]:
        gone = {each.after.path for each in self._differences if not each.after.mode}
        entries = [entry for entry in self.git.index() if entry.path not in gone]
        self._modes = {entry.path: entry.mode for entry in entries if entry.mode in {LINK, SUBMODULE}}
        ids = {entry.path: entry.id for entry in entries}
        for path, mode, known in self._there.values():
            ids[path] = known
            self._modes.pop(path, None)
            if mode in {LINK, SUBMODULE}:
                self._modes[path] = mode
        dirty = {path for path, _, known in self._there.values() if not known}
        return _Ids(dict(sorted(ids.items())), dirty, self._hash) if dirty else dict(sorted(ids.items()))

    @property
    def modes(self) -> Mapping[str, str]:
        _ = self.files
        return self._modes

    def contents(self, paths: Iterable[str], limit_bytes: int | None = None) -> Iterator[tuple[str, bytes | None]]:
        clean: list[str] = []
        for path in paths:
            entry = self._there.get(path)
            if entry is None or entry.id:
                clean.append(path)
            elif entry.mode != SUBMODULE:
                yield from self._on_disk(path, limit_bytes)
        if clean:
            known = {path: self.files[path] for path in clean if path in self.files}
            wanted = {path: id_ for path, id_ in known.items() if self.modes.get(path) != SUBMODULE}
            same = _checked_out(self.git, {path: id_ for path, id_ in wanted.items() if path not in self.modes})
            for path, content in same.items():
                yield path, _within(content, limit_bytes)
            yield from _of_blobs(self.git, {path: wanted[path] for path in wanted if path not in same}, limit_bytes)

    @property
    def is_changed(self) -> bool:
        """Whether anything differs at all."""
        return bool(self._differences)

    def content_id(self, path: str) -> str:
        entry = self._there.get(path)
        if entry is None or entry.id or entry.mode == SUBMODULE:
            return entry.id if entry and entry.id else self.files[path]
        content = dict(self._on_disk(path, KEPT_BYTES)).get(path)
        return file_id(self.git.root / path, self.algorithm) if content is None else blob_id(content, self.algorithm)

    def _on_disk(self, path: str, limit_bytes: int | None) -> Iterator[tuple[str, bytes | None]]:
        if path not in self._kept and (limit_bytes is None or path not in self._large):
            content = _read(self.git.root / path, limit_bytes)
            if content is None:
                self._large.add(path)
            elif len(content) <= KEPT_BYTES:
                self._kept[path] = content
            else:
                yield path, content
                return
        content = self._kept.get(path)
        yield path, None if content is None else _within(content, limit_bytes)

    def _hash(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the ids of files as git would store them."""
        folder = self.git.root
        wanted = {path: self._there[path].mode for path in paths}
        found = {path: _nested_id(folder / path) for path, mode in wanted.items() if mode == SUBMODULE}
        for path, mode in wanted.items():
            if mode == LINK:
                found[path] = blob_id(_read(folder / path) or b"", self.algorithm)
        return found | self.git.hash_files([path for path in wanted if path not in found])


class FolderTree(Tree):
    """The files of a folder without git, save those of tools: environments, caches.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def files(self) -> Mapping[str, str]:
        paths = sorted(_walk(self.root))
        self._modes = {path: LINK for path in paths if (self.root / path).is_symlink()}
        return _Ids(dict.fromkeys(paths, ""), set(paths), self._hash)

    @property
    def modes(self) -> Mapping[str, str]:
        _ = self.files
        return self._modes

    def contents(self, paths: Iterable[str], limit_bytes: int | None = None) -> Iterator[tuple[str, bytes | None]]:
        for path in paths:
            if path in self.files:
                yield path, _read(self.root / path, limit_bytes)

    def _hash(self, paths: Iterable[str]) -> dict[str, str]:
        return {path: file_id(self.root / path) for path in paths}


class _Ids(Mapping[str, str]):
    """Paths and ids, of which some are made when they are first asked for."""

    def __init__(self, ids: dict[str, str], unknown: set[str], make: Callable[[Iterable[str]], dict[str, str]]) -> None:
        self._ids = ids
        self._unknown = unknown
        self._make = make

    def __getitem__(self, path: str) -> str:
        if path in self._unknown:
            self._learn([path])
        return self._ids[path]

    def __contains__(self, path: object) -> bool:
        return path in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def items(self) -> ItemsView[str, str]:
        self._learn(sorted(self._unknown))
        return self._ids.items()

    def values(self) -> ValuesView[str]:
        self._learn(sorted(self._unknown))
        return self._ids.values()

    def _learn(self, paths: list[str]) -> None:
        if paths:
            self._ids.update(dict.fromkeys(paths, "") | self._make(paths))
            self._unknown.difference_update(paths)


def work_tree(root: Path) -> Tree:
    """Return the files of a workspace as they are now, without what git ignores; without git, those of the folder.

    Args:
        root: The workspace.
    """
    git = Git.open(root)
    return tree_of(git) if git else FolderTree(root)


def tree_of(git: Git) -> Tree:
    """Return the files of a checkout as they are now; those of the folder where git ignores all of it."""
    found = WorkTree(git, git.differences(git.head_tree))
    if git.prefix and not found.files and git.is_ignored():
        return FolderTree(git.root)
    return found


def commit_tree(git: Git, commit: str) -> Tree:
    """Return the files of a commit.

    Args:
        git: The repository.
        commit: The commit's id, or that of a tree of the whole repository.
    """
    return CommitTree(git, commit)


def blob_id(content: bytes, algorithm: str = "sha1") -> str:
    """Return the id that git gives to a content."""
    return hashlib.new(algorithm, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def file_id(path: Path, algorithm: str = "sha1") -> str:
    """Return the id that git gives to a file as it is, however large; "" for one that cannot be read."""
    try:
        if path.is_symlink():
            return blob_id(os.fsencode(path.readlink()), algorithm)
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            made = hashlib.new(algorithm, b"blob %d\0" % size, usedforsecurity=False)
            while chunk := file.read(_CHUNK_BYTES):
                made.update(chunk)
    except OSError:
        return ""
    return made.hexdigest()


def _within(content: bytes, limit_bytes: int | None) -> bytes | None:
    return content if limit_bytes is None or len(content) <= limit_bytes else None


def _read(path: Path, limit_bytes: int | None = None) -> bytes | None:
    """Return a file's content, of a link what it points to; None for what is too large or cannot be read."""
    try:
        if path.is_symlink():
            return os.fsencode(path.readlink())
        with path.open("rb") as file:
            content = file.read(-1 if limit_bytes is None else limit_bytes + 1)
    except OSError:
        return None
    return _within(content, limit_bytes)


def _checked_out(git: Git, wanted: Mapping[str, str]) -> dict[str, bytes]:
    """Return those small files whose bytes on the disk are exactly their blob's: a third of what asking git costs."""
    made = hashlib.sha1 if git.algorithm == "sha1" else hashlib.sha256
    found: dict[str, bytes] = {}
    folder = f"{git.root}/"
    for path, blob in wanted.items():
        try:
            file = os.open(folder + path, _PLAINLY)
        except OSError:
            continue
        try:
            content = os.read(file, _SMALL_BYTES)
        except OSError:
            continue
        finally:
            os.close(file)
        if made(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == blob:
            found[path] = content
    return found


def _of_blobs(git: Git, wanted: Mapping[str, str], limit_bytes: int | None) -> Iterator[tuple[str, bytes | None]]:
    paths: dict[str, list[str]] = {}
    for path, blob in wanted.items():
        paths.setdefault(blob, []).append(path)
    for blob, content in git.blobs(paths, limit_bytes=limit_bytes):
        for path in paths[blob]:
            yield path, content


def _nested_id(folder: Path) -> str:
    """Return what stands for a repository within: its commit, or all its files where they differ from that."""
    git = Git.open(folder)
    if git is None or git.prefix:
        return ""
    found = WorkTree(git, git.differences(git.head_tree))
    if git.head and not found.is_changed:
        return git.head
    return blob_id(repr(sorted(found.files.items())).encode("utf-8", "surrogateescape"), git.algorithm)


def _walk(root: Path) -> Iterator[str]:
    """Yield the files below a folder; a link to a folder is one, too."""
    start = len(os.fspath(root)) + 1
    for folder, folders, files in os.walk(root):
        below = folder[start:] + "/" if len(folder) >= start else ""
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118
        folders[:] = [name for name in folders if name not in links and _is_ours(os.path.join(folder, name), name)]  # noqa: PTH118
        yield from (below + name for name in (*files, *links))


def _is_ours(folder: str, name: str) -> bool:
    if name in SKIPPED or os.path.exists(f"{folder}/pyvenv.cfg"):  # noqa: PTH110
        return False
    return not _ignores_itself(f"{folder}/.gitignore")


def _ignores_itself(path: str) -> bool:
    """Return whether a folder asks to be left out, as that of ``DECANT_HOME`` does, and many a cache."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - for every folder there is
            lines = file.read().split(b"\n")
    except OSError:
        return False
    return [line for line in map(bytes.strip, lines) if line and not line.startswith(b"#")] == [b"*"]
