"""Light spans: a tuple in a bounded buffer (about 1 µs), handed to exporters by one thread.

OpenTelemetry's SDK costs more than a whole bare Flask view; this leaves the request out of
everything but the tuple. What does not fit is dropped and counted, never waited for.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
"""Span kinds, with OpenTelemetry's numbers."""

FLUSH_S = 0.5
LIMIT = 8192
BATCH = 512

logger = logging.getLogger("decant.observe")


class Span(NamedTuple):
    """One finished span.

    Attributes:
        name: What was done, with few distinct values: ``GET /products/<id>``, not the path.
        kind: ``INTERNAL``, ``SERVER``, ``CLIENT``, ``PRODUCER`` or ``CONSUMER``.
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        parent_id: The parent's 16 digits, or "" for a root.
        start_ns: Nanoseconds since 1970, as :func:`time.time_ns` has them.
        end_ns: The same.
        attributes: Strings, numbers, booleans, or lists of those.
        error: What went wrong, in one line; None for success.
    """

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any] | None
    error: str | None


Exporter = Callable[[Sequence[Span]], int | None]
"""Gets batches in the flusher's thread; returns how many spans it had to drop, or None. May raise."""


class SpanBuffer:
    """Where spans wait for the exporters.

    Nothing is recorded before an exporter is added. The thread starts with :meth:`start` and never by
    itself; after a fork the child forgets its parent's spans and starts a thread of its own with its
    first span.

    Args:
        limit: Spans that may wait; beyond it they are dropped and counted.
        flush_s: Seconds after which they are handed over; at half full it happens at once.

    Thread-safety:
        Any thread may record.

    Attributes:
        recording: Whether anybody wants spans; look here before building attributes.
        dropped: Spans lost so far: no room, or an exporter could not deliver.
    """

    def __init__(self, limit: int = LIMIT, flush_s: float = FLUSH_S) -> None:
        self.recording = False
        self.dropped = 0
        self._limit = limit
        self._flush_s = flush_s
        self._waiting: deque[tuple[Any, ...]] = deque()
        self._exporters: list[Exporter] = []
        self._started = False
        self._reset()
        _buffers.add(self)

    def _reset(self) -> None:
        self._waiting.clear()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._exporting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._nudge_at = 0 if self._started else self._limit // 2

    def record(  # noqa: PLR0917 - one call per request and per operation: keywords would cost as much as the tuple
        self,
        name: str,
        kind: int,
        trace_id: str,
        span_id: str,
        parent_id: str,
        start_ns: int,
        end_ns: int,
        attributes: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """Keep one finished span; see :class:`Span` for the arguments. Never blocks, never raises."""
        if not self.recording:
            return
        waiting = self._waiting
        if len(waiting) >= self._nudge_at and not self._nudge(len(waiting)):
            return
        waiting.append((name, kind, trace_id, span_id, parent_id, start_ns, end_ns, attributes, error))

    def _nudge(self, waiting: int) -> bool:
        """Wake the flusher, or start it after a fork; return whether there is room."""
        if self._started and self._thread is None:
            self.start()
        if waiting >= self._limit:
            with self._lock:
                self.dropped += 1
            self._wake.set()
            return False
        if waiting >= self._limit // 2 and not self._wake.is_set():
            self._wake.set()
        return True

    def add_exporter(self, exporter: Exporter) -> None:
        """Hand every batch to ``exporter`` from now on."""
        self._exporters.append(exporter)
        self.recording = True

    def remove_exporter(self, exporter: Exporter) -> None:
        """Stop handing batches to ``exporter``; without any, nothing is recorded."""
        if exporter in self._exporters:
            self._exporters.remove(exporter)
        self.recording = bool(self._exporters)

    def start(self) -> None:
        """Start the thread that hands spans over. Once per process; another call does nothing."""
        with self._lock:
            if self._thread is not None:
                return
            self._started = True
            self._nudge_at = self._limit // 2
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="decant-spans", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Hand over what waits and end the thread, within ``timeout_s`` seconds."""
        thread = self._thread
        self._started = False
        self._stopping.set()
        self._wake.set()
        if thread is not None:
            thread.join(timeout_s)
        self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._flush_s)
            self._wake.clear()
            self.flush()
        self.flush()

    def drain(self) -> list[Span]:
        """Take and return everything that waits."""
        return list(self._take(len(self._waiting)))

    def _take(self, count: int) -> Iterable[Span]:
        waiting = self._waiting
        for _ in range(count):
            try:
                yield Span._make(waiting.popleft())
            except IndexError:  # another thread was faster
                return

    def flush(self) -> None:
        """Hand over what waits now, in the calling thread."""
        with self._exporting:
            for _ in range(self._limit // BATCH + 1):  # bounded, however fast new ones arrive
                batch = list(self._take(BATCH))
                if not batch:
                    return
                for exporter in tuple(self._exporters):
                    self._export(exporter, batch)

    def _export(self, exporter: Exporter, batch: Sequence[Span]) -> None:
        try:
            lost = exporter(batch) or 0
        except Exception:
            lost = len(batch)
            logger.debug("a span exporter failed", exc_info=True)
        if lost:
            with self._lock:
                self.dropped += lost


_buffers: weakref.WeakSet[SpanBuffer] = weakref.WeakSet()


def _after_fork() -> None:
    for buffer in tuple(_buffers):
        buffer.dropped = 0
        buffer._reset()


os.register_at_fork(after_in_child=_after_fork)

spans = SpanBuffer()
"""The process's spans."""

record = spans.record
drain = spans.drain
