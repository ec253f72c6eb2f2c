"""Does a server survive a bad day: many streams, load, SIGTERM, ``kill -9`` and a restart at once?

Run with ``-s`` to see the figures that ``docs/operations/serving.md`` quotes.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.serving.harness import Service, Stream, alive, children, wait_until

pytestmark = pytest.mark.serving
SERVERS = ["granian", "gunicorn", "gevent"]
Serve = Callable[..., Service]
STREAMS = 40
P99_BOUND_S = 0.25


def measure(service: Service, clients: int = 8, requests: int = 60) -> list[float]:
    """Return the seconds that each request took, from several clients with kept connections."""
    took: list[float] = []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
        for _ in range(requests):
            start = time.perf_counter()
            connection.request("GET", "/fast")
            answer = connection.getresponse()
            answer.read()
            took.append(time.perf_counter() - start)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(took) == clients * requests
    return sorted(took)


def report(capsys: pytest.CaptureFixture[str], server: str, what: str, figure: str) -> None:
    with capsys.disabled():
        if os.environ.get("DECANT_TEST_SERVING_FIGURES"):
            sys.stdout.write(f"\n  {server:9} {what:34} {figure}")


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("server", SERVERS)
def test_forty_streams_leave_normal_requests_fast(
    serve: Serve, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    service = serve(server, streams=STREAMS).ready()
    alone = measure(service)
    streams = [service.stream() for _ in range(STREAMS)]
    for stream in streams:
        assert stream.status == 200
        stream.read_until(b"data: 0\n")
    beside = measure(service)
    p99 = beside[int(len(beside) * 0.99)]
    report(
        capsys,
        server,
        "p50/p99 alone, ms",
        f"{statistics.median(alone) * 1e3:.1f} / {alone[int(len(alone) * 0.99)] * 1e3:.1f}",
    )
    report(capsys, server, "p50/p99 with 40 streams, ms", f"{statistics.median(beside) * 1e3:.1f} / {p99 * 1e3:.1f}")
    assert p99 < P99_BOUND_S
    for stream in streams:
        stream.read_until(b"data: 2\n")


@pytest.mark.parametrize("server", ["granian", "gunicorn"])
def test_streams_beyond_a_quarter_of_the_threads_are_told_to_poll(serve: Serve, server: str) -> None:
    service = serve(server, threads=64).ready()
    streams = [service.stream() for _ in range(STREAMS)]
    refused = [stream for stream in streams if stream.status == 503]
    assert [stream.status for stream in streams].count(200) == 16
    assert len(refused) == STREAMS - 16
    assert all(b"retry-after: 5" in stream.headers for stream in refused)
    assert service.get("/fast")[0] == 200


def test_eight_streams_stop_eight_threads_dead_without_a_limit(serve: Serve) -> None:
    """Why there is a limit at all."""
    service = serve("granian", threads=8, streams=8).ready()
    for _ in range(8):
        service.stream().read_until(b"data: 0\n")
    with pytest.raises(TimeoutError):
        service.get("/fast", timeout_s=1.0)


@pytest.mark.parametrize("server", SERVERS)
def test_a_client_that_left_gives_its_place_back(serve: Serve, server: str) -> None:
    service = serve(server, streams=1).ready()
    service.stream("/quiet").close()
    service.streams.clear()
    wait_until(lambda: service.stream("/quiet").status == 200, "a second stream opens")


@pytest.mark.parametrize("server", SERVERS)
def test_sigterm_lets_requests_finish_and_ends_streams(
    serve: Serve, server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "background"
    service = serve(server, streams=STREAMS, grace_s=8, environ={"SERVED_APP_BACKGROUND": str(trace)}).ready()
    streams = [service.stream() for _ in range(STREAMS)]
    answers: list[int] = []
    slow = threading.Thread(target=lambda: answers.append(service.get("/slow?seconds=1.5")[0]))
    slow.start()
    for stream in streams:
        stream.read_until(b"data: 1\n")
    start = time.monotonic()
    service.terminate()
    for stream in streams:
        stream.read_to_end()
    slow.join()
    assert service.exit_code() == 0
    took = time.monotonic() - start
    report(capsys, server, "SIGTERM to exit, 1.5 s request, s", f"{took:.1f}")
    assert answers == [200]
    assert all(stream.ended for stream in streams)
    assert took < 8
    assert port_is_free(service.port)
    assert [line.split()[0] for line in trace.read_text().splitlines()] == ["start", "stop"]


@pytest.mark.parametrize("server", SERVERS)
def test_a_request_that_does_not_end_is_cut_when_the_grace_is_over(serve: Serve, server: str) -> None:
    service = serve(server, grace_s=1).ready()
    stuck = Stream(service.port, "/slow?seconds=60")
    service.streams.append(stuck)
    wait_until(lambda: service.get("/fast")[0] == 200, "the request beside it is answered")
    start = time.monotonic()
    service.terminate()
    service.exit_code()
    assert time.monotonic() - start < 6
    assert port_is_free(service.port)


@pytest.mark.parametrize("server", SERVERS)
def test_kill_9_of_the_parent_leaves_nothing_and_the_port_serves_again_at_once(
    serve: Serve, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = serve(server, workers=2, streams=STREAMS).ready()
    workers = wait_until(lambda: len(children(first.pid)) == 2 and children(first.pid), "two workers run")
    for _ in range(8):
        first.stream().read_until(b"data: 0\n")
    first.process.send_signal(signal.SIGKILL)
    start = time.monotonic()
    first.exit_code()
    wait_until(lambda: not any(alive(pid) for pid in workers), "the workers are gone", 2.0)
    report(capsys, server, "kill -9 to no worker left, ms", f"{(time.monotonic() - start) * 1e3:.0f}")
    second = serve(server, port=first.port).ready()
    report(capsys, server, "kill -9 to the port serving again, s", f"{time.monotonic() - start:.1f}")
    assert {second.get("/fast")[1]["parent"] for _ in range(50)} == {second.pid}


@pytest.mark.parametrize("server", SERVERS)
def test_a_worker_that_was_killed_is_replaced(serve: Serve, server: str) -> None:
    service = serve(server).ready()
    first = service.get("/fast")[1]["pid"]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: service.get("/fast")[1]["pid"] != first, "another worker answers")


@pytest.mark.parametrize(("server", "within_s"), [("granian", 5.0), ("gunicorn", 15.0), ("gevent", 15.0)])
def test_an_interrupt_for_the_whole_group_is_an_orderly_stop(serve: Serve, server: str, within_s: float) -> None:
    """Ctrl-C in a terminal, and ``systemd`` with its default, signal every process of the group.

    granian stops well before its grace of 6 s is over; gunicorn's workers now and then wait for it (see the docs).
    """
    service = serve(server, grace_s=6).ready()
    service.stream().read_until(b"data: 0\n")
    os.killpg(service.pid, signal.SIGINT)
    assert service.exit_code(within_s) == 0
    assert port_is_free(service.port)
