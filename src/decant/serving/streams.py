"""Streams of server-sent events that leave the server room for everything else.

A stream holds a thread for as long as it is open, so a service keeps few at a time, none for long, and refuses the rest
with 503: the page polls instead.

Source: HTML Living Standard, section 9.2 (server-sent events).
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from flask import Response, current_app, has_request_context, request
from werkzeug.exceptions import ServiceUnavailable

from decant.serving.admission import PLACE
from decant.serving.draining import draining

if TYPE_CHECKING:
    from flask import Flask

LIMIT = "decant.streams"
"""``app.extensions`` key of the application's :class:`StreamLimit`."""

LIFETIME_S = 60.0
HEARTBEAT_S = 15.0
RETRY_AFTER_S = 5
DEFAULT_STREAMS = 16


@dataclass(frozen=True, slots=True)
class Message:
    """One server-sent event.

    Attributes:
        data: Text, or anything that JSON can hold.
        event: The event's type; the page listens for ``message`` without one.
        id: Comes back as ``Last-Event-ID`` when the browser connects again.
    """

    data: Any
    event: str | None = None
    id: str | None = None

    def encode(self) -> bytes:
        """Return the event as it goes over the wire.

        Raises:
            ValueError: For a line break or NUL in ``event`` or ``id``, which would forge another field.
        """
        lines = []
        for name, value in (("event", self.event), ("id", self.id)):
            if value is not None:
                if any(character in value for character in "\r\n\0"):
                    raise ValueError(f"The {name} of a server-sent event has a line break or NUL in it: {value!r}")
                lines.append(f"{name}: {value}")
        text = self.data if isinstance(self.data, str) else orjson.dumps(self.data).decode()
        lines += [f"data: {line}" for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
        return ("\n".join(lines) + "\n\n").encode()


class StreamLimit:
    """How many streams a process keeps open at the same time.

    Attributes:
        limit: The number.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._open = 0
        self._lock = threading.Lock()

    @property
    def open(self) -> int:
        """Streams that are open now."""
        return self._open

    def enter(self) -> bool:
        """Take a place; False when there is none."""
        with self._lock:
            if self._open >= self.limit:
                return False
            self._open += 1
            return True

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self._open -= 1


def limit_streams(app: Flask, limit: int) -> StreamLimit:
    """Set how many streams one process of ``app`` keeps open. The launcher calls it with a quarter of the threads."""
    limits = app.extensions[LIMIT] = StreamLimit(limit)
    return limits


def stream_response(
    source: Iterable[Message | None],
    *,
    every_s: float = 0.5,
    lifetime_s: float = LIFETIME_S,
    heartbeat_s: float = HEARTBEAT_S,
) -> Response:
    """Answer with a stream of server-sent events.

    Args:
        source: Yields messages, and None for "nothing new now"; it never blocks for long. Each step runs in an
            application context of its own, so no database session is held while the stream waits. The stream ends when
            the source does.
        every_s: Seconds to wait after a None before the source is asked again.
        lifetime_s: Seconds after which the stream ends; the browser connects again by itself.
        heartbeat_s: Seconds of silence after which a comment is sent, so that a client that left is noticed.

    Raises:
        ServiceUnavailable: 503 with ``Retry-After`` when the process keeps as many streams open as it may, or stops:
            the page polls instead.

    Example:
        >>> def changes(order_id):
        ...     last = None
        ...     while last != "shipped":
        ...         status = load_status(order_id)
        ...         yield Message(status) if status != last else None
        ...         last = status
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    limits: StreamLimit = app.extensions.get(LIMIT) or limit_streams(app, DEFAULT_STREAMS)
    over = draining(app)
    if over.is_set() or not limits.enter():
        raise ServiceUnavailable(
            "This process keeps as many streams open as it may; poll instead.", retry_after=RETRY_AFTER_S
        )
    give_place_back = request.environ.get(PLACE) if has_request_context() else None
    if give_place_back is not None:  # a stream has a place among the streams instead
        give_place_back()
    body = _Stream(app, iter(source), limits, over, every_s, lifetime_s, heartbeat_s)
    return Response(
        body,
        mimetype="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


class _Stream:
    """The body: an iterator that gives its place back when it is closed, begun or not."""

    def __init__(
        self,
        app: Flask,
        source: Iterator[Message | None],
        limits: StreamLimit,
        over: threading.Event,
        *times: float,
    ) -> None:
        self._app = app
        self._source = source
        self._limits = limits
        self._over = over
        self._every_s, lifetime_s, self._heartbeat_s = times
        self._context = contextvars.copy_context()
        self._ends = time.monotonic() + lifetime_s
        self._spoke = time.monotonic()
        self._first = True
        self._closed = threading.Lock()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._first:  # headers and a first byte leave at once: the page knows that it is connected
            self._first = False
            return self._said(b": open\n\n")
        while not self._over.is_set() and time.monotonic() < self._ends:
            message = self._context.run(self._step)
            if message is not None:
                return self._said(message.encode())
            if time.monotonic() - self._spoke >= self._heartbeat_s:
                return self._said(b": still here\n\n")
            self._over.wait(self._every_s)
        raise StopIteration

    def _step(self) -> Message | None:
        with self._app.app_context():
            return next(self._source)

    def _said(self, chunk: bytes) -> bytes:
        self._spoke = time.monotonic()
        return chunk

    def close(self) -> None:
        """End the source and give the place back, once."""
        if not self._closed.acquire(blocking=False):
            return
        self._limits.leave()
        close = getattr(self._source, "close", None)
        if close is not None:
            self._context.run(close)
