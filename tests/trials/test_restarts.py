"""A service is replaced under load: the next instance takes the socket before the last one leaves it."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from decant.serving.process import end_process, launch
from decant.serving.sockets import LEAVE_S, address_of, leave, listening_socket
from tests.acceptance.running import BOOKCLUB, copy_workspace, environment, free_port, prepare
from tests.support.steady import SteadyClients
from tests.support.trials import record, trials
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.trials, pytest.mark.serving, pytest.mark.slow, pytest.mark.timeout(0)]
PER_S = 100
BOOK = "/api/books/earthsea"
REVIEW = json.dumps({"reader": "Ged", "stars": 5, "text": "True names."})
GRACE_S = 15.0


@pytest.fixture
def club(tmp_path: Path) -> Path:
    workspace = copy_workspace(BOOKCLUB, tmp_path / "club", "monolith")
    prepare(workspace)
    return workspace


class Instances:
    """One process after the other, which serve the same workspace."""

    def __init__(self, workspace: Path, *arguments: str) -> None:
        self._workspace = workspace
        self._argv = [str(Path(sys.executable).with_name("decant")), "serve", *arguments]
        self._environ = environment(workspace / ".decant", {})
        self._count = 0

    def start(self, listener: socket.socket | None = None) -> subprocess.Popen[bytes]:
        """Start one more and return when it serves."""
        self._count += 1
        log = self._workspace / f"instance-{self._count}.log"
        with log.open("wb") as output:
            process = launch(self._argv, self._environ, cwd=str(self._workspace), listener=listener, output=output)

        def serves() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"it ended with {process.returncode}: {log.read_text()}")
            return "serving bookclub on" in log.read_text()

        wait_until(serves, within_s=60, what="the instance serves")
        return process


class Readers:
    """Read a book, and review it with each fifth request; what was answered with 201 is counted."""

    def __init__(self) -> None:
        self.posted: list[str] = []

    def ask(self, connection: http.client.HTTPConnection, number: int) -> str:
        if number % 5:
            connection.request("GET", BOOK)
        else:
            connection.request("POST", f"{BOOK}/reviews", REVIEW, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status == 201:
            self.posted.append(json.loads(body)["id"])
        if answer.status == (200 if number % 5 else 201):
            return ""
        return f"{answer.status} {json.loads(body).get('code')}"


def counted(port: int) -> int:
    """Return how many reviews the book's module has heard of."""
    return int(requests.get(f"http://127.0.0.1:{port}{BOOK}", timeout=10).json()["reviews"])


@contextmanager
def ending(process: list[subprocess.Popen[bytes]]) -> Iterator[None]:
    try:
        yield
    finally:
        end_process(process[-1], GRACE_S)


def test_a_rolling_restart_fails_no_request_and_loses_no_event(club: Path) -> None:
    count, instances, readers, bad = trials(50), Instances(club), Readers(), list[str]()
    with listening_socket("127.0.0.1", 0) as listener:
        port = address_of(listener)[1]
        running = [instances.start(listener)]
        with ending(running):
            before = counted(port)
            with SteadyClients(port, readers.ask, per_s=PER_S) as clients:
                for _ in range(count):
                    running.append(instances.start(listener))
                    leave(running[-2].pid)
                    time.sleep(LEAVE_S)  # what is measured is that this is enough
                    if code := end_process(running[-2], GRACE_S):
                        bad.append(f"exit code {code}")
            heard = len(readers.posted)
            wait_until(lambda: counted(port) - before >= heard, within_s=60, what="every review is counted")
            if (found := counted(port) - before) != heard:
                bad.append(f"{found} counted, {heard} posted")
    bad += [f"{kind}: {times}" for kind, times in clients.failures.items()]
    refused = plain_restarts(club, max(1, count // 10))
    assert refused, "the negative control failed no request"
    record(
        "R31",
        promised="A rolling restart fails no request and loses no event",
        tried=f"the next instance on the same socket, then the last one leaves; {PER_S} requests/s from 10 clients "
        f"that keep their connections, one in five a POST; {clients.asked:,} requests, {heard:,} events",
        count=count,
        failures=bad,
        control=f"stopped and started again, {max(1, count // 10)} times: {refused} requests failed",
    )


def plain_restarts(club: Path, count: int) -> int:
    """Stop the service and start it again, as one does without a socket to hand over; return how many failed."""
    port, readers = free_port(), Readers()
    instances = Instances(club, "--bind", f"127.0.0.1:{port}")
    running = [instances.start()]
    with ending(running):
        wait_until(lambda: counted(port) >= 0, within_s=30, what="it answers")
        with SteadyClients(port, readers.ask, per_s=PER_S) as clients:
            for _ in range(count):
                end_process(running[-1], GRACE_S)
                running.append(instances.start())
    return clients.failures.total()
