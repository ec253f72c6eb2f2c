"""A request that is answered before its body was read harms nothing that follows it."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from http.client import HTTPResponse

import pytest

from tests.integration.serving.harness import Service

pytestmark = pytest.mark.serving
ANSWERS_EARLY_S = 0.05


def status(connection: socket.socket, method: str) -> int:
    answer = HTTPResponse(connection, method=method)
    answer.begin()
    answer.read()
    return answer.status


@pytest.mark.parametrize("server", ["granian", "gunicorn", "gevent"])
def test_a_connection_outlives_an_answer_that_left_the_body_unread(serve: Callable[..., Service], server: str) -> None:
    service = serve(server, threads=4).ready()
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        for _ in range(5):
            connection.sendall(b"POST /fast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n")
            select.select([connection], [], [], ANSWERS_EARLY_S)
            connection.sendall(b"text")
            assert status(connection, "POST") == 405
            connection.sendall(b"GET /fast HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert status(connection, "GET") == 200
