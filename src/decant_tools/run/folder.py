"""``<home>/run``: who supervises this workspace, where it listens for commands, and what its processes wrote."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from decant.errors import CommandError
from decant.home import ensure_home

RUN_NAME = "DECANT_RUN"
"""Names the run in the environment of each of its processes, their own children included."""

KEPT_RUNS = 5
_LOCK, _STATE, _SOCKET = "lock", "state.json", "control.sock"
_GONE_WITHIN_S = 5.0
_POLITE_S = 1.0
_LOOKED_AT_S = 0.3


class RunFolder:
    """The folder of a workspace's supervisor.

    Args:
        home: The workspace's ``DECANT_HOME``.
    """

    def __init__(self, home: Path) -> None:
        self.path = home.absolute() / "run"

    @property
    def output(self) -> Path:
        """What a detached supervisor itself prints."""
        return self.path / "supervisor.log"

    def logs(self, run: str) -> Path:
        """Return the folder with a run's log files."""
        return self.path / run / "logs"

    def manifest(self, run: str) -> Path:
        """Return where the routes for the first start of a run's gateway lie."""
        return self.path / run / "manifest.json"

    def latest(self) -> str | None:
        """Return the newest run that left logs, the running one if there is one."""
        runs = self._runs()
        return runs[-1] if runs else None

    def read_state(self) -> dict[str, Any]:
        """Return what the supervisor wrote last; an empty table where none ran."""
        try:
            found = json.loads((self.path / _STATE).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_state(self, **state: Any) -> None:
        """Write who runs; readers see the old text or the new one."""
        target = self.path / _STATE
        draft = target.with_suffix(".new")
        draft.write_text(json.dumps({"schema": 1, **state}), "utf-8")
        draft.replace(target)

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Be the only supervisor of this workspace; the kernel gives the claim back when this process ends.

        Raises:
            CommandError: Exit code 6, when another one runs.
        """
        ensure_home(self.path.parent)
        self.path.mkdir(mode=0o700, exist_ok=True)
        with (self.path / _LOCK).open("a") as lock:
            if not _locked(lock):
                state = self.read_state()
                raise CommandError(
                    f"This workspace runs already: pid {state.get('pid', '?')}, topology {state.get('topology', '?')}.",
                    hint="See it with `decant ps`, stop it with `decant down`, or give this one a DECANT_HOME of "
                    "its own.",
                    exit_code=6,
                )
            yield

    def is_claimed(self) -> bool:
        """Return whether a supervisor runs."""
        try:
            with (self.path / _LOCK).open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def new_run(self) -> str:
        """Make the folder of a new run, forget the oldest ones, and return its name."""
        run = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(2)}"
        self.logs(run).mkdir(mode=0o700, parents=True)
        for old in self._runs()[:-KEPT_RUNS]:
            shutil.rmtree(self.path / old, ignore_errors=True)
        return run

    def clean(self) -> list[int]:
        """End what a killed supervisor left behind, and forget it. Call it with the claim.

        Returns:
            The processes that were ended.
        """
        run = self.read_state().get("run")
        ended = end_run(run) if isinstance(run, str) else []
        for name in (_SOCKET, _STATE):
            (self.path / name).unlink(missing_ok=True)
        return ended

    @contextlib.contextmanager
    def socket_path(self) -> Iterator[str]:
        """Give the control socket's path in a form that is short: a socket's name has 108 bytes."""
        path = self.path / _SOCKET
        if len(os.fsencode(path)) < 100 or not sys.platform.startswith("linux"):
            yield str(path)
            return
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield f"/proc/self/fd/{folder}/{_SOCKET}"
        finally:
            os.close(folder)

    def _runs(self) -> list[str]:
        return sorted(path.parent.name for path in self.path.glob("*/logs"))


def _locked(lock: IO[str]) -> bool:
    """Lock a file; whoever only looks whether it is locked holds it for a moment, and is waited for."""
    ends = time.monotonic() + _LOOKED_AT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends:
                return False
            time.sleep(0.01)
        else:
            return True


def run_mark(run: str, process: str) -> str:
    """Return what :data:`RUN_NAME` holds for a process of a run, and for whatever that starts."""
    return f"{run}/{process}"


def processes_of(run: str) -> list[int]:
    """Return the processes of a run, or of one mark of it, whoever their parent is now; on Linux."""
    found = [int(entry.parent.name) for entry in Path("/proc").glob("[0-9]*/environ") if _carries(entry, run)]
    return [pid for pid in found if pid != os.getpid()]


def _carries(environ: Path, mark: str) -> bool:
    wanted = f"{RUN_NAME}={mark}".encode()
    try:
        values = environ.read_bytes().split(b"\0")
    except OSError:  # ended, or somebody else's
        return False
    return any(value == wanted or value.startswith(wanted + b"/") for value in values)


def end_run(run: str) -> list[int]:
    """End every process of a run: SIGTERM, and SIGKILL for what is there a second later.

    Returns:
        The processes that were ended.
    """
    ended = _send(run, signal.SIGTERM)
    began = time.monotonic()
    while left := processes_of(run):
        waited = time.monotonic() - began
        if waited > _POLITE_S:
            _send(run, signal.SIGKILL)
        if waited > _GONE_WITHIN_S:
            raise CommandError(f"These processes of the run {run} do not end: {', '.join(map(str, left))}.")
        time.sleep(0.02)
    return ended


def kill_processes(mark: str) -> None:
    """Kill what carries a mark now."""
    if mark:
        _send(mark, signal.SIGKILL)


def _send(mark: str, signum: int) -> list[int]:
    """Send a signal to what carries a mark, and to nobody who got the number of such a process since; return them."""
    found = processes_of(mark)
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            process = os.pidfd_open(pid)
            try:
                if _carries(Path(f"/proc/{pid}/environ"), mark):
                    signal.pidfd_send_signal(process, signum)
            finally:
                os.close(process)
    return found
