"""Starts a foreign command and ends with it: ``python -I -S shim.py PARENT GRACE_S COMMAND…``.

A command that is not ours asks nobody whether its supervisor still lives. This program does it for it: when the
supervisor is gone it ends the command's whole group; when it is killed itself, the kernel kills the command. It is
started without site-packages, so it takes some ten milliseconds, and imports nothing of ours.
"""

import ctypes
import os
import signal
import sys
import time
from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main(argv: list[str]) -> int:
    """Run the command; return or repeat how it ended."""
    parent, grace_s, command = int(argv[0]), float(argv[1]), argv[2:]
    signal.signal(signal.SIGTERM, lambda signum, frame: _end(int(signum), frame, grace_s))
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # what the command leaves behind becomes ours, and ends with us
    if os.getppid() != parent:
        return 1
    os.environ.pop("DECANT_PARENT_PID", None)  # it names our parent, not the command's
    shim = os.getpid()
    child = os.fork()  # nothing else runs in this process
    if child == 0:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != shim:
            os._exit(1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _become(command)
    status = _wait_for(child)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _end_children(grace_s)  # what it left behind, which is ours now
    return _repeat(status)


def _become(command: list[str]) -> None:
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command of decant.toml
    except OSError as error:
        sys.stderr.write(f"error[command]: {command[0]!r} cannot be started: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127)


def _wait_for(child: int) -> int:
    while True:
        ended, status = os.wait()
        if ended == child:
            return status


def _repeat(status: int) -> int:
    """Return the command's exit code, or end by the signal that ended it."""
    if os.WIFSIGNALED(status):
        signum = os.WTERMSIG(status)
        if signum != signal.SIGKILL:
            signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
    return os.waitstatus_to_exitcode(status)


def _end(_signum: int, _frame: FrameType | None, grace_s: float) -> None:
    """End everything that the command started, and this process with it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    _end_children(grace_s)
    os._exit(0)


def _end_children(grace_s: float) -> None:
    """Return when no child is left: SIGTERM to each as it becomes ours, SIGKILL when the grace is over."""
    asked: set[int] = set()
    ends = time.monotonic() + grace_s
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if ended:
            continue
        for child in _children():
            if time.monotonic() > ends:
                os.kill(child, signal.SIGKILL)  # a child that was not waited for keeps its pid: nobody else is hit
            elif child not in asked:
                asked.add(child)
                os.kill(child, signal.SIGTERM)
        time.sleep(0.02)


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:  # noqa: PTH123 - light
            return [int(pid) for pid in children.read().split()]
    except OSError:
        return []


def _prctl(option: int, value: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
