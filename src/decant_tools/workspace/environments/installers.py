"""The programs that make environments: uv, or Python's own ``venv`` with pip."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from decant.errors import CommandError
from decant_tools.workspace.environments.indexes import find_uv, pip_environ, uv_environ
from decant_tools.workspace.environments.requirements import REQUIRE_HASHES, Line
from decant_tools.workspace.environments.versions import as_version

TIMED_OUT = 5
POLL_S = 0.2
_FOUND = re.compile(r"^[A-Za-z0-9._-]+(?:\[[^\]]*\])?==(?P<version>\S+)", re.MULTILINE)
_PIP_VERSIONS = re.compile(r"\(from versions: (?P<versions>[^)]*)\)")
_UNREACHABLE = re.compile(
    r"error sending request|Failed to fetch|dns error|NewConnectionError|Connection refused|timed out|"
    r"name resolution|Network is unreachable|ProxyError|SSLError|Could not connect",
    re.IGNORECASE,
)


class Failed(Exception):
    """An installer ended with an error.

    Attributes:
        output: What it printed.
    """

    def __init__(self, output: str) -> None:
        super().__init__(output[-200:])
        self.output = output

    @property
    def is_unreachable(self) -> bool:
        """Whether no index answered."""
        return bool(_UNREACHABLE.search(self.output))


class Installer(ABC):
    """Makes environments, and knows which versions there are.

    Args:
        folder: Where it runs, so that the settings of the project apply.
        log: Gets every command and what it prints.
        ends: When everything has to be done (monotonic seconds).
        options: Those of requirement files, for instance ``--pre``.
        keeps: Open files that stay open as long as any of its programs runs.
        is_over: Whether nobody wants the environment any more; asked again and again.
    """

    def __init__(
        self, folder: Path, log: Path, ends: float, *, options: Sequence[str] = (), keeps: Sequence[int] = (),
        is_over: Callable[[], bool] | None = None,
    ) -> None:  # fmt: skip
        self._folder, self._log, self._ends, self._keeps = folder, log, ends, keeps
        self._is_over = is_over
        self._options = tuple(text for text in options if text != REQUIRE_HASHES)
        self._requires_hashes = len(self._options) < len(options)

    @abstractmethod
    def create(self, path: Path) -> None:
        """Make an empty environment; what lies there is removed.

        Raises:
            Failed: When it does not work.
        """

    @abstractmethod
    def install(self, path: Path, lines: Sequence[str], words: Sequence[str]) -> None:
        """Install what the lines of requirement files ask for.

        Args:
            path: The environment.
            lines: Requirements.
            words: More of the command line.

        Raises:
            Failed: When it does not work.
        """

    @abstractmethod
    def newest(self, requirement: str, *, is_lowest: bool = False) -> str | None:
        """Return the newest version that a requirement allows, or the oldest; None where there is none.

        Raises:
            Failed: When that cannot be known.
        """

    def nearest(self, line: Line) -> str | None:
        """Return the existing version that is nearest to what a line asks for; None where there is none at all.

        That is the newest one below it, unless only one above shares more of its leading numbers.
        """
        wanted = re.search(r"[0-9][^,;*\s]*", line.specifier)
        if wanted is None:
            return self.newest(line.name)
        version = wanted[0].rstrip(".")
        below, above = self.newest(f"{line.name}<{version}"), self.newest(f"{line.name}>{version}", is_lowest=True)
        if below and above:
            return below if _shared(below, version) >= _shared(above, version) else above
        return below or above

    def _texts(self, lines: Sequence[str], *, apart: bool) -> Iterator[str]:
        """Yield requirement files that hold all lines; those with a hash in one of their own.

        One hash makes pip ask for hashes of everything beside it, and folders have none.

        Args:
            lines: Requirements.
            apart: Whether lines without a hash cannot stand beside those with one.
        """
        hashed = [line for line in lines if " --hash" in line] if apart else []
        option = [REQUIRE_HASHES] if self._requires_hashes else []
        if hashed:
            yield self._text(*option, *hashed)
        if rest := [line for line in lines if line not in hashed]:
            yield self._text(*rest)

    def _text(self, *lines: str) -> str:
        return "".join(f"{line}\n" for line in (*self._options, *lines))

    def _run(self, argv: Sequence[str], environ: Mapping[str, str], text: str = "") -> str:
        """Run a command, keep what it prints in the log, and return it.

        Raises:
            Failed: When it ends with an error.
            CommandError: Exit code 5, when time is up.
        """
        with subprocess.Popen(
            argv, cwd=self._folder, env=dict(environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", process_group=0, pass_fds=self._keeps,
        ) as process:  # fmt: skip
            output = ""
            try:
                output = self._listen(process, text)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                with self._log.open("a", encoding="utf-8") as log:
                    log.write(f"$ {' '.join(argv)}\n{output}\n")
        if process.returncode:
            raise Failed(output)
        return output

    def _listen(self, process: subprocess.Popen[str], text: str) -> str:
        """Return what a program prints until it ends."""
        given: str | None = text
        while True:
            try:
                return process.communicate(given, POLL_S)[0]
            except subprocess.TimeoutExpired:
                given = None  # it has been told already
            if self._is_over is not None and self._is_over():
                raise CommandError("The environment is not wanted any more.")
            if time.monotonic() > self._ends:
                raise CommandError(
                    "The environment could not be made in time.", hint=f"See {self._log}", exit_code=TIMED_OUT
                )


class Uv(Installer):
    """Makes environments with uv."""

    def __init__(
        self, uv: str, folder: Path, log: Path, ends: float, *, options: Sequence[str] = (), keeps: Sequence[int] = (),
        is_over: Callable[[], bool] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(folder, log, ends, options=options, keeps=keeps, is_over=is_over)
        self._uv = uv
        self._offline: tuple[str, ...] = ()

    @cached_property
    def _environ(self) -> dict[str, str]:
        return {**uv_environ(self._options), "NO_COLOR": "1", "UV_NO_PROGRESS": "1"}

    def create(self, path: Path) -> None:
        self._run([self._uv, "venv", "--quiet", "--no-project", "--clear", "--python", sys.executable, str(path)],
                  self._environ)  # fmt: skip

    def install(self, path: Path, lines: Sequence[str], words: Sequence[str]) -> None:
        python = str(path / "bin" / "python")
        for text in self._texts(lines, apart=self._requires_hashes):
            self._online([self._uv, "pip", "install", "--python", python, "-r", "/dev/stdin", *words], text)

    def sync(self, path: Path, lock: Path, member: str, groups: Sequence[str]) -> None:
        """Install what a lock file says of one of its members.

        Raises:
            Failed: When it does not work.
        """
        chosen = [word for group in groups for word in (f"--{group.partition('=')[0]}", group.partition("=")[2])]
        environ = {**self._environ, "UV_PROJECT_ENVIRONMENT": str(path)}
        argv = [self._uv, "sync", "--frozen", "--project", str(lock.parent), "--package", member, "--no-default-groups"]
        self._online([*argv, *chosen], "", environ)

    def newest(self, requirement: str, *, is_lowest: bool = False) -> str | None:
        lowest = ("--resolution", "lowest-direct") if is_lowest else ()
        argv = [self._uv, "pip", "compile", "--quiet", "--no-deps", "--no-header", "--no-annotate", *self._offline]
        try:
            argv = [*argv, "--python", sys.executable, *lowest, "-"]
            output = self._run(argv, self._environ, self._text(requirement))
        except Failed as error:
            if error.is_unreachable:
                raise
            return None
        found = _FOUND.search(output)
        return found["version"] if found else ""  # "": a marker leaves it out here

    def _online(self, argv: Sequence[str], text: str, environ: Mapping[str, str] | None = None) -> None:
        """Run a command; once more with what was fetched before, where no index answers."""
        try:
            self._run([*argv, *self._offline], environ or self._environ, text)
        except Failed as error:
            if self._offline or not error.is_unreachable:
                raise
            self._offline = ("--offline",)
            try:
                self._run([*argv, *self._offline], environ or self._environ, text)
            except Failed:
                raise error from None


class Pip(Installer):
    """Makes environments with ``venv`` and pip."""

    def create(self, path: Path) -> None:
        self._run([sys.executable, "-m", "venv", "--clear", str(path)], pip_environ())

    def install(self, path: Path, lines: Sequence[str], words: Sequence[str]) -> None:
        for text in self._texts(lines, apart=True):
            self._pip(path, "-r", "/dev/stdin", *words, text=text)

    def newest(self, requirement: str, *, is_lowest: bool = False) -> str | None:
        name = re.split(r"[\[<>=!~;\s]", requirement)[0]
        versions = self._versions(name)
        try:
            from pip._vendor.packaging.requirements import Requirement
        except ImportError as error:
            raise Failed("no pip") from error
        parsed = Requirement(requirement)
        if parsed.marker and not parsed.marker.evaluate():
            return ""
        found = sorted(parsed.specifier.filter(versions), key=as_version)
        return (found[0] if is_lowest else found[-1]) if found else None

    def _versions(self, name: str) -> list[str]:
        argv = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--disable-pip-version-check"]
        try:
            argv = [*argv, "--ignore-installed", "-r", "/dev/stdin"]
            self._run(argv, pip_environ(), self._text(f"{name}==0.0.0.dev0"))
        except Failed as error:
            found = _PIP_VERSIONS.search(error.output)
            if error.is_unreachable:
                raise
            return [text.strip() for text in found["versions"].split(",") if text.strip() != "none"] if found else []
        return []

    def _pip(self, path: Path, *words: str, text: str) -> None:
        python = str(path / "bin" / "python")
        argv = [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
        self._run([*argv, *words], pip_environ(), text)


def installer(
    folder: Path, log: Path, ends: float, *, options: Sequence[str] = (), keeps: Sequence[int] = (),
    is_over: Callable[[], bool] | None = None,
) -> Installer:  # fmt: skip
    """Return uv where it is installed, else pip."""
    uv = find_uv()
    if uv:
        return Uv(uv, folder, log, ends, options=options, keeps=keeps, is_over=is_over)
    return Pip(folder, log, ends, options=options, keeps=keeps, is_over=is_over)


def _shared(one: str, other: str) -> int:
    """Return how many of the leading numbers two versions share."""
    mine, theirs = as_version(one)[0], as_version(other)[0]
    return next((place for place, pair in enumerate(zip(mine, theirs, strict=False)) if pair[0] != pair[1]), len(mine))
