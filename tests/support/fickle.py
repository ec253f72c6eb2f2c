"""An HTTP server on sockets that can be told how to behave, stopped and brought back; counts what it has read."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

RESET = struct.pack("ii", 1, 0)


def answer(status: int, body: bytes = b"{}", content_type: str = "application/json", extra: str = "") -> bytes:
    """Return an answer as it is written to the connection."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


OK = answer(200, b"1")
BARE_503 = answer(503, b"nobody home", "text/plain")
OVERLOADED = answer(
    503, b'{"type":"x","status":503,"code":"overloaded"}', "application/problem+json", "Retry-After: 1\r\n"
)
HANG, DROP = b"hang", b"drop"


@dataclass(frozen=True, slots=True)
class Read:
    """A request that was read whole.

    Attributes:
        at: When, in seconds of the monotonic clock.
        path: Its path and query.
        headers: By name in lower case.
    """

    at: float
    path: str
    headers: dict[str, str] = field(default_factory=dict)


Behaviour = Callable[[Read], bytes]
"""Returns the bytes to answer with, :data:`DROP` to close, or :data:`HANG`."""


class Fickle:
    """A server on a port of its own, a thread for each connection.

    Attributes:
        behave: What it does with a request.
        read: The requests so far.
        url: Its address, the same after it was stopped and brought back.
    """

    def __init__(self, behave: Behaviour = lambda read: OK) -> None:
        self.behave = behave
        self.read: list[Read] = []
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._over = threading.Event()
        with socket.create_server(("127.0.0.1", 0)) as chosen:
            self._port: int = chosen.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Answer at the address, again."""
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=512)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Refuse new connections and reset those that are open, as a killed process does."""
        listener, self._listener = self._listener, None
        for one in [*self._open, *([listener] if listener else [])]:
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def close(self) -> None:
        """Stop for good."""
        self._over.set()
        self.stop()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb") as stream:
            while (read := _request(stream)) is not None:
                self.read.append(read)
                written = self.behave(read)
                if written is HANG:
                    self._over.wait(30)
                if written in {HANG, DROP}:
                    break
                connection.sendall(written)
        self._open.discard(connection)


def _request(stream: object) -> Read | None:
    line = stream.readline().decode()  # type: ignore[attr-defined]
    if not line:
        return None
    headers = {}
    while (header := stream.readline().decode().strip()) != "":  # type: ignore[attr-defined]
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    stream.read(int(headers.get("content-length", 0)))  # type: ignore[attr-defined]
    return Read(time.monotonic(), line.split()[1], headers)


@contextmanager
def fickle(behave: Behaviour = lambda read: OK) -> Iterator[Fickle]:
    """Run a server until the end of the block."""
    server = Fickle(behave)
    server.start()
    try:
        yield server
    finally:
        server.close()
