"""The cache on disk: what files say by their content, and whole graphs by all that they depend on.

Entries are marshalled plain values with a checksum: they load in milliseconds and cannot execute code, and what is
broken, foreign or of another Python is as good as not there. Nothing here fails: a cache that cannot be written is
none. An entry's name holds everything that its value depends on, so nothing is ever out of date.
"""

from __future__ import annotations

import contextlib
import gc
import marshal
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

KEPT = 40
"""How many entries of one kind are kept, those that were written last."""

_MAGIC = f"decant 1 {sys.implementation.cache_tag}\n".encode()
_UNREADABLE = (OSError, ValueError, EOFError, TypeError)


def home_of(root: Path) -> Path:
    """Return where a workspace keeps what belongs to it and to no commit: ``DECANT_HOME``.

    Args:
        root: The workspace.
    """
    return root / (os.environ.get("DECANT_HOME") or ".decant")


class Store:
    """The entries of a workspace.

    Args:
        root: The workspace.
    """

    def __init__(self, root: Path) -> None:
        self.home = home_of(root)
        self.folder = self.home / "workspace"

    def load(self, name: str) -> Any:
        """Return an entry's value; None where there is none that can be used."""
        try:
            with open(f"{self.folder}/{name}", "rb") as file:  # noqa: PTH123 - a Path costs more than the rest
                content = file.read()
            start = len(_MAGIC) + 4
            if not content.startswith(_MAGIC) or content[start - 4 : start] != _sum(content[start:]):
                return None
            return marshal.loads(content[start:])  # noqa: S302 - plain values; checked, and written by this user alone
        except _UNREADABLE:
            return None

    def save(self, name: str, value: Any) -> None:
        """Write an entry, whole or not at all.

        Args:
            name: A file's name: the kind, a dash, and what tells it from others of its kind.
            value: What :mod:`marshal` knows: numbers, texts, bytes, tuples, lists, dicts.
        """
        content = marshal.dumps(value)
        with contextlib.suppress(OSError):
            self._make_folder()
            draft = self.folder / f"{name}.{os.getpid()}.new"
            try:
                draft.write_bytes(_MAGIC + _sum(content) + content)
                draft.replace(self.folder / name)
            finally:
                draft.unlink(missing_ok=True)
            self._forget(name.partition("-")[0])

    def _make_folder(self) -> None:
        from decant.errors import SetupError
        from decant.home import ensure_home

        if not self.folder.is_dir():
            with contextlib.suppress(SetupError):
                ensure_home(self.home)
            self.folder.mkdir(mode=0o700, exist_ok=True)

    def _forget(self, kind: str) -> None:
        """Remove the oldest entries of a kind, and what a killed process left behind."""
        with os.scandir(self.folder) as entries:
            ages = sorted(
                (entry.stat().st_mtime_ns, entry.path) for entry in entries if entry.name.startswith(f"{kind}-")
            )
        for _, path in ages[:-KEPT]:
            Path(path).unlink(missing_ok=True)


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Make many objects, none of which is garbage, without looking for garbage among them all the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _sum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "little")


class Codec:
    """Turns named tuples into plain values and back.

    Args:
        classes: All that may occur. Their order is part of what is written.
    """

    def __init__(self, classes: Iterable[type[tuple[Any, ...]]]) -> None:
        self.classes = tuple(classes)
        self._numbers = {each: number for number, each in enumerate(self.classes)}

    def plain(self, value: Any) -> Any:
        """Return a value without named tuples; a list is one of them: the number of its class, and its fields.

        Raises:
            TypeError: When there is something in it that cannot be stored.
        """
        kind = type(value)
        if kind in {str, int, bool, float, bytes, type(None)}:
            return value
        if kind is tuple:
            return tuple([self.plain(each) for each in value])
        number = self._numbers.get(kind)
        if number is not None:
            return [number, *[self.plain(each) for each in value]]
        if kind is dict:
            return {self.plain(key): self.plain(each) for key, each in value.items()}
        raise TypeError(f"{kind.__name__} cannot be stored.")

    def value(self, plain: Any) -> Any:
        """Return what :meth:`plain` was given."""
        kind = type(plain)
        if kind is list:
            return self.classes[plain[0]](*[self.value(each) for each in plain[1:]])
        if kind is tuple:
            return tuple([self.value(each) for each in plain])
        if kind is dict:
            return {self.value(key): self.value(each) for key, each in plain.items()}
        return plain
