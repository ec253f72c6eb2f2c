"""Start again on change: says what changed, keeps the old process on a syntax error, waits after a crash."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Final

from decant.serving.process import end_process
from decant.serving.signals import Bell

SUFFIXES: Final = frozenset({".py", ".toml", ".env"})
SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages"})
POLL_S = 0.3
SHARE = 20
"""At most one part in so many of a core goes into looking for changes."""
STOP_WITHIN_S = 4.0

Snapshot = Mapping[str, tuple[int, int]]


def snapshot(root: Path, suffixes: Collection[str] = SUFFIXES) -> Snapshot:
    """Return size and time of change of every file below a folder whose name ends in one of the suffixes."""
    ends = tuple(suffixes)
    found = {}
    for entry in _files(str(root), ends):
        try:
            stat = entry.stat()
        except FileNotFoundError:  # removed since it was listed
            continue
        found[entry.path] = (stat.st_mtime_ns, stat.st_size)
    return found


def _files(folder: str, ends: tuple[str, ...]) -> Iterator[os.DirEntry[str]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # removed since it was listed
        return
    if any(entry.name == "pyvenv.cfg" for entry in entries):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith(".") and entry.name not in SKIPPED:
                yield from _files(entry.path, ends)
        elif entry.name.endswith(ends) and entry.is_file():
            yield entry


def changes(before: Snapshot, after: Snapshot) -> list[str]:
    """Return the files that are new, gone or different, sorted."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def syntax_error(path: str) -> str | None:
    """Return what keeps a Python file from being compiled, with its line; None when nothing does."""
    if not path.endswith(".py"):
        return None
    try:
        compile(Path(path).read_bytes(), path, "exec")
    except SyntaxError as error:
        return f"{path}:{error.lineno}: {error.msg}"
    except (OSError, ValueError) as error:
        return None if isinstance(error, FileNotFoundError) else f"{path}: {error}"
    return None


class Reloader:
    """Keeps one child process up to date with the files that it was made from.

    Args:
        root: The folder to watch.
        start: Starts the child.
    """

    def __init__(self, root: Path, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._root = root
        self._start = start
        self._over = threading.Event()
        self._reloaded = False
        self._crashed = False

    def run(self) -> int:
        """Serve until SIGINT or SIGTERM.

        Returns:
            The child's exit code, when it ends by itself before anything changed; else 0.
        """
        bell = Bell(lambda signum: self._over.set())
        bell.start()
        bell.answer_to(SIGINT, SIGTERM)
        seen, child, pause = snapshot(self._root), self._start(), POLL_S
        while not self._over.wait(pause):
            began, before, seen = time.monotonic(), seen, snapshot(self._root)
            pause = max(POLL_S, (time.monotonic() - began) * SHARE)
            if changed := changes(before, seen):
                child = self._replace(child, changed)
            elif child.poll() is not None and not self._wait_for_change(child):
                return child.returncode
        end_process(child, STOP_WITHIN_S)
        return 0

    def _replace(self, child: subprocess.Popen[bytes], changed: list[str]) -> subprocess.Popen[bytes]:
        names = ", ".join(os.path.relpath(path, self._root) for path in changed[:3])
        names += f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        broken = [error for path in changed if (error := syntax_error(path))]
        if broken:
            _say(f"{names} changed, but cannot be compiled; the old code still serves.\n  {broken[0]}")
            return child
        _say(f"{names} changed: starting again")
        end_process(child, STOP_WITHIN_S)
        self._reloaded, self._crashed = True, False
        return self._start()

    def _wait_for_change(self, child: subprocess.Popen[bytes]) -> bool:
        """Return whether to go on without a child: after a reload its error is worth waiting for."""
        if self._reloaded and not self._crashed:
            _say(f"the service ended with exit code {child.returncode}; waiting for a change")
            self._crashed = True
        return self._reloaded


def _say(text: str) -> None:
    sys.stderr.write(f"reload: {text}\n")
