"""One connection to an instance of a service: sends a request, parses its answer, and is used again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

import httptools

from decant.gateway.headers import AnswerField, Field, lower, lowered

MAX_HEAD_BYTES = 65_536
MAX_INTERIM = 16


class Asker(Protocol):
    """Has asked for something, and gets the answer in parts."""

    @property
    def answers_body(self) -> bool:
        """Whether an answer to it may have a body: not to ``HEAD``."""

    def on_interim(self, status: int, fields: list[AnswerField]) -> None:
        """Take an answer of the kind 1xx; the real one follows."""

    def on_answer(self, status: int, fields: list[AnswerField]) -> None:
        """Take the head of the answer."""

    def on_answer_body(self, data: bytes) -> None:
        """Take a part of its body."""

    def on_answer_flush(self) -> None:
        """Take a breath: what was received at once has been handed over."""

    def on_answer_end(self) -> bool:
        """Note that it is complete; return whether the request was too."""

    def on_broken(self, why: str, *, silent: bool) -> None:
        """Note that no more will come; ``silent``: nothing of an answer had come."""

    def pause_sending(self) -> None:
        """Send nothing for now."""

    def resume_sending(self) -> None:
        """Go on."""


class BackendConnection(asyncio.Protocol):
    """One connection to an instance.

    Args:
        on_free: Called when it can be used again.
        on_gone: Called once when it is closed.
        address: Host and port that it leads to.

    Attributes:
        used: Whether it has answered before: the other side may have closed it in the same moment.
        idle_since: The loop's time when it became idle.
    """

    def __init__(
        self,
        on_free: Callable[[BackendConnection], None],
        on_gone: Callable[[BackendConnection], None],
        address: tuple[str, int] = ("", 0),
    ) -> None:
        self.address = address
        self._on_free = on_free
        self._on_gone = on_gone
        self._parser = httptools.HttpResponseParser(self)
        self._asker: Asker | None = None
        self._raw: list[Field] = []
        self._size = 0
        self._interim = 0
        self._started = False  # the head of the final answer was handed over
        self._heard = False  # any byte of an answer was received
        self._ended = False
        self._keep = False
        self._until_close = False
        self._fault = ""
        self._held = False
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.used = False
        self.idle_since = 0.0

    # -- towards the service --

    def ask(self, asker: Asker, data: bytes) -> None:
        """Send the head of a request, and what is there of its body."""
        self._asker = asker
        self._size = self._interim = 0
        self._started = self._heard = self._ended = self._keep = self._until_close = False
        self.transport.write(data)

    def send(self, data: bytes) -> None:
        """Send more of the body."""
        self.transport.write(data)

    def hold(self, held: bool) -> None:
        """Read no more for now, or go on: who waits for the answer is slow."""
        if held != self._held:
            self._held = held
            if self.transport.is_closing():
                return
            if held:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def abandon(self) -> None:
        """Close at once; the asker wants nothing more."""
        self._asker = None
        self.transport.abort()

    @property
    def usable(self) -> bool:
        """Whether an idle connection can be used."""
        return not self.transport.is_closing()

    # -- the transport --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def pause_writing(self) -> None:
        if self._asker is not None:
            self._asker.pause_sending()

    def resume_writing(self) -> None:
        if self._asker is not None:
            self._asker.resume_sending()

    def data_received(self, data: bytes) -> None:
        asker = self._asker
        if asker is None:  # an answer that nobody asked for
            self.transport.abort()
            return
        self._heard = True
        if not self._started:
            self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fault = "it changed the protocol unasked"
        except httptools.HttpParserError as error:
            self._fault = str(error)
        if not self._started and self._size > MAX_HEAD_BYTES:
            self._fault = self._fault or "its headers are too long"
        if self._asker is not asker:  # it has hung up meanwhile
            return
        if self._fault and not self._ended:
            self._break(self._fault)
            return
        if self._ended:
            self._finish(asker)
        else:
            asker.on_answer_flush()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: BaseException | None) -> None:
        asker, self._asker = self._asker, None
        self._on_gone(self)
        if asker is None:
            return
        if self._started and self._until_close and exc is None:
            asker.on_answer_end()
            asker.on_answer_flush()
        else:
            asker.on_broken("the connection was closed before the answer was complete", silent=not self._heard)

    def _finish(self, asker: Asker) -> None:
        self._asker = None
        complete = asker.on_answer_end()
        if not complete or self._fault or not self._keep or self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            if not asker.answers_body:
                self._parser = httptools.HttpResponseParser(self)  # llhttp waits for a body that does not come
            self.hold(False)
            self.used = True
            self._on_free(self)
        asker.on_answer_flush()  # last: it may ask for the next one, and this connection is free for it

    def _break(self, why: str) -> None:
        asker, self._asker = self._asker, None
        self.transport.abort()
        if asker is not None:
            asker.on_broken(why, silent=False)

    # -- called by llhttp --

    def on_message_begin(self) -> None:
        if self._ended:
            self._fault = "more came than was asked for"
        self._raw = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._started:
            self._raw.append((name, value))

    def on_headers_complete(self) -> None:
        asker, parser = self._asker, self._parser
        if asker is None or self._ended or self._fault:
            return
        status = parser.get_status_code()
        if self._size > MAX_HEAD_BYTES and sum(len(name) + len(value) for name, value in self._raw) > MAX_HEAD_BYTES:
            self._fault = "its headers are too long"
            return
        fields = [(lowered(name) or lower(name), name, value.rstrip(b" \t")) for name, value in self._raw]
        if parser.get_http_version() not in ("1.1", "1.0") or not 100 <= status <= 999:
            self._fault = "its version or status is not HTTP/1.1"
        elif status < 200:
            self._interim += 1
            if status == 101 or self._interim > MAX_INTERIM:
                self._fault = "it changed the protocol, or sent too many interim answers"
            else:
                asker.on_interim(status, fields)
        else:
            self._begin(asker, status, fields, parser.should_keep_alive())

    def _begin(self, asker: Asker, status: int, fields: list[AnswerField], keep: bool) -> None:
        length = encoding = None
        for low, _, value in fields:
            if low == b"content-length":
                length = value
            elif low == b"transfer-encoding":
                encoding = value.lower() if encoding is None else b"several"
        if encoding not in (None, b"chunked"):
            self._fault = "its Transfer-Encoding is not `chunked`"
            return
        bodiless = not asker.answers_body or status in (204, 304)
        self._until_close = not bodiless and length is None and encoding is None
        betrayed = status == 204 and (length not in (None, b"0") or encoding is not None)  # a body may follow it
        self._keep = keep and not self._until_close and not betrayed
        self._started = True
        asker.on_answer(status, fields)
        self._ended = bodiless

    def on_body(self, data: bytes) -> None:
        if not data:
            return
        if self._started and not self._ended and not self._fault and self._asker is not None:
            self._asker.on_answer_body(data)
        else:
            self._fault = self._fault or "it has a body where none is allowed"

    def on_message_complete(self) -> None:
        if self._started:
            self._ended = True
