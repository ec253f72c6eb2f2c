"""``decant up``: the supervisor in this terminal, or detached in a session of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from decant.errors import CommandError
from decant.home import ensure_home
from decant.serving.process import children_environ
from decant.topology import Workspace
from decant_tools.run.display import Display, is_coloured
from decant_tools.run.folder import RunFolder
from decant_tools.run.lines import Fields, Painter
from decant_tools.run.planner import Planner, Wanted
from decant_tools.run.programs import DECANT
from decant_tools.run.supervisor import Job, Supervisor
from decant_tools.workspace.foreign import Foreign

MARGIN_S = 30.0
"""Seconds beyond its own time limit after which a detached supervisor that says nothing is given up."""

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Terminal:
    """How a run is shown.

    Attributes:
        is_json: Print the one document on stdout, and everything else on stderr.
        colour: Whether colours may be used.
        report_fd: Where a detached supervisor tells the command that started it; None for one in the terminal.
    """

    is_json: bool = False
    colour: bool = True
    report_fd: int | None = None


def supervise(
    workspace: Workspace, wanted: Wanted, job: Job, terminal: Terminal, foreign: Foreign | None = None
) -> int:
    """Run a topology in this process until it is stopped, and return the exit code.

    Raises:
        CommandError: When it cannot begin: it runs already, a port is in use, a service does not exist.
    """
    with _reporting(terminal) as report:
        try:
            return _supervise(workspace, wanted, job, terminal, report, foreign)
        except CommandError as error:
            report({"failed": {"detail": error.detail, "hint": error.hint, "exit_code": error.exit_code, "tails": {}}})
            raise


def _supervise(
    workspace: Workspace, wanted: Wanted, job: Job, terminal: Terminal, report: Report, foreign: Foreign | None
) -> int:
    folder = RunFolder(workspace.home())
    with folder.claimed():
        display = Display(sys.stderr if terminal.is_json else sys.stdout, sys.stderr, colour=terminal.colour)
        try:
            if ended := folder.clean():
                display.say(f"ended {len(ended)} processes that an earlier supervisor left behind")
            run = folder.new_run()
            planner = Planner(workspace, wanted, run, foreign)
            planner.prepare(display.say)
            planned = planner.plan()
            display.align([plan.name for plan in planned.processes])
            show = display.line if terminal.report_fd is None else _nowhere
            supervisor = Supervisor(job, run, folder, planner, planned, show, display.say, report=report)
            return asyncio.run(supervisor.run())
        finally:
            display.close()


def _nowhere(_fields: Fields) -> None:
    """Show no line of a process where no terminal is: its log file has it, and is bounded."""


@contextlib.contextmanager
def _reporting(terminal: Terminal) -> Any:
    """Give what takes the outcome of the start: a pipe, stdout, or nobody."""
    if terminal.report_fd is None:
        yield _print_ready if terminal.is_json else (lambda outcome: None)
        return
    os.set_inheritable(terminal.report_fd, False)
    pipe = os.fdopen(terminal.report_fd, "w")

    def tell(outcome: dict[str, Any]) -> None:
        with contextlib.suppress(OSError, ValueError):
            pipe.write(json.dumps(outcome) + "\n")
            pipe.close()

    try:
        yield tell
    finally:
        with contextlib.suppress(OSError):
            pipe.close()


def _print_ready(outcome: dict[str, Any]) -> None:
    from decant.cli.output import print_json

    if "ready" in outcome:
        print_json(**outcome["ready"])
        sys.stdout.flush()


def refuse_another(workspace: Workspace) -> RunFolder:
    """Return where a run of a workspace is kept, if there is none yet.

    Raises:
        CommandError: Exit code 6, when one goes on.
    """
    folder = RunFolder(workspace.home())
    if folder.is_claimed():
        with folder.claimed():  # raises with who runs
            pass
    return folder


def detach(workspace: Workspace, arguments: Sequence[str], timeout_s: float) -> dict[str, Any]:
    """Start a supervisor in a session of its own and return what runs once everything is ready.

    Args:
        workspace: The workspace.
        arguments: Those of ``decant up`` for the other process.
        timeout_s: Seconds that it gives its services.

    Raises:
        CommandError: When something does not start; it has shown the last lines of what failed.
    """
    folder = refuse_another(workspace)
    ensure_home(folder.path.parent)
    folder.path.mkdir(mode=0o700, exist_ok=True)
    reading, writing = os.pipe()
    with folder.output.open("wb") as output, os.fdopen(reading, "rb") as report:
        child = subprocess.Popen(
            [*DECANT, "up", *arguments, "--report-fd", str(writing)],
            env=children_environ(os.environ),
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, pass_fds=[writing],
        )  # fmt: skip
        os.close(writing)
        try:
            outcome = _read_outcome(report.fileno(), timeout_s + MARGIN_S)
        except KeyboardInterrupt:
            child.terminate()
            raise
    if "ready" in outcome:
        return dict(outcome["ready"])
    raise _failure(outcome, child, folder)


def _read_outcome(fd: int, timeout_s: float) -> dict[str, Any]:
    """Return the other process's one line; an empty table when it ends, or says nothing in time."""
    import select
    import time

    ends, text = time.monotonic() + timeout_s, b""
    while not text.endswith(b"\n"):
        readable, _, _ = select.select([fd], [], [], max(0.0, ends - time.monotonic()))
        chunk = os.read(fd, 65536) if readable else b""
        if not chunk:
            return {}
        text += chunk
    outcome: dict[str, Any] = json.loads(text)
    return outcome


def _failure(outcome: dict[str, Any], child: subprocess.Popen[bytes], folder: RunFolder) -> CommandError:
    """Show the last lines of what failed, and return the error to end with."""
    failed = outcome.get("failed")
    if failed is None:  # it ended before it could say anything, or hangs
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(MARGIN_S)
        lines = folder.output.read_text("utf-8", "replace").rstrip("\n")
        sys.stderr.write(f"{lines}\n" if lines else "")
        return CommandError("`decant up` did not start; see above.", exit_code=child.returncode or 1)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(MARGIN_S)
    width = max((len(name) for name in failed["tails"]), default=0)
    painter = Painter(width, colour=is_coloured(sys.stderr))
    for lines in failed["tails"].values():
        sys.stderr.writelines(painter.paint(fields) for fields in lines)
    return CommandError(
        failed["detail"], hint=failed.get("hint") or "All lines: decant logs", exit_code=failed["exit_code"]
    )
