"""``http.client`` of the standard library: the transport for servers that patch it, as gevent does.

The library writes requests and reads answers. It knows neither a deadline nor a pool, so both are here. urllib3 has a
pool, but its time limit is one for each read: an answer that drips outlives it.
"""

from __future__ import annotations

import http.client
import io
import os
import re
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

from decant.errors import DeadlineExceeded, RemoteCallError, Unavailable
from decant.rpc.transports.base import (
    CONNECT_TIMEOUT_S,
    IDLE_CONNECTIONS_PER_HOST,
    IDLE_S,
    MAX_ANSWER_BYTES,
    Answer,
    Capabilities,
    Transport,
    check_headers,
    no_http,
    not_sent,
    too_long,
)

_header_name = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch


class _Origin(NamedTuple):
    secure: bool
    host: str
    port: int


class HttpClientTransport(Transport):
    """HTTP/1.1 on ``http.client``."""

    name: ClassVar[str] = "http.client"
    capabilities: ClassVar[Capabilities] = Capabilities(cooperative=True, survives_fork=True)

    def __init__(self) -> None:
        self._idle: dict[_Origin, deque[_Connection]] = {}
        self._pid = os.getpid()

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, timeout_s: float
    ) -> Answer:
        deadline = time.monotonic() + timeout_s
        check_headers(url, headers)
        if not all(map(_header_name, headers)):
            raise not_sent(url, "the name of a header is none")
        origin, target = _parse(url)
        connection = self._take(origin, deadline) or _connect(origin, deadline, url)
        idle = self._idle
        try:
            answer, reusable = _exchange(connection, origin, target, _Request(method, url, headers, body))
        except BaseException:
            connection.close()
            raise
        if reusable and idle is self._idle:  # or the transport was closed meanwhile
            self._give_back(origin, connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        idle, self._idle = self._idle, {}
        for connections in idle.values():
            while connections:
                connections.pop().close()

    def _take(self, origin: _Origin, deadline: float) -> _Connection | None:
        """Return a connection that is open as far as can be known, or None."""
        if self._pid != os.getpid():  # those are the parent's
            self._idle, self._pid = {}, os.getpid()
        idle = self._idle.get(origin)
        while idle:
            try:
                connection = idle.pop()
            except IndexError:
                return None
            if connection.is_fresh():
                connection.deadline, connection.sent = deadline, False
                return connection
            connection.close()
        return None

    def _give_back(self, origin: _Origin, connection: _Connection) -> None:
        connection.idle_since = time.monotonic()
        idle = self._idle.setdefault(origin, deque())
        idle.append(connection)
        if len(idle) > IDLE_CONNECTIONS_PER_HOST:
            idle.popleft().close()


class _Request(NamedTuple):
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


class _Connection:
    """What ``http.client`` needs of a socket, with every wait ending at the request's deadline.

    Attributes:
        deadline: When the request must be over, by :func:`time.monotonic`.
        sent: Whether the system took any of the request's bytes.
        ended: Whether the server has closed it.
        idle_since: When the last answer was complete.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._socket = sock
        self.deadline = deadline
        self.sent = False
        self.ended = False
        self.idle_since = 0.0

    def is_fresh(self) -> bool:
        """Return whether a request may be sent on it: neither closed by the server nor full of what nobody asked."""
        if time.monotonic() - self.idle_since > IDLE_S:
            return False
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(self._left_s())
            count = self._socket.send(rest)
            self.sent = True
            rest = rest[count:]

    def receive_into(self, buffer: Any) -> int:
        self._socket.settimeout(self._left_s())
        count = self._socket.recv_into(buffer)
        self.ended = not count
        return count

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - http.client asks for "rb"
        return io.BufferedReader(_Reader(self), 64 * 1024)

    def close(self) -> None:
        self._socket.close()

    def _left_s(self) -> float:
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


class _Reader(io.RawIOBase):
    """Reads an answer; closing it leaves the connection open for the next one."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._connection.receive_into(buffer)


def _parse(url: str) -> tuple[_Origin, str]:
    try:
        parts = urlsplit(url)
        secure = {"http": False, "https": True}[parts.scheme]
        port = parts.port or (443 if secure else 80)
    except (KeyError, ValueError) as error:
        raise not_sent(url, "this is no address of the web") from error
    if not parts.hostname:
        raise not_sent(url, "the address names no host")
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return _Origin(secure, parts.hostname, port), target


def _exchange(connection: _Connection, origin: _Origin, target: str, request: _Request) -> tuple[Answer, bool]:
    """Return the answer, and whether the connection can take another request."""
    writer = http.client.HTTPConnection(origin.host, origin.port)
    writer.default_port = 443 if origin.secure else 80  # left out of the header Host
    writer.sock = connection
    try:
        writer.request(request.method, target, request.body, dict(request.headers))
        response = http.client.HTTPResponse(connection, method=request.method)  # type: ignore[arg-type]
        response.begin()
        if connection.ended:  # the library takes a head that breaks off for a whole one
            raise ConnectionResetError("the connection was closed")
        _check_framing(response, request.url)
        answer = Answer(response.status, _headers(response, request.url), _read(response, request.url))
    except TimeoutError as error:
        raise DeadlineExceeded(f"{request.url} did not answer in time.", may_have_run=connection.sent) from error
    except (OSError, http.client.IncompleteRead) as error:
        reason = str(error) or "the connection was closed"
        raise Unavailable(f"{request.url} did not answer: {reason}.", may_have_run=connection.sent) from error
    except (http.client.HTTPException, ValueError) as error:
        say = no_http if connection.sent else not_sent
        raise say(request.url, str(error) or type(error).__name__) from error
    return answer, not response.will_close and response.isclosed()


def _check_framing(response: http.client.HTTPResponse, url: str) -> None:
    """Refuse what the library would guess at: an answer whose end is not certain (RFC 9112, 6.3)."""
    headers = response.headers
    lengths, encoding = set(headers.get_all("content-length", ())), headers.get("transfer-encoding")
    if len(lengths) > 1 or not all(length.isascii() and length.isdecimal() for length in lengths):
        raise no_http(url, "its length is unclear")
    if encoding is not None and encoding.strip().lower() != "chunked":
        raise no_http(url, f"it is encoded as {encoding!r}")
    if headers.defects:
        raise no_http(url, "its headers cannot be read")


def _headers(response: http.client.HTTPResponse, url: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value  # RFC 9110, 5.3
    if not all(value.isascii() for value in headers.values()):
        raise no_http(url, "a header is not ASCII")
    return headers


def _read(response: http.client.HTTPResponse, url: str) -> bytes:
    if response.length is not None and response.length > MAX_ANSWER_BYTES:
        raise too_long(url)
    content = response.read() if response.length is not None else response.read(MAX_ANSWER_BYTES + 1)
    if len(content) > MAX_ANSWER_BYTES:
        raise too_long(url)
    return content


def _connect(origin: _Origin, deadline: float, url: str) -> _Connection:
    ends = min(deadline, time.monotonic() + CONNECT_TIMEOUT_S)
    try:
        return _Connection(_open(origin, ends), deadline)
    except OSError as error:
        raise _not_reached(url, deadline, error) from error


def _not_reached(url: str, deadline: float, error: OSError) -> RemoteCallError:
    if time.monotonic() >= deadline:
        return DeadlineExceeded(f"{url} could not be reached in time.", may_have_run=False)
    reason = error.strerror or str(error) or "no connection in time"
    return Unavailable(f"{url} cannot be reached: {reason}.", may_have_run=False)


def _open(origin: _Origin, ends: float) -> socket.socket:
    """Connect to the first of a host's addresses that answers."""
    last: OSError = TimeoutError()
    for family, kind, protocol, _, address in _look_up(origin, ends):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.001, ends - time.monotonic()))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return _tls().wrap_socket(sock, server_hostname=origin.host) if origin.secure else sock
        except OSError as error:
            sock.close()
            last = error
    raise last


def _look_up(origin: _Origin, ends: float) -> list[Any]:
    """Return a host's addresses; in a thread where the system has to ask, because it takes no time limit."""
    try:
        return socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass
    found: list[list[Any]] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            found.append(socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM))
        except OSError as error:
            failed.append(error)
        except UnicodeError:  # a name that cannot be one
            failed.append(socket.gaierror(socket.EAI_NONAME, "this is no name of a host"))

    thread = threading.Thread(target=ask, name="decant-look-up", daemon=True)
    thread.start()
    thread.join(max(0.0, ends - time.monotonic()))
    if found:
        return found[0]
    raise failed[0] if failed else TimeoutError(f"the address of {origin.host} was not found in time")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
