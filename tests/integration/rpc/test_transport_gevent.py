"""Calls from a gevent worker: one that waits for its answer holds nobody else up."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from decant.serving.base import ServeOptions
from decant.serving.ports import free_port
from decant.serving.target import Target
from tests.conformance.rpc import server as toy
from tests.conformance.rpc.server import Peer, toy_server
from tests.integration.serving.harness import Service

pytestmark = pytest.mark.serving
AT_ONCE = 6  # fewer than a worker takes on at the same time


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    log = tmp_path_factory.mktemp("gevent") / "server.log"
    options = ServeOptions(Target(application="calling_app:app"), port=free_port())
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "decant.serving.boot", "gevent", options.to_json()],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
            stdout=output,
            stderr=output,
            process_group=0,
        )
    service = Service(process, options.port, log)
    yield service.ready()
    service.end()


def test_a_gevent_worker_calls_through_the_standard_library(worker: Service) -> None:
    assert worker.get("/fast") == (200, {"transport": "http.client"})


def test_the_native_client_is_refused_there(worker: Service) -> None:
    status, told = worker.get("/named/pyreqwest")
    assert (status, told["error"]) == (500, "SetupError")
    assert "stops every request of a gevent worker" in told["detail"]


def test_calls_wait_beside_each_other_and_beside_everything_else(worker: Service) -> None:
    together, released = threading.Barrier(AT_ONCE + 1, timeout=30), threading.Event()

    def waits_for_all(peer: Peer) -> None:
        while peer.take():
            together.wait()
            released.wait(30)
            peer.say(toy.OK)

    with toy_server(waits_for_all) as server, ThreadPoolExecutor(AT_ONCE) as pool:
        calls = [pool.submit(worker.get, f"/call?url={quote(server.url)}", 30) for _ in range(AT_ONCE)]
        together.wait()  # all of them are with the other service at the same time
        assert worker.get("/fast")[0] == 200
        released.set()
        assert [call.result(30)[0] for call in calls] == [200] * AT_ONCE
        assert server.executed == AT_ONCE
