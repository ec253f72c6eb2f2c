"""Processes that leave nothing behind: groups, parent death, and the environment that children get."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Final

from decant.serving.sockets import hand_over

_PR_SET_PDEATHSIG: Final = 1
PARENT: Final = "DECANT_PARENT_PID"
"""Names the process whose death ends this one; set by :func:`launch`."""

MALLOC: Final[Mapping[str, str]] = {
    "MALLOC_TRIM_THRESHOLD_": "536870912",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TOP_PAD_": "1048576",
}
"""glibc gives the heap back after each large answer and asks for it again with the next; these stop that.

It is read when the process starts, so it has to be set before ``exec``.
"""

_NOT_INHERITED: Final = ("PYTHONDONTWRITEBYTECODE", PARENT)


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when the thread that started it ends, however it ends.

    Linux only; elsewhere it does nothing. SIGKILL, because a parent that was killed is a crash, and whoever restarts
    it needs the port at once.

    Args:
        parent_pid: The expected parent. If it is gone already, this process exits.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"prctl(PR_SET_PDEATHSIG): {os.strerror(errno)}")
    if os.getppid() != parent_pid:
        os._exit(1)


def obey_parent(environ: Mapping[str, str]) -> None:
    """Tie this process to the one that launched it, where :func:`launch` asked for that."""
    parent = environ.get(PARENT, "")
    if parent.isdecimal():
        die_with_parent(int(parent))


def children_environ(environ: Mapping[str, str], **extra: str) -> dict[str, str]:
    """Return the environment for a child process.

    Bytecode is written whatever this process was told: without it each service compiles everything at each start.
    """
    kept = {name: value for name, value in environ.items() if name not in _NOT_INHERITED}
    return {**kept, "PYTHONUNBUFFERED": "1", **extra}


def launch(
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    cwd: str | None = None,
    own_group: bool = True,
    listener: socket.socket | None = None,
    output: int | IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a service that does not outlive this process.

    Call it from a thread that lives as long as the service should: the kernel watches the thread, not the process.

    Args:
        argv: The command; its first thing to do is :func:`obey_parent`.
        environ: The environment, to which the parent's pid is added.
        cwd: Where it runs; here by default.
        own_group: Give it a process group of its own, so that a Ctrl-C in the terminal does not reach it behind its
            supervisor's back. Without one it can read from the terminal, which a debugger needs.
        listener: The listening socket that it serves (:mod:`decant.serving.sockets`).
        output: Where its standard output and error go, as :class:`subprocess.Popen` takes it; here by default.
    """
    return subprocess.Popen(
        list(argv) if listener is None else hand_over(listener, argv),
        env=children_environ(environ, **{PARENT: str(os.getpid())}),
        cwd=cwd,
        process_group=0 if own_group else None,
        pass_fds=() if listener is None else (listener.fileno(),),
        stdout=output,
        stderr=output if output != subprocess.PIPE else subprocess.STDOUT,
    )


def end_process(process: subprocess.Popen[bytes], grace_s: float) -> int:
    """Stop a launched service: SIGTERM, and SIGKILL when the grace is over, to its whole group where it leads one.

    Returns:
        Its exit code; negative for the signal that ended it.
    """
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            _kill(process)
    return process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    if os.getpgid(process.pid) == process.pid:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
