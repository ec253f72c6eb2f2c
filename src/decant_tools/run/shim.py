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
    return _repeat(_wait_for(child))


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
    """End the group that this process leads, itself last."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    ends = time.monotonic() + grace_s
    while time.monotonic() < ends:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # none is left
            os._exit(0)
        if ended == 0:
            time.sleep(0.02)
    os.killpg(0, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
