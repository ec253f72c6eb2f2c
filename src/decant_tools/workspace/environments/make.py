"""Makes environments: each once, by one process at a time, and keeps a bounded number of them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from decant.errors import CommandError
from decant.home import ensure_home
from decant_tools.workspace.environments.beside import write_wheels
from decant_tools.workspace.environments.installers import TIMED_OUT, Failed, Installer, Uv, installer
from decant_tools.workspace.environments.requirements import FIND_LINKS
from decant_tools.workspace.environments.trouble import MISSING, explain, missing_versions
from decant_tools.workspace.environments.wishes import Wishes

DEADLINE_S = 900.0
"""Seconds that an environment may take, however much there is to build."""

KEPT = 24
KEPT_S = 24 * 3600.0
"""At most so many environments are kept, and those that were used in the last day."""

Say = Callable[[str], None]
_STAMP = "decant.json"


class Made(NamedTuple):
    """An environment that is there.

    Attributes:
        path: Its folder.
        taken: By requirement that cannot be met: what was taken in its place.
    """

    path: Path
    taken: Mapping[str, str]


class Shelf:
    """The environments of a workspace.

    Args:
        home: The workspace's ``DECANT_HOME``.
        root: The workspace's folder.
        say: Gets each sentence about what takes long.
        is_over: Whether nobody wants an environment any more; asked again and again while one is made.
    """

    def __init__(self, home: Path, root: Path, say: Say, is_over: Callable[[], bool] | None = None) -> None:
        self._home, self._root, self._say, self._is_over = home, root, say, is_over
        self.path = home / "workspace" / "environments"

    def find(self, key: str) -> Made | None:
        """Return an environment; None where it is not made yet."""
        folder = self.path / key
        try:
            stamp = json.loads((folder / _STAMP).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        if not (folder / "bin" / "python").exists():  # the Python that it was made of is gone
            return None
        with suppress(OSError):
            os.utime(folder / _STAMP)
        return Made(folder, stamp.get("taken", {}))

    def make(self, key: str, label: str, wishes: Wishes, folder: Path, *, relax: bool) -> Made:
        """Return an environment, made now unless another process makes it at this moment.

        Args:
            key: Its name.
            label: Whom it is for, as people are told.
            wishes: What it holds.
            folder: Where the installer runs.
            relax: Take the nearest version where one that is asked for does not exist.

        Raises:
            CommandError: Exit code 3 when it cannot hold what is asked for, 5 when it takes too long, 6 when no index
                answers, or nothing can be written.
        """
        try:
            return self._make(key, label, wishes, folder, relax=relax)
        except OSError as error:
            raise CommandError(
                f"The environment of {label} cannot be made: {error.strerror or error}.",
                hint=f"It is to lie in {self.path}; DECANT_HOME says where.",
                exit_code=MISSING,
            ) from error

    def _make(self, key: str, label: str, wishes: Wishes, folder: Path, *, relax: bool) -> Made:
        ensure_home(self._home)
        self.path.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with self._locked(key, began + DEADLINE_S) as lock:
            if (found := self.find(key)) is not None:
                return found
            count = len(wishes.lines) + len(wishes.editable)
            what = "what uv.lock says" if wishes.lock else f"{count} requirement{'' if count == 1 else 's'}"
            self._say(f"{label}: making its environment with {what}")
            path, log = self.path / key, self.path / f"{key}.log"
            log.write_text("", "utf-8")
            log.chmod(0o600)
            try:
                program = installer(
                    folder, log, began + DEADLINE_S,
                    options=self._options(wishes), keeps=lock, is_over=self._is_over,
                )  # fmt: skip
                taken = self._fill(path, label, wishes, program, log, relax=relax)
            except BaseException:
                shutil.rmtree(path, ignore_errors=True)
                raise
            draft = path / f"{_STAMP}.new"
            draft.write_text(json.dumps({"schema": 1, "for": label, "taken": taken}), "utf-8")
            draft.replace(path / _STAMP)
            self._say(f"{label}: its environment is made after {time.monotonic() - began:.1f} s")
        self._prune(key)
        return Made(path, taken)

    def _fill(
        self, path: Path, label: str, wishes: Wishes, program: Installer, log: Path, *, relax: bool
    ) -> dict[str, str]:
        """Make an environment, and return which version was taken in place of one that does not exist."""
        try:
            with suppress(FileNotFoundError):
                (path / _STAMP).unlink()
            program.create(path)
            if wishes.lock and isinstance(program, Uv):
                program.sync(path, self._root / wishes.lock, wishes.member, wishes.groups)
            self._install(path, wishes, program)
        except Failed as error:
            missing = [] if error.is_unreachable else missing_versions(wishes.lines, program)
            if not (relax and missing and all(each.nearest for each in missing)):
                raise explain(label, error, missing, log, relax=relax) from None
            nearest = {each.line: each.relaxed() for each in missing}
            relaxed = replace(wishes, lines=tuple(nearest.get(line, line) for line in wishes.lines))
            try:
                self._install(path, relaxed, program)
            except Failed as again:
                raise explain(label, again, [], log, relax=relax) from None
            return {line.text: other.text for line, other in nearest.items()}
        return {}

    def _install(self, path: Path, wishes: Wishes, program: Installer) -> None:
        editable = [f"-e {self._at(folder)}{self._extras(wishes, folder)}" for folder in wishes.editable]
        lines = [*(line.text for line in wishes.lines), *write_wheels(path / "beside", wishes.beside)]
        if not (lines or editable):
            return
        options: list[str] = []
        if wishes.constraints:
            (path / "constraints.txt").write_text("".join(f"{line.text}\n" for line in wishes.constraints), "utf-8")
            options = ["-c", str(path / "constraints.txt")]
        program.install(path, [*lines, *editable], options)

    def _options(self, wishes: Wishes) -> tuple[str, ...]:
        """Return the options of requirement files, with folders as addresses."""
        return tuple(
            f"{FIND_LINKS}{self._at(text.removeprefix(FIND_LINKS))}"
            if text.startswith(FIND_LINKS) and "://" not in text
            else text
            for text in wishes.options
        )

    def _at(self, path: str) -> str:
        """Return the address of a path: neither spaces nor anything else in it mean something to an installer."""
        return (self._root / path).absolute().as_uri()

    @staticmethod
    def _extras(wishes: Wishes, folder: str) -> str:
        extras = ",".join(wishes.extras.get(folder, ()))
        return f"[{extras}]" if extras else ""

    @contextmanager
    def _locked(self, key: str, ends: float) -> Iterator[tuple[int, ...]]:
        """Be the only one who makes an environment; yield the file that says so.

        The kernel gives the lock back when this process has ended, and all others that were given the file: an
        installer may live longer than who started it.
        """
        with (self.path / f"{key}.lock").open("a") as lock:
            is_told = False
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not is_told:
                        self._say("waiting for another process, which makes the same environment")
                        is_told = True
                    if time.monotonic() > ends:
                        raise CommandError(
                            "Another process makes this environment, and does not end.",
                            hint=f"See {self.path / f'{key}.log'}",
                            exit_code=TIMED_OUT,
                        ) from None
                    if self._is_over is not None and self._is_over():
                        raise CommandError("The environment is not wanted any more.") from None
                    time.sleep(0.1)
            yield (lock.fileno(),)

    def _prune(self, key: str) -> None:
        """Remove the environments that were not used for longest, and what was said of others that are gone."""
        stamps: dict[str, float] = {}
        for path in self.path.glob(f"*/{_STAMP}"):
            with suppress(OSError):  # somebody else removes some as well
                stamps[path.parent.name] = path.stat().st_mtime
        oldest = sorted((name for name in stamps if name != key), key=lambda name: stamps[name])
        for name in oldest[: max(0, len(stamps) - KEPT)]:
            if time.time() - stamps[name] > KEPT_S:
                with suppress(OSError):
                    (self.path / name / _STAMP).unlink()
                shutil.rmtree(self.path / name, ignore_errors=True)
        for log in self.path.glob("*.log"):
            with suppress(OSError):
                if not log.with_suffix("").is_dir() and time.time() - log.stat().st_mtime > KEPT_S:
                    log.unlink()


def key_of(wishes: Wishes, root: Path, blobs: Mapping[str, str]) -> str:
    """Return the name of the environment that holds some wishes; the same for all who wish the same.

    Args:
        wishes: What it holds.
        root: The workspace's folder: what is installed editable lies there.
        blobs: The content of files, by the names that git gives it.
    """
    parts: dict[str, Any] = {
        "schema": 1,
        "python": [sys.implementation.cache_tag, list(sys.version_info[:3]), sys.base_prefix],
        "lines": sorted({line.text for line in wishes.lines}),
        "constraints": sorted({line.text for line in wishes.constraints}),
        "options": list(wishes.options),
        "lock": [blobs.get(wishes.lock, ""), wishes.member, list(wishes.groups)] if wishes.lock else [],
        "manifests": {path: blobs.get(path, "") for path in wishes.manifests},
        **({"extras": {folder: list(names) for folder, names in wishes.extras.items()}} if wishes.extras else {}),
        **({"beside": dict(wishes.beside)} if wishes.beside else {}),
        "editable": [str(root), *wishes.editable] if wishes.editable or wishes.lock else [],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()[:20]
