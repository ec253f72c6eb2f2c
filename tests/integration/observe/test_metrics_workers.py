"""Several workers answer for all of them: counts add up, and outlive a worker that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from decant.serving.base import ServeOptions
from decant.serving.ports import free_port
from decant.serving.target import Target
from tests.integration.serving.harness import Service, alive, wait_until

HERE = Path(__file__).parent
COUNT = (
    'http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",'
    'http_route="/pid"}'
)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], Service]]:
    """Start the application with two workers under a server, and end exactly that."""
    started: list[Service] = []

    def start(server: str) -> Service:
        options = ServeOptions(
            target=Target(application="counting_app:app"), port=free_port(), workers=2, threads=4, grace_s=2.0
        )
        log = tmp_path / "server.log"
        environ = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "decant.serving.boot", server, options.to_json()],
                env={**environ, "PYTHONPATH": str(HERE), "DECANT_HOME": str(tmp_path / "home")},
                stdout=output,
                stderr=output,
                process_group=0,
            )
        started.append(Service(process, options.port, log))
        return started[-1]

    yield start
    for service in started:
        service.end()


def get(service: Service, path: str) -> str:
    # A connection each, so that both workers get some.
    with urllib.request.urlopen(f"http://127.0.0.1:{service.port}{path}", timeout=5) as answer:
        return str(answer.read().decode())


def shown(service: Service, name: str) -> float:
    lines = [line for line in get(service, "/metrics").splitlines() if line.startswith(f"{name} ")]
    return float(lines[0].split()[-1]) if lines else 0.0


class Client:
    """Asks, and keeps count of what was answered."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.answered = 0
        self.pids: set[int] = set()

    def ask(self) -> int:
        pid = int(json.loads(get(self.service, "/pid"))["pid"])
        self.answered += 1
        self.pids.add(pid)
        return pid

    def ask_until_two_workers_answered(self) -> set[int]:
        self.pids.clear()
        wait_until(lambda: self.ask() and len(self.pids) >= 2, "answers of two workers")
        return set(self.pids)


@pytest.mark.serving
@pytest.mark.parametrize("server", ["gunicorn", "granian"])
def test_counts_of_two_workers_add_up_and_outlive_a_kill(serve: Callable[[str], Service], server: str) -> None:
    service = serve(server)
    wait_until(lambda: get(service, "/health/live"), "the first answer", 30)
    client = Client(service)

    first = client.ask_until_two_workers_answered()
    for _ in range(20):
        client.ask()
    wait_until(lambda: shown(service, COUNT) == client.answered, "all requests to be counted")
    assert [shown(service, COUNT) for _ in range(6)] == [client.answered] * 6
    assert shown(service, "test_busy_workers") == 2

    killed = first.pop()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not alive(killed), "the killed worker to be gone")
    assert wait_until(lambda: shown(service, COUNT), "the other worker's answer") == client.answered
    wait_until(lambda: shown(service, "test_busy_workers") == 1, "the dead worker's gauge to be gone")

    wait_until(lambda: killed not in client.ask_until_two_workers_answered(), "a new worker in its place")
    wait_until(lambda: shown(service, COUNT) == client.answered, "the new worker's requests to be counted")
    assert shown(service, "test_busy_workers") == 2
