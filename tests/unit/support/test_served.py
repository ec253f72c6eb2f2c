"""The server of the tests closes the body of an answer, also of one whose reader has gone."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from flask import Flask, Response

from tests.support.served import serving


class _Body:
    """Ends, without a further write, when its reader has gone."""

    def __init__(self) -> None:
        self.gone = threading.Event()
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        yield b"x"
        assert self.gone.wait(5)

    def close(self) -> None:
        self.closed.set()


def test_the_body_is_closed_when_its_reader_resets_the_connection() -> None:
    body = _Body()
    app = Flask("unread")
    app.add_url_rule("/", "unread", lambda: Response(body, headers={"Content-Length": "1"}))
    with serving(app) as url:
        parts = urlsplit(url)
        reader = socket.create_connection((parts.hostname, parts.port), 5)
        reader.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        seen = b""
        while not seen.endswith(b"\r\n\r\nx"):
            seen += reader.recv(1024)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes with a reset
        reader.close()
        body.gone.set()
        assert body.closed.wait(5)
