"""Listening sockets: made, handed over to a process of their own, and left to the next one."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from decant.errors import CommandError
from decant.serving.process import launch
from decant.serving.sockets import (
    LISTEN_FDS,
    LISTEN_PID,
    address_of,
    is_handed_over,
    leave,
    listening_socket,
    stop_accepting,
    take_over,
)

TAKES = (
    "import os; from decant.serving.sockets import take_over, address_of; "
    "listener = take_over(os.environ); print(os.getpid(), address_of(listener)[1], 'LISTEN_FDS' in os.environ); "
    "listener.setblocking(True); listener.accept()[0].sendall(b'taken')"
)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listening_socket("127.0.0.1", 0) as made:
        yield made


def test_a_process_takes_the_socket_that_it_was_started_with(listener: socket.socket) -> None:
    process = launch([sys.executable, "-c", TAKES], os.environ, listener=listener, output=-1)
    with socket.create_connection(address_of(listener), timeout=20) as client:
        assert client.recv(10) == b"taken"
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.read().split() == [
            str(process.pid).encode(), str(address_of(listener)[1]).encode(), b"False",
        ]  # fmt: skip
    assert process.wait(20) == 0


def test_a_connection_waits_until_somebody_takes_it(listener: socket.socket) -> None:
    with socket.create_connection(address_of(listener), timeout=20) as client:
        process = launch([sys.executable, "-c", TAKES], os.environ, listener=listener, output=-3)
        assert client.recv(10) == b"taken"
        assert process.wait(20) == 0


def test_the_variables_of_another_process_are_not_ours() -> None:
    environ = {LISTEN_FDS: "1", LISTEN_PID: str(os.getpid() + 1)}
    assert not is_handed_over(environ)
    assert take_over(environ) is None
    assert LISTEN_FDS in environ


def test_two_sockets_are_refused() -> None:
    with pytest.raises(CommandError, match="2 sockets were handed over") as caught:
        take_over({LISTEN_FDS: "2", LISTEN_PID: str(os.getpid())})
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("made", ["socket.socketpair()[0]", "socket.socket(socket.AF_INET)"])
def test_a_socket_that_does_not_listen_is_refused(made: str, listener: socket.socket) -> None:
    script = (
        f"import os, socket; from decant.serving.sockets import take_over; made = {made}; os.dup2(made.fileno(), 3)\n"
        "try: take_over(os.environ)\n"
        "except Exception as error: print(error.detail)"
    )
    process = launch([sys.executable, "-c", script], os.environ, listener=listener, output=-1)
    assert process.communicate(timeout=20)[0].decode() == (
        "The socket that was handed over does not listen for TCP connections.\n"
    )


def test_a_port_in_use_is_refused_with_its_holder(listener: socket.socket) -> None:
    port = address_of(listener)[1]
    with pytest.raises(CommandError, match=f"Port {port} on 127.0.0.1 is in use by pid {os.getpid()}") as caught:
        listening_socket("127.0.0.1", port)
    assert caught.value.exit_code == 6


def test_who_stops_accepting_leaves_connections_to_the_others(listener: socket.socket) -> None:
    other = listener.dup()  # under another number, as a server's own code holds it
    kept = os.dup(other.fileno())
    hidden = socket.socket(fileno=os.dup(kept))
    with other, hidden, socket.create_connection(address_of(listener), timeout=20):
        process = launch([sys.executable, "-c", TAKES], os.environ, listener=listener, output=-3)
        address = address_of(listener)
        stop_accepting(other)
        with pytest.raises(BlockingIOError):
            hidden.accept()
        assert process.wait(20) == 0  # it took the connection that waited
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=20)
    os.close(kept)


def test_to_leave_is_said_to_a_process_that_may_have_ended() -> None:
    process = launch([sys.executable, "-c", ""], os.environ)
    process.wait(20)
    leave(process.pid)
