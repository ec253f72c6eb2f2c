"""Listening sockets that outlive the process which serves them, so that a service is replaced and no client notices.

Whoever holds the socket starts the next instance on it before the last one leaves. Nobody closes it in between, so a
connection that waits in the kernel's queue is taken by whichever instance comes next::

    listener = listening_socket("127.0.0.1", 8001)        # held for as long as the service has an address
    old = launch(["decant", "serve", "orders"], environ, listener=listener)
    ...
    new = launch(["decant", "serve", "orders"], environ, listener=listener)
    wait_until_ready(new)       # both answer on the port: ask for /health/ready with a fresh connection, and look for
                                # the line "serving orders" in the new one's log
    leave(old.pid)              # takes no new connection, and each answer says "Connection: close"
    time.sleep(LEAVE_S)         # its clients come back with their next request, to the new one
    end_process(old, grace_s)   # SIGTERM: running requests finish, idle connections close, exit code 0

A process without a socket of its own is started on ``--bind`` as ever; ``decant serve --drain`` leaves by itself for
so many seconds when it is sent SIGTERM, where nobody calls :func:`leave`.

Source: sd_listen_fds(3), the protocol of systemd's socket activation, which gunicorn and others take too.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Final

from decant.errors import CommandError
from decant.serving.ports import PRECONDITION, bound, refusal

LISTEN_FDS: Final = "LISTEN_FDS"
LISTEN_PID: Final = "LISTEN_PID"
LISTEN_FDS_START: Final = 3
"""The first descriptor that is handed over, by convention."""

NOT_READY: Final = signal.SIGUSR1
"""Tells a server to leave: still serving, but no longer to be sent to."""

LEAVE_S: Final = 1.0
"""Seconds in which a client that uses its connection at all hears that it should open another one."""

BACKLOG: Final = 1024

_HAND_OVER = (
    "import os,sys;f=int(sys.argv[1]);f==3 or os.dup2(f,3);os.set_inheritable(3,True);"
    "os.environ.update(LISTEN_FDS='1',LISTEN_PID=str(os.getpid()));os.execvp(sys.argv[2],sys.argv[2:])"
)
# A program of its own between fork and exec: the variable holds the pid that the child will have, which its parent
# cannot know, and code in a forked copy of a process with threads may wait for a lock for ever.


def listening_socket(host: str, port: int, *, backlog: int = BACKLOG) -> socket.socket:
    """Bind an address and listen on it, so that connections wait there until a server takes them.

    Args:
        host: The address to bind.
        port: The port; 0 for one that is free (``getsockname()`` tells which).
        backlog: Connections that may wait.

    Raises:
        CommandError: Exit code 6, when the port is in use, with its holder, or may not be bound.
    """
    try:
        listener = bound(host, port)
    except OSError as error:
        raise refusal(host, port, error) from error
    try:
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise refusal(host, port, error) from error
    listener.setblocking(False)  # shared by all that hold it: another process may have taken the connection
    return listener


def hand_over(listener: socket.socket, argv: Sequence[str]) -> list[str]:
    """Return the command that starts ``argv`` with a listening socket, by systemd's protocol; the pid stays the same.

    Start it with ``pass_fds=[listener.fileno()]``, or let :func:`decant.serving.process.launch` do both.
    """
    return [sys.executable, "-I", "-S", "-c", _HAND_OVER, str(listener.fileno()), *argv]


def take_over(environ: MutableMapping[str, str]) -> socket.socket | None:
    """Return the listening socket that this process was started with, or None.

    Args:
        environ: The environment, from which the protocol's variables are removed: they are for this process alone.

    Raises:
        CommandError: Exit code 6, when something else than one listening TCP socket was handed over.
    """
    if not is_handed_over(environ):
        return None
    count = environ.pop(LISTEN_FDS)
    environ.pop(LISTEN_PID, None)
    environ.pop("LISTEN_FDNAMES", None)
    if count != "1":
        raise _unfit(f"{count} sockets were handed over; a service listens on one.")
    try:
        listener = socket.socket(fileno=LISTEN_FDS_START)
    except OSError as error:
        raise _unfit(f"What was handed over as a socket is none: {error.strerror}.") from error
    is_tcp = listener.family in (socket.AF_INET, socket.AF_INET6) and listener.type == socket.SOCK_STREAM
    if not is_tcp or not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listener.detach()  # somebody else's: not ours to close
        raise _unfit("The socket that was handed over does not listen for TCP connections.")
    return listener


def is_handed_over(environ: Mapping[str, str]) -> bool:
    """Return whether this very process was started with sockets."""
    return environ.get(LISTEN_PID) == str(os.getpid()) and LISTEN_FDS in environ


def address_of(listener: socket.socket) -> tuple[str, int]:
    """Return the host and port that a socket listens on."""
    host, port = listener.getsockname()[:2]
    return str(host), int(port)


def leave(pid: int) -> None:
    """Tell a server that was started with a socket to leave it to the next one; SIGTERM is sent to it later.

    It is not ready from now on, takes no new connection, ends its streams, and says ``Connection: close`` with each
    answer. Does nothing when it has ended already.
    """
    try:
        os.kill(pid, NOT_READY)
    except ProcessLookupError:
        return


def stop_accepting(listener: socket.socket) -> None:
    """Take no more connections from a socket that others serve too; those that are open stay.

    A server's own code may hold the socket under other numbers and wait for it: each is pointed at a socket of its own
    that nobody connects to, and closing it later closes nothing that is shared.
    """
    inode = os.fstat(listener.fileno()).st_ino
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as nobody:
        nobody.bind("")  # an address that the kernel makes up
        nobody.listen(1)
        nobody.setblocking(False)
        for number in _descriptors():
            if number != nobody.fileno() and _inode(number) == inode:
                os.dup2(nobody.fileno(), number, inheritable=False)


def _descriptors() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - names are all that is needed


def _inode(number: int) -> int | None:
    try:
        return os.fstat(number).st_ino
    except OSError:
        return None


def _unfit(detail: str) -> CommandError:
    return CommandError(
        detail, hint="Look at the unit or program that starts this service (LISTEN_FDS).", exit_code=PRECONDITION
    )
