"""What the transport knows about a request that was not answered."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

from decant.errors import DeadlineExceeded, RemoteCallError, Unavailable
from decant.rpc import HttpTransport
from tests.integration.rpc.toy_server import (
    Behaviour,
    answers,
    answers_half,
    drops_after_reading,
    hangs,
    resets_after_reading,
    resets_before_reading,
    toy_server,
)


def send(url: str, timeout_s: float = 5.0) -> object:
    return HttpTransport().send("POST", f"{url}/seats", {"X-Seat": "1"}, b"{}", timeout_s=timeout_s)


def test_an_answer_comes_back_with_status_headers_and_body() -> None:
    with toy_server(answers) as server:
        answer = HttpTransport().send("GET", f"{server.url}/seats", {}, None, timeout_s=5)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == b"{}"


def test_a_refused_connection_was_never_sent() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(Unavailable) as caught:
            send(closed)
    assert not caught.value.may_have_run


@pytest.mark.parametrize("behave", [resets_before_reading, drops_after_reading, resets_after_reading, answers_half])
def test_a_request_that_the_server_may_have_read_may_have_run(behave: Behaviour) -> None:
    with toy_server(behave) as server:
        with pytest.raises(RemoteCallError) as caught:
            send(server.url)
        assert server.read <= 1, "the transport never repeats by itself"
    # A reset that comes while the connection is being made is known to be one before the request.
    assert caught.value.may_have_run or (behave is resets_before_reading and server.read == 0)


def test_a_server_that_hangs_costs_the_deadline_and_no_more() -> None:
    with toy_server(hangs) as server:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded) as caught:
            send(server.url, timeout_s=0.3)
        assert time.monotonic() - started < 2
        assert server.read == 1
    assert caught.value.may_have_run


FROM_THREADS_THAT_END = """
import sys, threading
from decant.rpc import HttpTransport
transport = HttpTransport()
for _ in range(5):
    thread = threading.Thread(target=transport.send, args=("GET", sys.argv[1], {}, None), kwargs={"timeout_s": 5})
    thread.start()
    thread.join()
print("alive")
"""


def test_threads_may_end_after_their_request() -> None:
    with toy_server(answers) as server:
        done = subprocess.run(
            [sys.executable, "-c", FROM_THREADS_THAT_END, server.url],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.stdout == "alive\n", done.stderr
