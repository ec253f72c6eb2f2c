"""The process of a task: it writes into a bounded file, ends in time, and leaves nothing running."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

from decant.errors import CommandError

READ_BYTES = 64 * 1024
LOG_BYTES = 8 * 1024 * 1024
"""What is kept of an output: its first half and its last one."""

GRACE_S = 5.0
"""Seconds that a process gets to end: after the interrupt, and once more after SIGTERM."""

_TICK_S = 0.2
_DRAINED_WITHIN_S = 0.5
"""Seconds for which the output of an ended process is waited for: something may still hold the pipe."""

_SHIM = str(Path(__file__).parents[2] / "run" / "shim.py")
_MARK = "DECANT_RUN"


class Ended(NamedTuple):
    """How a process ended.

    Attributes:
        exit_code: Negative for a signal.
        duration_s: Seconds that it ran.
        is_late: Whether its time was over.
    """

    exit_code: int
    duration_s: float
    is_late: bool


class Log:
    """A file that takes any amount of output and keeps the beginning and the end of it.

    Args:
        path: Written when the log is closed, so that a reader sees a whole one.
        limit_bytes: What is kept.
    """

    def __init__(self, path: Path, limit_bytes: int = LOG_BYTES) -> None:
        self.path = path
        self._half = limit_bytes // 2
        self._new = path.with_name(f".{path.name}.{os.getpid()}.{token_hex(4)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._new.open("wb")
        self._written = 0
        self._left_out = 0
        self._last = bytearray()

    def write(self, chunk: bytes) -> None:
        room = self._half - self._written
        if room > 0:
            self._file.write(chunk[:room])
            self._written += min(room, len(chunk))
            chunk = chunk[room:]
        self._last += chunk
        if len(self._last) > 2 * self._half:  # not at each chunk: a shift of all of it each time
            self._trim()

    def _trim(self) -> None:
        excess = len(self._last) - self._half
        if excess > 0:
            del self._last[:excess]
            self._left_out += excess

    def close(self) -> None:
        self._trim()
        if self._left_out:
            self._file.write(f"\n[… {self._left_out} bytes left out …]\n".encode())
        self._file.write(self._last)
        self._file.close()
        self._new.replace(self.path)


class Process:
    """A running command with everything that it starts.

    Start and wait for it in one thread: the kernel ends the command when that thread is gone.

    Args:
        command: The program and its arguments.
        cwd: Where it runs.
        environ: Its environment.
        grace_s: Seconds that it gets to end when it is told to.

    Raises:
        CommandError: When it cannot be started.
    """

    def __init__(
        self, command: Sequence[str], cwd: Path, environ: Mapping[str, str], *, grace_s: float = GRACE_S
    ) -> None:
        self._grace_s = grace_s
        self._mark = f"task-{token_hex(8)}"
        self._kill_at: float | None = None
        self._ask_at: float | None = None
        self._since = time.monotonic()
        shim = (sys.executable, "-I", "-S", _SHIM, str(os.getpid()), f"{grace_s:g}")
        try:
            self._process = subprocess.Popen(
                (*shim, *command), cwd=cwd, env={**environ, _MARK: f"{self._mark}/task"},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                process_group=0,  # a Ctrl-C in the terminal does not reach it behind our back
            )  # fmt: skip
        except OSError as error:
            raise CommandError(f"{command[0]} cannot be started in {cwd}: {error.strerror}.", exit_code=6) from error

    def wait(self, take: Callable[[bytes], None], timeout_s: float) -> Ended:
        """Wait for the end, and hand over the output as it comes.

        Args:
            take: Gets each chunk of the output.
            timeout_s: Seconds after which it is ended.
        """
        ends = self._since + timeout_s
        is_late = False
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            drained_at = None
            while drained_at is None or time.monotonic() < drained_at:
                if self._read(pipe.fileno(), take):
                    break
                now = time.monotonic()
                if not is_late and now > ends:
                    is_late = True
                    self.end()
                self._insist(now)
                if drained_at is None and self._process.poll() is not None:
                    drained_at = now + _DRAINED_WITHIN_S
        self._reap()
        return Ended(self._process.returncode, time.monotonic() - self._since, is_late)

    def interrupt(self) -> None:
        """Ask it to end as Ctrl-C would; it gets SIGTERM when the grace is over."""
        self._ask_at = time.monotonic() + self._grace_s
        started = _descendants(self._process.pid)
        for child in started:  # not to the shim: it would go and leave the command to the kernel's SIGKILL
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGINT)
        if not started:
            self.end()

    def end(self) -> None:
        """End it: SIGTERM, and SIGKILL when the grace is over."""
        self._ask_at = None
        self._kill_at = time.monotonic() + 2 * self._grace_s  # the shim has a grace of its own
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """Kill it now, and whatever it started."""
        from decant_tools.run.folder import kill_processes

        self._ask_at = self._kill_at = None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        kill_processes(self._mark)  # what left the group

    def _read(self, pipe: int, take: Callable[[bytes], None]) -> bool:
        """Hand over what is there; return whether the output is over."""
        ready, _, _ = select.select([pipe], [], [], _TICK_S)
        if not ready:
            return False
        chunk = os.read(pipe, READ_BYTES)
        if chunk:
            take(chunk)
        return not chunk

    def _insist(self, now: float) -> None:
        if self._ask_at is not None and now > self._ask_at:
            self.end()
        if self._kill_at is not None and now > self._kill_at:
            self.kill()

    def _reap(self) -> None:
        """Wait for a process that closed its output and goes on, still within what it was told."""
        while self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_TICK_S)
            self._insist(time.monotonic())


def _descendants(pid: int) -> list[int]:
    """Return what a process started, and what that started; a shell does not hand an interrupt on."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    except OSError:
        return []
    return [*children, *(each for child in children for each in _descendants(child))]
