"""Requests byte for byte, as no client library would send them."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATIENCE_S = 8.0
UNIQUE = ("trace_id", "request_id")


@dataclass(frozen=True, slots=True)
class Raw:
    """One request.

    Attributes:
        method: As on the wire.
        path: As on the wire.
        headers: In their order; values are bytes.
        body: What follows them.
        chunked: Send it in chunks of 64 KiB instead of with a length.
        host: The Host header; None leaves it out.
    """

    method: str = "GET"
    path: str = "/"
    headers: tuple[tuple[str, bytes], ...] = ()
    body: bytes = b""
    chunked: bool = False
    host: bytes | None = b"localhost"

    def wire(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1".encode("latin-1")]
        if self.host is not None:
            lines.append(b"Host: " + self.host)
        if self.chunked:
            lines.append(b"Transfer-Encoding: chunked")
        elif self.body:
            lines.append(b"Content-Length: %d" % len(self.body))
        lines += [name.encode() + b": " + value for name, value in self.headers]
        return b"\r\n".join([*lines, b"Connection: close", b"", self._sent()])

    def _sent(self) -> bytes:
        if not self.chunked:
            return self.body
        parts = [self.body[start : start + 65536] for start in range(0, len(self.body), 65536)]
        return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        raw: Every byte.
        status: The status code; 0 when the connection was closed without an answer.
        headers: Names in lower case.
        body: The body.
    """

    raw: bytes
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0]

    def problem(self) -> dict[str, Any]:
        """Return the problem document without what differs from request to request."""
        document: dict[str, Any] = json.loads(self.body)
        return {name: value for name, value in document.items() if name not in UNIQUE}


def send(url: str, request: Raw) -> Answer:
    """Send a request and read to the end of the connection.

    Raises:
        TimeoutError: When the server neither answers nor closes.
    """
    parts = urlsplit(url)
    raw = b""
    with socket.create_connection((parts.hostname, parts.port), PATIENCE_S) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has read everything
            connection.sendall(request.wire())
        with suppress(ConnectionResetError):
            while chunk := connection.recv(65536):
                raw += chunk
    return parse(raw)


def parse(raw: bytes) -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ", 2)[1]) if lines[0].startswith("HTTP/") else 0
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return Answer(raw, status, headers, body)
