"""A server that misbehaves on purpose, on plain sockets, and counts what it has read and executed."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_RESET = struct.pack("ii", 1, 0)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def answer(body: bytes = b"{}", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return a whole answer."""
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


OK = answer(b"{}", b"Content-Type: application/json")


class Peer:
    """One connection, seen by the server.

    Attributes:
        number: 0 for the first connection that the server took.
    """

    def __init__(self, server: ToyServer, connection: socket.socket, number: int) -> None:
        self.server = server
        self.number = number
        self._socket = connection

    def take(self) -> bytes | None:
        """Read one request to its end and count it as executed; None when the client has gone."""
        raw = b""
        while b"\r\n\r\n" not in raw:
            chunk = self._socket.recv(65536)
            if not chunk:
                return None
            raw += chunk
        head, _, body = raw.partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        missing = int(found.group(1)) - len(body) if found else 0
        parts = [raw]
        while missing > 0:
            chunk = self._socket.recv(1024 * 1024)
            if not chunk:
                return None
            parts.append(chunk)
            missing -= len(chunk)
        self.server.count()
        return b"".join(parts)

    def say(self, raw: bytes) -> None:
        self._socket.sendall(raw)

    def drip(self, raw: bytes, every_s: float) -> None:
        """Say it byte by byte, until the client has gone."""
        for byte in raw:
            self.say(bytes([byte]))
            self.server.stopping.wait(every_s)

    def wait_for_more(self) -> None:
        """Wait until the next request begins to arrive, and read nothing of it."""
        select.select([self._socket], [], [])

    def wait_for_the_end(self) -> None:
        self.server.stopping.wait(30)

    def reset(self) -> None:
        """End the connection with a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close()

    def close(self) -> None:
        self._socket.close()


Behaviour = Callable[[Peer], None]


class ToyServer:
    """Treats each connection as told, in a thread of its own.

    Attributes:
        url: Its address.
        executed: How many whole requests it has read.
        connections: How many connections it took.
        ended: How many of those are over.
    """

    def __init__(self, behave: Behaviour) -> None:
        self.executed = self.connections = self.ended = 0
        self.stopping = threading.Event()
        self._behave = behave
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def count(self) -> None:
        with self._lock:
            self.executed += 1

    def stop(self) -> None:
        self.stopping.set()
        for one in (self._socket, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._thread.join(10)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            peer = Peer(self, connection, self.connections)
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._treat, args=(peer,), daemon=True).start()

    def _treat(self, peer: Peer) -> None:
        with contextlib.suppress(OSError, ValueError):  # the client, or the test, has gone
            self._behave(peer)
        peer.close()
        with self._lock:
            self.ended += 1


@contextmanager
def toy_server(behave: Behaviour) -> Iterator[ToyServer]:
    """Run a server that behaves as told."""
    server = ToyServer(behave)
    try:
        yield server
    finally:
        server.stop()


def answers(peer: Peer) -> None:
    """Answer every request of the connection."""
    while peer.take() is not None:
        peer.say(OK)


def answers_with(raw: bytes) -> Behaviour:
    """Give every request the same answer, and close."""

    def behave(peer: Peer) -> None:
        if peer.take() is not None:
            peer.say(raw)

    return behave


def resets_before_reading(peer: Peer) -> None:
    peer.wait_for_more()
    peer.reset()


def closes_before_reading(peer: Peer) -> None:
    peer.wait_for_more()
    peer.close()


def closes_after_reading(peer: Peer) -> None:
    peer.take()


def resets_after_reading(peer: Peer) -> None:
    peer.take()
    peer.reset()


def says_half_a_head(peer: Peer) -> None:
    peer.take()
    peer.say(OK[:20])


def says_half_a_body(peer: Peer) -> None:
    peer.take()
    peer.say(OK[:-1])


def says_half_a_chunk(peer: Peer) -> None:
    peer.take()
    peer.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}")


def resets_in_the_body(peer: Peer) -> None:
    peer.take()
    peer.say(OK[:-1])
    peer.server.stopping.wait(0.05)  # a reset takes back what the client has not read yet
    peer.reset()


def hangs(peer: Peer) -> None:
    peer.take()
    peer.wait_for_the_end()


def hangs_in_the_body(peer: Peer) -> None:
    peer.take()
    peer.say(OK[:-1])
    peer.wait_for_the_end()


def drips_its_head(peer: Peer) -> None:
    peer.take()
    peer.drip(OK, 0.05)


def drips_its_body(peer: Peer) -> None:
    peer.take()
    peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    peer.drip(b"x" * 1000, 0.05)
