"""Two hundred clients that are slow, each in one way: what of the service do they leave for others?

A thread is held by a request whose body does not come, or whose answer is not read; a request whose head is not
complete holds none.
"""

from __future__ import annotations

import http.client
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.integration.serving.harness import Service

pytestmark = [pytest.mark.serving, pytest.mark.slow]
Serve = Callable[..., Service]
CLIENTS, PROBES = 200, 100
HEAD = b"GET /fast HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = b"POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc"
READ = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"


def probe(service: Service) -> tuple[list[int], float]:
    """Ask one after the other; return what was answered, and the seconds in which 99 % were."""
    statuses, took = [], []
    for _ in range(PROBES):
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
        connection.request("GET", "/fast")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        statuses.append(answer.status)
        took.append(time.monotonic() - began)
    return statuses, sorted(took)[int(PROBES * 0.99) - 1]


@pytest.mark.parametrize(("mode", "sent"), [("heads", HEAD), ("bodies", BODY), ("reads", READ)])
def test_slow_clients(serve: Serve, mode: str, sent: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    service = serve("granian").ready()
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            slow = stack.enter_context(socket.socket())
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.settimeout(20)
            slow.connect(("127.0.0.1", service.port))
            slow.sendall(sent)
        statuses, p99_s = probe(service)
    figures = f"{mode}: {statuses.count(200)} of {PROBES} answered with 200, {statuses.count(503)} with 503, "
    with capsys.disabled():
        if os.environ.get("DECANT_TEST_SERVING_FIGURES"):
            sys.stdout.write(f"\n  {figures}p99 {p99_s * 1e3:.0f} ms")
    assert set(statuses) <= ({200, 503} if mode == "reads" else {200})
    assert service.get("/fast", timeout_s=20)[0] in (200, 503)
