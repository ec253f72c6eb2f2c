"""One connection of a client: requests in, answers out, in the same order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from decant.gateway.edge import Edge
from decant.gateway.exchange import Exchange
from decant.gateway.framing import RequestHead, RequestReader
from decant.gateway.problems import Refused

_AHEAD, _BODY = 1, 2
_JOINED_BYTES = 16_384


class ClientConnection(asyncio.Protocol):
    """One connection of a client.

    Args:
        edge: What all connections share.
        on_come: Called when it is open.
        on_gone: Called when it is closed.
    """

    def __init__(
        self,
        edge: Edge,
        on_come: Callable[[ClientConnection], None],
        on_gone: Callable[[ClientConnection], None],
    ) -> None:
        self._edge = edge
        self._on_come = on_come
        self._on_gone = on_gone
        self._reader = RequestReader(self, edge.limits)
        self._exchange: Exchange | None = None
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._peer = ""
        self._held = 0  # why it is not read: bits
        self._ending = False
        self._deadline = 0.0
        self._waiting = False  # for the first byte of a request
        self._buffered = 0
        self._stalled_since = 0.0
        self.slow = False

    # -- the transport --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else "127.0.0.1"
        self._wait_for_request()
        self._on_come(self)

    def data_received(self, data: bytes) -> None:
        if self._ending:
            return
        reader = self._reader
        try:
            reader.feed(data)
        except Refused as refused:
            self._refuse(refused)
            return
        if self._exchange is None and not reader.holding:
            self._note_begin()
        elif reader.pending > self._edge.limits.pipelined_bytes:
            self._hold(_AHEAD, True)

    def eof_received(self) -> bool:
        """Take a half-closed connection for a closed one: a client that has gone looks the same."""
        self._transport.abort()
        return False

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - asyncio's own signature
        self._reader.stop()
        self._on_gone(self)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.hang_up()

    def pause_writing(self) -> None:
        self.slow = True
        self._buffered = self._transport.get_write_buffer_size()
        self._stalled_since = self._edge.now
        if self._exchange is not None:
            self._exchange.client_slow(True)

    def resume_writing(self) -> None:
        self.slow = False
        if self._exchange is not None:
            self._exchange.client_slow(False)
        elif not self._ending:
            self._next()

    # -- the reader --

    def on_head(self, head: RequestHead) -> None:
        self._exchange = Exchange(self._edge, self, head, self._peer)
        self._exchange.begin()

    def on_body(self, data: bytes) -> None:
        if self._exchange is not None:
            self._exchange.on_body(data)

    def on_end(self) -> None:
        if self._exchange is not None:
            self._exchange.on_end()

    # -- the exchange --

    def write(self, parts: list[bytes]) -> None:
        if len(parts) == 1:
            self._transport.write(parts[0])
        elif sum(map(len, parts)) <= _JOINED_BYTES:
            self._transport.write(b"".join(parts))
        else:
            self._transport.writelines(parts)

    def hold(self, held: bool) -> None:
        self._hold(_BODY, held)

    def over(self, *, close: bool) -> None:
        self._exchange = None
        if close or self._edge.state.draining:
            self._end(unread=not self._reader.holding or self._reader.pending > 0)
            return
        self._wait_for_request()
        self._hold(_BODY, False)
        if not self.slow:  # else when it has read what it has coming, which must not pile up
            self._next()

    def _next(self) -> None:
        try:
            self._reader.next()
        except Refused as refused:
            self._refuse(refused)
            return
        if self._exchange is None and not self._reader.holding:
            self._note_begin()
        if self._held & _AHEAD and self._reader.pending <= self._edge.limits.pipelined_bytes:
            self._hold(_AHEAD, False)

    def cut(self, *, hard: bool) -> None:
        self._exchange = None
        self._ending = True
        self._reader.stop()
        if hard:
            self._transport.abort()
        else:
            self._linger()
            self._transport.close()

    # -- ends --

    def _refuse(self, refused: Refused) -> None:
        exchange = self._exchange
        if exchange is None:
            head = RequestHead()
            exchange = self._exchange = Exchange(self._edge, self, head, self._peer)
        exchange.refuse(refused)
        if self._exchange is exchange:  # its answer was complete before its body turned out to be wrong
            self._exchange = None
            exchange.hang_up()
            self._end(unread=True)

    def _end(self, *, unread: bool = False) -> None:
        """Close; where the client still sends, after it could read the answer, which a reset would take from it."""
        self._ending = True
        self._reader.stop()
        self._held = 0
        self._linger()
        if self._transport.is_closing():
            return
        if unread and self._transport.can_write_eof():
            self._transport.resume_reading()
            self._transport.write_eof()
        else:
            self._transport.close()

    def _linger(self) -> None:
        self._deadline = self._edge.now + self._edge.limits.linger_s
        if not self.slow:
            self._stalled_since = self._edge.now

    def _wait_for_request(self) -> None:
        self._deadline = self._edge.now + self._edge.limits.idle_timeout_s
        self._waiting = True

    def _note_begin(self) -> None:
        if self._waiting and not self._reader.between:
            self._waiting = False
            self._deadline = self._edge.now + self._edge.limits.header_timeout_s

    def drain(self) -> None:
        """Close when nothing is asked; otherwise the running answer is the last one."""
        if self._exchange is None and not self._ending:
            self._end()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def check(self, now: float) -> None:
        """End what takes too long."""
        if self.slow and self._is_stuck(now):
            self._transport.abort()
        elif self._exchange is not None:
            self._exchange.check(now)
        elif not self.slow and now > self._deadline:
            self._expire(now)

    def _is_stuck(self, now: float) -> bool:
        buffered = self._transport.get_write_buffer_size()
        if buffered < self._buffered:
            self._stalled_since = now
        self._buffered = buffered
        return now - self._stalled_since > self._edge.limits.write_timeout_s

    def _expire(self, now: float) -> None:
        if self._ending:
            if self._transport.get_write_buffer_size() and not self._is_stuck(now):
                return
            self._transport.abort()
        elif self._reader.between:
            self._end()
        else:
            self._refuse(Refused(408, "The head of the request did not come in time.", closes=True))

    def _hold(self, why: int, held: bool) -> None:
        before = self._held
        self._held = before | why if held else before & ~why
        if bool(before) == bool(self._held) or self._transport.is_closing():
            return
        if self._held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
