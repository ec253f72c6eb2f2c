"""Real servers on a socket that somebody else holds: one leaves, the next one has it, and no connection is lost."""

from __future__ import annotations

import http.client
import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from decant.serving.process import launch
from decant.serving.sockets import address_of, leave, listening_socket
from tests.integration.serving.harness import Service, wait_until

pytestmark = pytest.mark.serving
HERE = Path(__file__).parent
Start = Callable[..., Service]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listening_socket("127.0.0.1", 0) as made:
        yield made


@pytest.fixture
def start(listener: socket.socket, tmp_path: Path) -> Iterator[Start]:
    """Start ``decant serve`` on the socket."""
    started: list[Service] = []

    def begin(*arguments: str) -> Service:
        log = tmp_path / f"server-{len(started)}.log"
        argv = [str(Path(sys.executable).with_name("decant")), "serve", "served_app:app", "--grace", "8", *arguments]
        with log.open("wb") as output:
            process = launch(argv, {**environ(), "PYTHONPATH": str(HERE)}, listener=listener, output=output)
        service = Service(process, address_of(listener)[1], log)
        started.append(service)
        return service

    yield begin
    for service in started:
        service.end()


def environ() -> dict[str, str]:
    import os

    return dict(os.environ)


def parent_of_answer(connection: http.client.HTTPConnection) -> tuple[int, str | None]:
    """Ask on a connection; return whose worker answered, and what it says about the connection."""
    connection.request("GET", "/fast")
    answer = connection.getresponse()
    return int(json.loads(answer.read())["parent"]), answer.getheader("Connection")


@pytest.mark.parametrize("server", ["granian", "gunicorn", "gevent"])
def test_a_connection_that_waits_is_answered_by_whoever_comes_next(
    start: Start, listener: socket.socket, server: str
) -> None:
    with closing(http.client.HTTPConnection(*address_of(listener), timeout=40)) as early:
        early.connect()  # nobody serves yet
        service = start("--server", server)
        assert parent_of_answer(early)[0] == service.pid
    service.terminate()
    assert service.exit_code() == 0
    with closing(http.client.HTTPConnection(*address_of(listener), timeout=40)) as late:
        late.connect()
        following = start("--server", server)
        assert parent_of_answer(late)[0] == following.pid


def test_a_server_that_leaves_ends_its_connections_and_takes_no_other(start: Start, listener: socket.socket) -> None:
    old = start().ready()
    with closing(http.client.HTTPConnection(*address_of(listener), timeout=40)) as kept:
        assert parent_of_answer(kept) == (old.pid, None)
        stream = old.stream()
        leave(old.pid)
        stream.read_to_end()  # it has heard
        with closing(http.client.HTTPConnection(*address_of(listener), timeout=40)) as waits:
            waits.connect()
            assert parent_of_answer(kept) == (old.pid, "close")
            new = start()
            assert parent_of_answer(waits)[0] == new.pid
    old.terminate()
    assert old.exit_code() == 0


def test_a_worker_that_was_killed_is_replaced_on_the_same_socket(start: Start) -> None:
    import os
    import signal

    service = start().ready()
    first = service.get("/fast")[1]["pid"]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: service.get("/fast")[1]["pid"] != first, "another worker answers")


def test_granian_takes_a_socket_as_we_hand_it_over() -> None:
    """Its private names, which a new version may change: then ``_serve_socket`` has to change too."""
    from granian import Granian
    from granian._granian import SocketHolder
    from granian.server.common import AbstractServer

    assert callable(AbstractServer._init_shared_socket)
    assert callable(Granian._drop_shared_socket)
    server = Granian("any")
    assert (server._ssp, server._shd, server._sfd) == (None, None, None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        duplicate = listener.dup().detach()  # the holder closes it
        assert SocketHolder(duplicate, False, 128).get_fd() == duplicate  # type: ignore[call-arg]
