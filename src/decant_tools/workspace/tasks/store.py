"""Results that are kept on this machine, below ``DECANT_HOME``: whole or not at all, and never more than a limit."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from decant_tools.workspace.tasks.entry import Damaged, Entry, Header, read_entry, write_entry
from decant_tools.workspace.tasks.keys import Group, Key, read_group

SIZE_MB = 2048
_FRESH_S = 3600.0
"""Seconds after which an unfinished file belongs to nobody any more."""

_KEPT_AT = 0.9
"""What part of the limit is left after old results were deleted, so that not every run has to look."""


class Store:
    """Kept results in a folder.

    Any number of processes may use it at once: a file gets its name when it is complete, and the same key means the
    same result.

    Args:
        folder: Where they lie; made when something is kept.
        limit_bytes: What they may take together.
    """

    def __init__(self, folder: Path, limit_bytes: int = SIZE_MB * 1024 * 1024) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes

    # --- results ---

    def get(self, key: str) -> Entry | None:
        """Return a kept result, or None; a damaged one is deleted."""
        path = self._path(key)
        try:
            entry = read_entry(path, key)
        except OSError:
            return None
        except Damaged:
            self.drop(key)
            return None
        with contextlib.suppress(OSError):  # a folder that can only be read serves as well
            os.utime(path)
        return entry

    def drop(self, key: str) -> None:
        """Forget a result."""
        with contextlib.suppress(OSError):
            self._path(key).unlink(missing_ok=True)

    def put(self, header: Header, output: bytes, add_files: Callable[[IO[bytes]], None] | None = None) -> Entry:
        """Keep a result.

        Args:
            header: What is known about it.
            output: What the task wrote.
            add_files: Writes the tar of what it made.

        Raises:
            OSError: When it cannot be written.
        """
        with self.writing(header.key) as file:
            write_entry(file, header, output, add_files)
        return read_entry(self._path(header.key), header.key)

    @contextlib.contextmanager
    def writing(self, key: str) -> Iterator[IO[bytes]]:
        """Give an empty file that becomes the result of a key when everything went well."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = self._new()
        try:
            with new.open("x+b") as file:
                yield file
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)

    def prune(self) -> int:
        """Delete the results that were not used for longest until the rest is within the limit.

        Returns:
            How many were deleted.
        """
        found = sorted(self._files())
        total = sum(size for _, size, _ in found)
        if total <= self.limit_bytes:
            return 0
        deleted = 0
        for _, size, path in found:
            if total <= self.limit_bytes * _KEPT_AT:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size
            deleted += 1
        return deleted

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """Yield each kept file with when it was used last and its size; unfinished ones of nobody are deleted."""
        now = time.time()
        for top, _, names in os.walk(self.folder):
            for name in names:
                path = Path(top, name)
                with contextlib.suppress(OSError):
                    found = path.stat()
                    if name.endswith(".new"):
                        if now - found.st_mtime > _FRESH_S:
                            path.unlink()
                        continue
                    yield found.st_mtime, found.st_size, path

    # --- what the last result was made of ---

    def remember(self, task: str, key: Key, groups: Mapping[str, Group]) -> None:
        """Write down what a kept result was made of, to be able to say later what changed."""
        with contextlib.suppress(OSError):
            for group in groups.values():
                path = self._group(group.digest)
                if not path.exists():
                    self._write(path, group.text)
            self._write(self._last(task), json.dumps(key.told).encode())

    def last(self, task: str) -> Mapping[str, str] | None:
        """Return what the last kept result of a task was made of, or None."""
        try:
            found = json.loads(self._last(task).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def files_of(self, digest: str) -> Mapping[str, str] | None:
        """Return the files of a group of then, or None when nobody knows any more."""
        try:
            text = self._group(digest).read_bytes()
        except OSError:
            return None
        return read_group(text) if hashlib.sha256(text).hexdigest() == digest else None

    # --- what was read ---

    def recall(self, name: str) -> dict[str, str] | None:
        """Return what was noted under a name, or None."""
        try:
            found = json.loads(self._noted(name).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def note(self, name: str, value: Mapping[str, str]) -> None:
        """Keep something that takes long to find out; the name holds everything that it depends on."""
        with contextlib.suppress(OSError):
            self._write(self._noted(name), json.dumps(dict(value)).encode())

    # --- places ---

    def _noted(self, name: str) -> Path:
        return self.folder / "notes" / hashlib.sha256(name.encode()).hexdigest()[:32]

    def _path(self, key: str) -> Path:
        return self.folder / "results" / key[:2] / key[2:]

    def _group(self, digest: str) -> Path:
        return self.folder / "files" / digest[:2] / digest[2:]

    def _last(self, task: str) -> Path:
        return self.folder / "last" / hashlib.sha256(task.encode("utf-8", "surrogateescape")).hexdigest()[:32]

    def _new(self) -> Path:
        folder = self.folder / "unfinished"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{os.getpid()}-{os.urandom(8).hex()}.new"

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = self._new()
        try:
            new.write_bytes(content)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
