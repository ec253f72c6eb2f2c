"""A server that misbehaves on purpose, and counts the requests that it has read."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

RESET = struct.pack("ii", 1, 0)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

Behaviour = Callable[["ToyServer", socket.socket], None]


class ToyServer:
    """Accepts connections one after the other and treats each as told.

    Attributes:
        url: Its address.
        read: How many whole requests it has read.
    """

    def __init__(self, behave: Behaviour) -> None:
        self.read = 0
        self.stopping = threading.Event()
        self._behave = behave
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self.stopping.is_set():
            with contextlib.suppress(OSError):
                connection, _ = self._socket.accept()
                with connection:
                    self._behave(self, connection)

    def take(self, connection: socket.socket) -> None:
        """Read one request."""
        connection.settimeout(5)
        raw = b""
        while b"\r\n\r\n" not in raw:
            chunk = connection.recv(65536)
            if not chunk:
                return
            raw += chunk
        self.read += 1

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@contextmanager
def toy_server(behave: Behaviour) -> Iterator[ToyServer]:
    """Run a server that behaves as told."""
    server = ToyServer(behave)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def answers(server: ToyServer, connection: socket.socket) -> None:
    server.take(connection)
    connection.sendall(OK)


def resets_before_reading(server: ToyServer, connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def drops_after_reading(server: ToyServer, connection: socket.socket) -> None:
    server.take(connection)


def resets_after_reading(server: ToyServer, connection: socket.socket) -> None:
    server.take(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def answers_half(server: ToyServer, connection: socket.socket) -> None:
    server.take(connection)
    connection.sendall(OK[:-1])


def hangs(server: ToyServer, connection: socket.socket) -> None:
    server.take(connection)
    server.stopping.wait(10)
