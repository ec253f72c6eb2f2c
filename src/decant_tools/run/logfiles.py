"""Log files of a run: one per process, bounded; read again by ``decant logs``, also when nothing runs any more."""

from __future__ import annotations

import contextlib
import heapq
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from decant_tools.run.lines import Fields, write_line

MAX_BYTES = 8 * 1024 * 1024
SUFFIX = ".jsonl"


class LogFile:
    """What one process wrote. At :data:`MAX_BYTES` it becomes ``….1``, in place of the one before.

    Args:
        path: The file.
        max_bytes: The size at which it turns over.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._max = max_bytes
        self._file = path.open("ab", buffering=0)
        self._size = self._file.tell()

    def write(self, fields: Fields) -> None:
        """Add a line; a full disk loses it, and ends nothing."""
        with contextlib.suppress(OSError):
            self._write(write_line(fields))

    def _write(self, line: bytes) -> None:
        if self._size and self._size + len(line) > self._max:
            self._path.replace(self._path.with_suffix(f"{SUFFIX}.1"))
            turned = self._path.open("ab", buffering=0)
            self._file.close()
            self._file, self._size = turned, 0
        self._size += self._file.write(line) or 0

    def close(self) -> None:
        self._file.close()


def processes_in(folder: Path) -> list[str]:
    """Return the names of the processes that left logs in a folder."""
    return sorted(path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}"))


def read_logs(folder: Path, processes: Iterable[str]) -> Iterator[Fields]:
    """Yield the lines of several processes in the order of their times."""
    return heapq.merge(*(_read(folder, name) for name in processes), key=lambda fields: str(fields["time"]))


def _read(folder: Path, process: str) -> Iterator[Fields]:
    """Yield one process's lines; a line that is earlier than the one before it stays behind that one."""
    path, latest = folder / f"{process}{SUFFIX}", ""
    for each in (path.with_suffix(f"{SUFFIX}.1"), path):
        if each.is_file():
            with each.open("rb") as lines:
                for fields in parse_lines(lines):
                    latest = max(latest, str(fields["time"]))
                    yield fields | {"time": latest}


def parse_lines(lines: Iterable[bytes]) -> Iterator[Fields]:
    """Yield the fields of complete lines; one that was cut off by a crash is left out."""
    for line in lines:
        if line.endswith(b"\n"):
            try:
                fields = json.loads(line)
            except ValueError:
                continue
            if isinstance(fields, dict) and "time" in fields and "process" in fields:
                yield fields


class Follower:
    """Reads what is added to the log files of a folder, new processes included.

    Args:
        folder: The folder.
        wanted: Says whether a process's lines are wanted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[int, int]] = {}
        for name in processes_in(folder):
            self._seen[name] = _place(folder / f"{name}{SUFFIX}")

    def added(self) -> list[Fields]:
        """Return the lines that were added since the last time, by time."""
        found = [fields for name in processes_in(self._folder) for fields in self._added(name)]
        return sorted(found, key=lambda fields: str(fields["time"]))

    def _added(self, name: str) -> Iterator[Fields]:
        path = self._folder / f"{name}{SUFFIX}"
        inode, offset = self._seen.get(name, (0, 0))
        is_same = inode == _place(path)[0]
        if inode and not is_same:  # it turned over: what was still unread is in the file that it became
            yield from self._tail(name, path.with_suffix(f"{SUFFIX}.1"), inode, offset)
        yield from self._tail(name, path, 0, offset if is_same else 0)

    def _tail(self, name: str, path: Path, inode: int, offset: int) -> Iterator[Fields]:
        place = _place(path)
        if not place[0] or (inode and place[0] != inode):
            return
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(MAX_BYTES)
        whole = data[: data.rfind(b"\n") + 1]
        self._seen[name] = (place[0], offset + len(whole))
        yield from parse_lines(whole.splitlines(keepends=True))


def _place(path: Path) -> tuple[int, int]:
    """Return a file's inode and size; zeros where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_ino, stat.st_size
