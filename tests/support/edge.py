"""A gateway on a socket of this process, in front of servers that record what reaches them."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvloop

from decant.gateway.base import Address, Answer, Forward, Head, State, Upstream
from decant.gateway.books import Books
from decant.gateway.edge import Edge
from decant.gateway.limits import Limits, PoolLimits
from decant.gateway.server import Gateway
from tests.support.waiting import wait_until

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Request:
    """What reached a service."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def values(self, name: str) -> list[str]:
        return [value for found, value in self.headers if found == name]


class Service:
    """Records requests and answers them as it is told.

    Attributes:
        requests: Complete requests, in the order received.
        heads: Requests whose head was there.
        connections: How many were opened.
        closed: How many were closed by the other side, or cut off.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.heads: list[Request] = []
        self.connections = self.closed = 0
        self.reply: bytes = OK
        self.talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter, Request], Awaitable[None]] | None = None
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.closed += 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head[:-4].split("\r\n")
        request = Request(line, [tuple(one.split(": ", 1)) for one in lines])  # type: ignore[misc]
        self.heads.append(request)
        if self.talk is not None:
            await self.talk(reader, writer, request)
            return False
        request.body = await read_body(reader, request)
        self.requests.append(request)
        writer.write(self.reply)
        await writer.drain()
        return True


async def read_body(reader: asyncio.StreamReader, request: Request) -> bytes:
    """Return a request's body, whichever way it is framed."""
    if request.values("transfer-encoding"):
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        return body
    return await reader.readexactly(int((request.values("content-length") or ["0"])[0]))


@dataclass
class Paths:
    """Sends everything to one service; some paths are answered here."""

    upstream: Upstream
    timeout_s: float = 5.0
    body_limit: int = 1 << 20
    heads: list[Head] = field(default_factory=list)

    def route(self, head: Head) -> Forward | Answer | Awaitable[Answer]:
        self.heads.append(head)
        if head.path == "/own":
            return Answer(200, (("Content-Type", "text/plain"),), b"own", "/own")
        if head.path == "/later":
            return self._later()
        if head.path == "/broken":
            raise RuntimeError("a mistake in the routes")
        return Forward(self.upstream, self.timeout_s, self.body_limit, "/all")

    async def _later(self) -> Answer:
        await asyncio.sleep(0)
        return Answer(200, (("Content-Type", "text/plain"),), b"later", "/later")


class Looping:
    """An event loop in a thread."""

    def __init__(self, new_loop: Callable[[], Any] = uvloop.new_event_loop) -> None:
        self.loop: asyncio.AbstractEventLoop = new_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, work: Awaitable[Any], within_s: float = 20) -> Any:
        async def wrapped() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(wrapped(), self.loop).result(within_s)

    def close(self) -> None:
        async def cancel() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self.do(cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


@dataclass
class Front:
    """A running gateway and the service behind it."""

    port: int
    gateway: Gateway
    paths: Paths
    service: Service
    looping: Looping

    def ask(self, data: bytes, *, within_s: float = 20, until_closed: bool = False) -> bytes:
        """Send bytes on a connection of their own, and return the answer."""
        with self.connect(within_s) as one:
            one.sendall(data)
            return read_all(one) if until_closed else read_answer(one)

    def connect(self, within_s: float = 20) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), within_s)

    def is_idle(self) -> bool:
        """Whether no connection of a client is open."""
        return not self.gateway.connections


@contextmanager
def edge_running(
    limits: Limits | None = None,
    pool: PoolLimits | None = None,
    *,
    addresses: tuple[Address, ...] = (),
    timeout_s: float = 5.0,
    body_limit: int = 1 << 20,
    new_loop: Callable[[], Any] = uvloop.new_event_loop,
) -> Iterator[Front]:
    """Run a gateway in front of a recording service."""
    looping, service = Looping(new_loop), Service()
    server = looping.do(asyncio.start_server(service.serve, "127.0.0.1", 0, limit=1 << 22))
    service.port = server.sockets[0].getsockname()[1]
    listener = socket.create_server(("127.0.0.1", 0))
    upstream = Upstream("shop", addresses or (Address("127.0.0.1", service.port),), pool)
    paths = Paths(upstream, timeout_s, body_limit)
    edge = Edge(paths, looping.loop.time(), limits or Limits(), State(), Books(access=False))
    gateway = Gateway(edge)
    looping.do(gateway.start(listener))
    try:
        yield Front(listener.getsockname()[1], gateway, paths, service, looping)
    finally:
        looping.do(gateway.stop(0.05))
        looping.loop.call_soon_threadsafe(server.close)
        looping.close()
        listener.close()


def read_all(one: socket.socket) -> bytes:
    """Return all that comes until the other side closes; a reset counts as that."""
    found = b""
    try:
        while part := one.recv(65_536):
            found += part
    except ConnectionResetError:
        pass
    return found


def read_answer(one: socket.socket, *, head_only: bool = False) -> bytes:
    """Return one answer; what follows it stays in the socket."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = one.recv(1)
        if not byte:
            return head
        head += byte
    lowered = head.lower()
    if head_only or b" 204 " in head[:20] or b" 304 " in head[:20] or head.startswith(b"HTTP/1.1 1"):
        return head
    if b"transfer-encoding: chunked" in lowered:
        while size := int(_line(one), 16):
            head += _exactly(one, size)
            _exactly(one, 2)
        _exactly(one, 2)
        return head
    if b"content-length:" in lowered:
        return head + _exactly(one, int(lowered.split(b"content-length:")[1].split(b"\r\n")[0]))
    return head + read_all(one)


def _line(one: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\r\n"):
        byte = one.recv(1)
        if not byte:
            raise ConnectionError("closed in a chunk's size")
        line += byte
    return line


def _exactly(one: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        part = one.recv(min(1 << 20, count - len(found)))
        if not part:
            raise ConnectionError(f"closed after {len(found)} of {count} bytes")
        found += part
    return bytes(found)


def status_of(answer: bytes) -> int:
    """Return an answer's status, 0 for none."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def count_requests(front: Front, count: int) -> None:
    """Wait until a service has got so many requests."""
    wait_until(lambda: len(front.service.requests) >= count, what=f"{count} requests at the service")
