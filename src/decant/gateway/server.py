"""The gateway as a server: listens, looks at the clock, and stops in order."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import cast

from decant.gateway.books import connections_open
from decant.gateway.connection import ClientConnection
from decant.gateway.edge import Edge

logger = logging.getLogger("decant.gateway")

TICK_S = 0.1
"""How often timeouts are looked at: one timer for all connections costs less than one for each."""

BACKLOG = 2_048
_FULL_BODY = (
    b'{"type":"about:blank","title":"Service Unavailable","status":503,'
    b'"detail":"There are too many connections.","code":"service-unavailable"}'
)
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
    b"Retry-After: 1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(_FULL_BODY), _FULL_BODY)
)


class Gateway:
    """A running gateway.

    Args:
        edge: What its connections share.
    """

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.connections: set[ClientConnection] = set()
        self._server: asyncio.Server | None = None
        self._ticking: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._cut_off = False

    async def start(self, listener: socket.socket) -> None:
        """Listen, and be ready."""
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        self._server = await loop.create_server(self._accept, sock=listener, backlog=BACKLOG)
        self._ticking = loop.call_later(TICK_S, self._tick)
        self.edge.state.ready = True

    def _accept(self) -> asyncio.Protocol:
        if len(self.connections) >= self.edge.limits.connections:
            return _Full()
        return ClientConnection(self.edge, self._come, self._gone)

    def _come(self, connection: ClientConnection) -> None:
        self.connections.add(connection)
        connections_open.set(len(self.connections))

    def _gone(self, connection: ClientConnection) -> None:
        self.connections.discard(connection)
        connections_open.set(len(self.connections))
        if not self.connections:
            self._empty.set()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._ticking = loop.call_later(TICK_S, self._tick)
        now = self.edge.now = loop.time()
        for connection in tuple(self.connections):
            connection.check(now)
        for upstream in self.edge.upstreams:
            upstream.sweep(now)

    def leave(self) -> None:
        """Take no new connection, and end those that are open with their next answer: another process takes over."""
        self.edge.state.ready = False
        self.edge.state.draining = True
        if self._server is not None:
            self._server.close()

    async def stop(self, grace_s: float) -> bool:
        """Stop: not ready, no new connections, idle ones closed; running requests get their answers.

        Args:
            grace_s: Seconds for them.

        Returns:
            Whether all of them did.
        """
        self.leave()
        for connection in tuple(self.connections):
            connection.drain()
        finished = await self._emptied(grace_s)
        if not finished:
            logger.warning("%d connections were cut off after %g s", len(self.connections), grace_s)
        for connection in tuple(self.connections):
            connection.abort()
        if self._ticking is not None:
            self._ticking.cancel()
        for upstream in self.edge.upstreams:
            upstream.close()
        await asyncio.sleep(0)  # connections that were aborted close in the loop's next turn
        return finished and not self._cut_off

    def cut_off(self) -> None:
        """Close every connection at once, whatever runs; :meth:`stop` says so."""
        self._cut_off = bool(self.connections)
        for connection in tuple(self.connections):
            connection.abort()

    async def _emptied(self, grace_s: float) -> bool:
        self._empty.clear()
        if not self.connections:
            return True
        try:
            async with asyncio.timeout(grace_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True


class _Full(asyncio.Protocol):
    """Tells one client too many, and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        writing = cast("asyncio.WriteTransport", transport)
        writing.write(_FULL)
        writing.close()
