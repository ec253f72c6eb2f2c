"""The proxy itself: one task for each connection, one exchange after the other."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from decant_tools.faultproxy.decide import Decision, decide
from decant_tools.faultproxy.messages import Answer, Request
from decant_tools.faultproxy.profiles import Profile
from decant_tools.faultproxy.tally import Tally

CHUNK_BYTES = 65_536
REQUEST_BYTES = 1 << 20
"""A request that is larger is passed on unread: it would have to be kept for a repetition."""
CONNECTIONS = 1024
CONNECT_S = 5.0
SILENCE_S = 120.0
"""How long a request that was swallowed is left without an answer; its sender has given up long before."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Over(Exception):
    """This connection is at its end."""


class FaultProxy:
    """Passes HTTP/1.1 on to one service, and does to it what a profile says.

    Args:
        host: The service's host.
        port: Its port.
        profile: What goes wrong.
        seed: The same seed does the same to the same request of the same connection.
    """

    def __init__(self, host: str, port: int, profile: Profile, seed: int = 0) -> None:
        self.tally = Tally()
        self._to = (host, port)
        self._profile = profile
        self._seed = seed
        self._listener: asyncio.Server | None = None
        self._holder: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Begin, and return where."""
        self._holder = holder = _bound(host, port)  # keeps the port while connections are refused
        await self._open()
        address: tuple[str, int] = holder.getsockname()[:2]
        return address

    async def close(self) -> None:
        """Stop listening, and end every connection."""
        self._closed = True
        self._shut()
        for task in (tasks := tuple(self._tasks)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._holder is not None:
            self._holder.close()

    async def _open(self) -> None:
        if self._holder is None or self._closed:
            return
        listening = _bound(*self._holder.getsockname()[:2])
        self._listener = await asyncio.start_server(self._accept, sock=listening, limit=CHUNK_BYTES)

    def _shut(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _refuse_for_a_while(self) -> None:
        if self._listener is None:
            return
        self._shut()
        await asyncio.sleep(self._profile.refuse_ms / 1000)
        await self._open()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= CONNECTIONS:
            _reset(writer)
            return
        self.tally.connections += 1
        self._run(self._serve((reader, writer), self.tally.connections))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, near: Streams, number: int) -> None:
        far: Streams | None = None
        try:
            far = await self._connect()
            await self._exchanges(near, far, number)
        except (_Over, OSError, TimeoutError):
            pass
        finally:
            for _, writer in filter(None, (near, far)):
                writer.close()

    async def _connect(self) -> Streams:
        try:
            return await asyncio.wait_for(asyncio.open_connection(*self._to, limit=CHUNK_BYTES), CONNECT_S)
        except (OSError, TimeoutError):
            self.tally.faults["down"] += 1
            raise

    async def _exchanges(self, near: Streams, far: Streams, connection: int) -> None:
        number, rest = 0, b""
        while True:
            request = await self._request(near, far, rest)
            if request.opaque or not request.complete:
                await self._tunnel(near, far, bytes(request.raw))
                return
            number += 1
            self.tally.requests += 1
            self.tally.repeatable += request.repeatable
            rolled = decide(self._profile, self._seed, connection, number)
            decision = rolled.spared(self._profile, repeatable=request.repeatable)
            self.tally.faults.update(["spared"] if decision != rolled else [])
            await self._delay(decision)
            rest = await self._suffer(near, far, request, decision)

    async def _request(self, near: Streams, far: Streams, rest: bytes) -> Request:
        """Read the next request as a whole, or as much of it as is kept."""
        request, data = Request(), rest or await self._first_bytes(near, far)
        while data:
            request.feed(data)
            if request.complete or request.opaque or len(request.raw) > REQUEST_BYTES:
                return request
            data = await near[0].read(CHUNK_BYTES)
        raise _Over

    async def _first_bytes(self, near: Streams, far: Streams) -> bytes:
        """Wait for a request, and close as soon as the service has closed: nobody is to send into a dead connection."""
        read = asyncio.ensure_future(near[0].read(CHUNK_BYTES))
        hang_up = asyncio.ensure_future(far[0].read(1))
        try:
            await asyncio.wait({read, hang_up}, return_when=asyncio.FIRST_COMPLETED)
            if read.done():
                return read.result()
            await self._close_slowly()
            raise _Over
        finally:
            await _cancelled(read, hang_up)

    async def _delay(self, decision: Decision) -> None:
        if decision.delay_s:
            self.tally.faults["delay"] += 1
            await asyncio.sleep(decision.delay_s)

    async def _suffer(self, near: Streams, far: Streams, request: Request, decision: Decision) -> bytes:
        """Let a request have its fate; return what has arrived of the next one."""
        if decision.fate != "pass":
            self.tally.faults[decision.fate] += 1
        match decision.fate:
            case "blackhole":
                with suppress(TimeoutError):
                    await asyncio.wait_for(near[0].read(), SILENCE_S)
                raise _Over
            case "reset_before":
                _reset(near[1])
                raise _Over
            case "reset_after":
                await self._deliver(request, far)
                _reset(near[1])
                raise _Over
            case "duplicate":
                other = await self._connect()
                try:
                    await self._deliver(request, other)
                finally:
                    other[1].close()
        rest = await self._pass(near, far, request, decision)
        if decision.fate == "refuse":
            self._run(self._refuse_for_a_while())
            raise _Over
        return rest

    async def _deliver(self, request: Request, far: Streams) -> None:
        """Send a request on and throw its answer away."""
        far[1].write(request.raw)
        await far[1].drain()
        answer = Answer(request.method)
        while not answer.complete and (data := await far[0].read(CHUNK_BYTES)):
            answer.feed(data)

    async def _pass(self, near: Streams, far: Streams, request: Request, decision: Decision) -> bytes:
        """Send a request on and its answer back; a sender who hangs up ends both."""
        far[1].write(request.raw)
        await far[1].drain()
        early = asyncio.ensure_future(near[0].read(CHUNK_BYTES))
        answering = asyncio.ensure_future(self._answer(near, far, Answer(request.method), decision))
        try:
            await asyncio.wait({early, answering}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done() and not early.result():
                raise _Over
            await answering
            return early.result() if early.done() else b""
        finally:
            await _cancelled(early, answering)

    async def _answer(self, near: Streams, far: Streams, answer: Answer, decision: Decision) -> None:
        self.tally.faults.update(["drip"] if decision.drip else [])
        while not answer.complete:
            data = await far[0].read(CHUNK_BYTES)
            if not data:
                raise _Over
            answer.feed(data)
            await self._send(near[1], data, drip=decision.drip)
        if answer.last:
            await self._close_slowly()
            raise _Over

    async def _send(self, writer: asyncio.StreamWriter, data: bytes, *, drip: bool) -> None:
        size = self._profile.drip_bytes if drip else len(data)
        for start in range(0, len(data), size):
            writer.write(data[start : start + size])
            await writer.drain()
            if drip:
                await asyncio.sleep(self._profile.drip_pause_ms / 1000)

    async def _close_slowly(self) -> None:
        if self._profile.slow_close_ms:
            self.tally.faults["slow_close"] += 1
            await asyncio.sleep(self._profile.slow_close_ms / 1000)

    async def _tunnel(self, near: Streams, far: Streams, begun: bytes) -> None:
        """Pass everything on, both ways, until one end closes."""
        self.tally.faults["tunnel"] += 1
        far[1].write(begun)
        both = [asyncio.ensure_future(_copy(near[0], far[1])), asyncio.ensure_future(_copy(far[0], near[1]))]
        try:
            await both[1]
        finally:
            await _cancelled(*both)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK_BYTES):
        sink.write(data)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


async def _cancelled(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by a reset, as a process does that died."""
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _bound(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made
