"""What a server says and sets when it starts, and what it refuses."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest

from tests.integration.serving.harness import Service, alive, children, wait_until

pytestmark = pytest.mark.serving
SERVERS = ["granian", "gunicorn", "gevent"]
Serve = Callable[..., Service]


@pytest.mark.parametrize("server", SERVERS)
def test_a_port_in_use_is_named_with_its_holder(serve: Serve, server: str) -> None:
    first = serve("granian").ready()
    second = serve(server, port=first.port)
    assert second.exit_code() == 6
    assert f"Port {first.port} on 127.0.0.1 is in use by pid" in second.output
    assert any(f"pid {pid} " in second.output for pid in [first.pid, *children(first.pid)])


def test_two_starts_at_the_same_moment_do_not_share_a_port(serve: Serve) -> None:
    first = serve("granian")
    second = serve("granian", port=first.port)
    ended = wait_until(lambda: [one for one in (first, second) if one.process.poll() is not None], "one gives up")
    assert [one.process.returncode for one in ended] == [6]


@pytest.mark.parametrize("server", SERVERS)
def test_an_application_that_cannot_be_built_ends_the_server_with_its_error(serve: Serve, server: str) -> None:
    service = serve(server, environ={"SERVED_APP_BROKEN": "1"})
    assert service.exit_code() == 3
    assert service.output.count("RuntimeError: the application is broken on purpose") == 1


def test_the_environment_of_a_served_application_is_made_for_serving(serve: Serve) -> None:
    from decant.serving.boot import environ_of
    from decant.serving.target import Target

    made = environ_of(Target(service="shop"), {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    service = serve("granian", environ=made).ready()
    seen = service.get("/environ")[1]
    assert seen["MALLOC_TRIM_THRESHOLD_"] == "536870912"
    assert seen["DECANT_SERVICE"] == "shop"
    assert "PYTHONDONTWRITEBYTECODE" not in made


def test_readiness_goes_false_before_the_port_closes(serve: Serve) -> None:
    service = serve("granian", drain_s=1.5).ready()
    stream = service.stream()
    stream.read_until(b"data: 0\n")
    start = time.monotonic()
    service.terminate()
    wait_until(lambda: service.get("/health/ready")[0] == 503, "not ready, and still answering", 1.0)
    stream.read_to_end()
    assert stream.ended
    assert service.get("/fast")[0] == 200
    assert service.exit_code() == 0
    assert time.monotonic() - start >= 1.5


@pytest.mark.parametrize("server", ["gunicorn", "gevent"])
def test_a_server_that_cannot_delay_its_end_says_so(serve: Serve, server: str) -> None:
    service = serve(server, drain_s=1.0)
    assert service.exit_code() == 3
    assert f"The {server} server closes its port as soon as it stops" in service.output


def test_a_second_signal_ends_the_server_at_once(serve: Serve) -> None:
    service = serve("granian", grace_s=30).ready()
    threading.Thread(target=lambda: _ignore(service), daemon=True).start()
    wait_until(lambda: service.get("/fast")[0] == 200, "answers beside the slow request")
    workers = children(service.pid)
    service.terminate()
    wait_until(lambda: service.process.poll() is None and _refused(service), "it stops taking connections")
    service.terminate()
    assert service.exit_code(2.0) == 128 + 15
    wait_until(lambda: not any(alive(pid) for pid in workers), "no worker is left", 3.0)


def _ignore(service: Service) -> None:
    try:
        service.get("/slow?seconds=20", timeout_s=25)
    except OSError:
        return


def _refused(service: Service) -> bool:
    try:
        service.get("/fast", timeout_s=1)
    except OSError:
        return True
    return False
