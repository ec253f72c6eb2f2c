"""Ports: taken once, never shared by accident, and named with their holder when they are taken already."""

from __future__ import annotations

import errno
import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from decant.errors import CommandError

PRECONDITION = 6
_LISTENING = "0A"


class Holder(NamedTuple):
    """The process that listens on a port."""

    pid: int
    command: str


def claim_port(host: str, port: int) -> socket.socket:
    """Claim a port for this process before its server binds it.

    Servers that bind with ``SO_REUSEPORT``, granian for one, start happily beside another server and get half of its
    requests. So the port is tried without that option, and an abstract socket, which the kernel frees when the process
    ends, keeps two starts at the same moment apart.

    Returns:
        The claim. Keep it for as long as the port is used.

    Raises:
        CommandError: Exit code 6, when the port is in use or may not be bound.
    """
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if sys.platform.startswith("linux"):
            claim.bind(f"\0decant-port-{host}-{port}")
        with closing(bound(host, port)):
            return claim
    except OSError as error:
        claim.close()
        raise refusal(host, port, error) from error


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nothing listens on now."""
    with closing(bound(host, 0)) as probe:
        number: int = probe.getsockname()[1]
        return number


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that has the address, without ``SO_REUSEPORT``; it does not listen yet."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    probe = socket.socket(family, kind, protocol)
    try:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
    except OSError:
        probe.close()
        raise
    return probe


def refusal(host: str, port: int, error: OSError) -> CommandError:
    """Return what to say about a port that cannot be had."""
    if isinstance(error, socket.gaierror):
        return CommandError(f"The address {host} is not known here: {error.strerror}.", exit_code=PRECONDITION)
    if error.errno == errno.EADDRINUSE:
        holder = find_holder(port)
        by = f" by pid {holder.pid} ({holder.command})" if holder else ""
        return CommandError(
            f"Port {port} on {host} is in use{by}.",
            hint=f"Stop that process{f' (kill {holder.pid})' if holder else ''}, or choose another port.",
            exit_code=PRECONDITION,
        )
    return CommandError(
        f"Port {port} on {host} cannot be used: {error.strerror}.",
        hint="Ports below 1024 need privileges; choose another one." if error.errno == errno.EACCES else None,
        exit_code=PRECONDITION,
    )


def find_holder(port: int) -> Holder | None:
    """Return who listens on a TCP port, where ``/proc`` tells and we may look."""
    inodes = {inode for table in ("/proc/net/tcp", "/proc/net/tcp6") for inode in _listeners(Path(table), port)}
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    processes = (path for path in Path("/proc").iterdir() if path.name.isdecimal())
    for process in sorted(processes, key=lambda path: int(path.name)):
        if _holds(process, wanted):
            return Holder(int(process.name), _command(process))
    return None


def _listeners(table: Path, port: int) -> list[str]:
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return []
    rows = (line.split() for line in lines)
    return [row[9] for row in rows if row[3] == _LISTENING and int(row[1].rpartition(":")[2], 16) == port]


def _holds(process: Path, wanted: set[str]) -> bool:
    try:
        return any(str(entry.readlink()) in wanted for entry in (process / "fd").iterdir())
    except OSError:
        return False


def _command(process: Path) -> str:
    try:
        words = process.joinpath("cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return "unknown"
    text = " ".join(word.decode(errors="replace") for word in words)
    return text if len(text) <= 80 else f"{text[:79]}…"
