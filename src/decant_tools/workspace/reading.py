"""What files say, each read once in its life: kept by its content, whichever commit or branch it is met in."""

from __future__ import annotations

import hashlib
import marshal
import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from decant_tools.workspace.facts.kinds import kind_of
from decant_tools.workspace.git import LINK, SUBMODULE
from decant_tools.workspace.store import Store
from decant_tools.workspace.tree import KEPT_BYTES, Tree

SOURCE_BYTES = 2 << 20
"""Up to which size a source file is read; lock files may be eight times as large. Generated tables import nothing."""

MANIFESTS = frozenset({"pyproject.toml", "setup.cfg", "setup.py"})
"""What is read as a project's own manifest, besides what it says about the graph."""

FORKED_FROM = 400
"""From how many files on two processes share the work."""

_LEAVES = frozenset({str, int, bool, type(None)})

Plain = tuple[bytes, Any, Any]
"""What one file says as plain values: a digest of the rest, its facts, its manifest or None."""


class Said(NamedTuple):
    """What the files of a tree say.

    Attributes:
        plain: By path.
        large: The files that are too large to be read.
    """

    plain: Mapping[str, Plain]
    large: tuple[str, ...]


class Reader:
    """Reads files, or finds what they said before.

    Args:
        store: Where that is kept.
        version: Of the code that reads.
    """

    def __init__(self, store: Store, version: str) -> None:
        self._store = store
        self._name = f"facts-{version}"
        self._kept: dict[str, Plain] | None = None

    def read(self, tree: Tree, paths: Iterable[str], *, keep: bool = True) -> Said:
        """Return what files say.

        Args:
            tree: Where they are.
            paths: Those that are links or submodules say nothing.
            keep: Look first whether it is kept, and keep it; not worth it for a few.
        """
        keys = {path: _key(tree, path) for path in paths if tree.modes.get(path) not in {LINK, SUBMODULE}}
        kept = self._load() if keep else {}
        missing = {key: path for path, key in keys.items() if key not in kept}
        if missing:
            kept.update(zip(missing, _read_all(tree, list(missing.values())), strict=True))
            if keep:
                self._store.save(self._name, {key: kept[key] for key in self._worth_keeping(kept, keys.values())})
        plain = {path: kept[key] for path, key in keys.items()}
        return Said(plain, tuple(path for path, said in plain.items() if said[1] is None))

    def _load(self) -> dict[str, Plain]:
        if self._kept is None:
            found = self._store.load(self._name)
            self._kept = found if isinstance(found, dict) else {}
        return self._kept

    @staticmethod
    def _worth_keeping(kept: Mapping[str, Plain], used: Collection[str]) -> Iterable[str]:
        """Return all keys while they are a few times as many as are used, so that switching branches stays cheap."""
        return kept if len(kept) <= 4 * len(used) + 1000 else set(used)


def read_one(path: str, content: bytes | None) -> Plain:
    """Return what one file says: a pure function of its name and content.

    Args:
        path: Only the kind of file that it tells counts.
        content: None for one that is too large to be read: it says nothing, and its facts are None.
    """
    from decant_tools.workspace.facts.reading import extract

    if content is None:
        return b"large", None, None
    facts = _plain(extract(path, content).to_json())
    manifest = None
    if path.rpartition("/")[2] in MANIFESTS:
        from decant_tools.workspace.discover.manifests import read_manifest

        manifest = _plain(read_manifest(path, content))
    return digest(repr((facts, manifest)).encode("utf-8", "surrogatepass")), facts, manifest


def digest(content: bytes) -> bytes:
    """Return a short stand-in for a content."""
    return hashlib.blake2b(content, digest_size=16).digest()


def _key(tree: Tree, path: str) -> str:
    name = path.rpartition("/")[2]
    return f"{tree.content_id(path)} {name if name in MANIFESTS else kind_of(path)}"


def _allowed(path: str, content: bytes | None) -> bytes | None:
    if content is None or (len(content) > SOURCE_BYTES and kind_of(path) == "python"):
        return None
    return content


def _plain(value: Any) -> Any:
    """Return a value without named tuples."""
    if isinstance(value, tuple):
        return tuple([each if type(each) in _LEAVES else _plain(each) for each in value])
    if isinstance(value, dict):
        return {key: each if type(each) in _LEAVES else _plain(each) for key, each in value.items()}
    return value


def _read_all(tree: Tree, paths: list[str]) -> list[Plain]:
    """Read files, many of them in two processes at once."""
    import threading

    has_threads = threading.active_count() > 1  # a fork copies their locks and not them
    if len(paths) < FORKED_FROM or has_threads or not hasattr(os, "fork") or (os.cpu_count() or 1) < 2:
        return _read_here(tree, paths)
    middle = len(paths) // 2
    other = _Half(tree, paths[middle:])
    try:
        mine = _read_here(tree, paths[:middle])
    finally:
        theirs = other.result()
    return mine + theirs


def _read_here(tree: Tree, paths: list[str]) -> list[Plain]:
    contents = dict(tree.contents(paths, KEPT_BYTES))
    return [read_one(path, _allowed(path, contents.get(path))) for path in paths]


class _Half:
    """Files that another process reads, from git or from the disk on its own.

    Args:
        tree: Where they are.
        paths: Which.
    """

    def __init__(self, tree: Tree, paths: list[str]) -> None:
        import decant_tools.workspace.discover.manifests  # noqa: F401 - both processes need them: import them once
        import decant_tools.workspace.facts.pyproject  # noqa: F401

        self._again = (tree, paths)
        self._source, target = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            code = 1
            try:
                os.close(self._source)
                with os.fdopen(target, "wb") as pipe:
                    marshal.dump(_read_here(tree, paths), pipe)
                code = 0
            finally:
                os._exit(code)  # nothing of the parent's is flushed or closed twice
        os.close(target)

    def result(self) -> list[Plain]:
        """Return what they say; read here what the other process could not."""
        with os.fdopen(self._source, "rb") as pipe:
            content = pipe.read()
        _, status = os.waitpid(self._pid, 0)
        if status:
            return _read_here(*self._again)
        found: list[Plain] = marshal.loads(content)  # noqa: S302 - written by a process of our own
        return found
