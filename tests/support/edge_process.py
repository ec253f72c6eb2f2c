"""A gateway in a process of its own, in front of one service."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from decant.gateway.base import Address, State, Upstream
from decant.gateway.run import GatewayOptions, command
from decant.serving.ports import free_port
from tests.support.edge import Paths
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


def to_one_service(state: State, options: GatewayOptions) -> Paths:
    """Make routes that lead to one port."""
    port, _, body_limit = options.routes.partition(",")
    return Paths(Upstream("shop", [Address("127.0.0.1", int(port))]), 30.0, int(body_limit or 1 << 20))


@dataclass
class EdgeProcess:
    """A gateway's process."""

    port: int
    process: subprocess.Popen[bytes]

    def connect(self, within_s: float = 30) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), within_s)

    def rss_bytes(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * 4096


@contextmanager
def edge_process(
    service_port: int, body_limit: int = 1 << 20, grace_s: float = 10, *, files: int | None = None
) -> Iterator[EdgeProcess]:
    """Run a gateway in front of a port of this machine until the block ends; ``files`` bounds what it may open."""
    port = free_port()
    options = GatewayOptions(port=port, grace_s=grace_s, access_log=False, routes=f"{service_port},{body_limit}")
    argv = command("tests.support.edge_process:to_one_service", options)
    if files is not None:
        argv = ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh", *argv]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL)
    running = EdgeProcess(port, process)
    try:
        wait_until(lambda: running.connect().close() is None, within_s=30, what="the gateway to listen")
        yield running
    finally:
        process.kill()
        process.wait()
