"""Ports: taken once, and named with their holder when they are taken already."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from decant.errors import CommandError
from decant.serving.ports import claim_port, find_holder, free_port


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken


def port_of(taken: socket.socket) -> int:
    return int(taken.getsockname()[1])


def test_a_free_port_can_be_claimed_and_bound() -> None:
    port = free_port()
    with claim_port("127.0.0.1", port), socket.create_server(("127.0.0.1", port)):
        assert find_holder(port) is not None


def test_a_claimed_port_cannot_be_claimed_again_until_it_is_given_back() -> None:
    port = free_port()
    with claim_port("127.0.0.1", port), pytest.raises(CommandError, match=f"Port {port} on 127.0.0.1 is in use"):
        claim_port("127.0.0.1", port)
    claim_port("127.0.0.1", port).close()


def test_the_holder_of_a_port_is_named(listener: socket.socket) -> None:
    port = port_of(listener)
    with pytest.raises(
        CommandError, match=rf"Port {port} on 127.0.0.1 is in use by pid {os.getpid()} \(.*python"
    ) as caught:
        claim_port("127.0.0.1", port)
    assert caught.value.exit_code == 6
    assert f"kill {os.getpid()}" in str(caught.value.hint)


def test_a_port_shared_by_option_is_in_use_too() -> None:
    """Servers that bind with SO_REUSEPORT would start beside each other without a word."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CommandError, match="in use"):
            claim_port("127.0.0.1", port_of(taken))


def test_nobody_holds_a_free_port() -> None:
    assert find_holder(free_port()) is None


def test_an_address_of_another_machine_is_said_so() -> None:
    with pytest.raises(CommandError, match=r"Port 8000 on 192\.0\.2\.1 cannot be used"):
        claim_port("192.0.2.1", 8000)
