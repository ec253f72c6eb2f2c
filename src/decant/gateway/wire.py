"""Heads of requests and answers as bytes, written anew from their parts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from email.utils import formatdate

from decant.gateway.framing import CHUNKED, RequestHead
from decant.gateway.headers import AnswerField, answer_fields, passing_fields
from decant.gateway.problems import status_phrase

BODILESS = frozenset({204, 304})
_status_lines: dict[int, bytes] = {}
_dated: tuple[int, bytes] = (0, b"")


def request_head(head: RequestHead, path: bytes, ours: Iterable[bytes], *, length: int, expects: bool) -> bytes:
    """Return the head of the request that is sent on.

    Args:
        head: The client's.
        path: The canonical path and the query.
        ours: Complete lines of the gateway's own headers.
        length: Bytes of the body, or :data:`CHUNKED`.
        expects: Whether the client waits for a ``100 Continue``.
    """
    lines = [b"%b %b HTTP/1.1\r\nhost: %b\r\n" % (head.method.encode(), path, head.host or b"localhost")]
    lines += [b"%b: %b\r\n" % field for field in passing_fields(head.fields)]
    lines += ours
    if length == CHUNKED:
        lines.append(b"transfer-encoding: chunked\r\n")
    elif length or head.method in ("POST", "PUT", "PATCH"):
        lines.append(b"content-length: %d\r\n" % length)
    if expects:
        lines.append(b"expect: 100-continue\r\n")
    lines.append(b"\r\n")
    return b"".join(lines)


def status_line(status: int) -> bytes:
    """Return the first line of an answer."""
    line = _status_lines.get(status)
    if line is None:
        line = _status_lines[status] = f"HTTP/1.1 {status} {status_phrase(status)}\r\n".encode()
    return line


def interim_head(status: int, fields: Sequence[AnswerField]) -> bytes:
    """Return an answer of the kind 1xx."""
    passing = answer_fields(fields)
    lines = [b"%b: %b\r\n" % (name, value) for low, name, value in passing if low != b"content-length"]
    return b"".join((status_line(status), *lines, b"\r\n"))


class AnswerHead:
    """The head of a service's answer, as it goes to the client.

    Attributes:
        length: Bytes of the body that it says; None where it does not.
        chunked: Whether the body goes out in chunks.
        data: Its bytes.
        close: Whether the connection ends with it.
    """

    __slots__ = ("chunked", "close", "data", "length")

    def __init__(
        self, status: int, fields: Sequence[AnswerField], request: RequestHead, request_id: bytes, close: bool
    ) -> None:
        self.length: int | None = None
        lines = [status_line(status)]
        named = False
        for low, name, value in answer_fields(fields):
            if low == b"content-length":
                if self.length is not None or status == 204:
                    continue
                self.length = int(value)
            elif low == b"x-request-id":
                named = True
            lines.append(b"%b: %b\r\n" % (name, value))
        if not named:
            lines.append(b"X-Request-ID: %b\r\n" % request_id)
        bodiless = status in BODILESS or request.method == "HEAD"
        self.chunked = self.length is None and not bodiless and request.minor == 1
        self.close = close or (self.length is None and not bodiless and request.minor == 0)
        if self.chunked:
            lines.append(b"Transfer-Encoding: chunked\r\n")
        lines.append(connection_line(request, self.close))
        lines.append(b"\r\n")
        self.data = b"".join(lines)


def connection_line(request: RequestHead, close: bool) -> bytes:
    """Return what is said about the connection's further use; nothing where it is a matter of course."""
    if close:
        return b"Connection: close\r\n"
    return b"" if request.minor else b"Connection: keep-alive\r\n"


def own_answer(
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    *,
    request: RequestHead,
    request_id: bytes,
    close: bool,
) -> bytes:
    """Return an answer that the gateway gives by itself."""
    lines = [status_line(status)]
    for name, value in headers:
        if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "x-request-id"):
            lines.append(f"{name}: {value}\r\n".encode("latin-1", "replace"))
    lines.append(b"Date: %b\r\nX-Request-ID: %b\r\n" % (_date(), request_id))
    if status not in BODILESS:
        lines.append(b"Content-Length: %d\r\n" % len(body))
    lines += (connection_line(request, close), b"\r\n")
    if status not in BODILESS and request.method != "HEAD":
        lines.append(body)
    return b"".join(lines)


def _date() -> bytes:
    global _dated
    now = int(time.time())
    if _dated[0] != now:
        _dated = (now, formatdate(now, usegmt=True).encode())
    return _dated[1]
