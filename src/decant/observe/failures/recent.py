"""The latest log lines of each request, for the failure that may come: only where developers work."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from threading import Lock

from decant.context import current
from decant.observe.failures.model import MAX_TEXT_CHARS, Line
from decant.observe.logging import message_of, remember

LINES = 50
REQUESTS = 64

log = logging.getLogger(__name__)


class RecentLines:
    """Keeps what was logged for the latest requests; a request that logs nothing costs nothing. Thread-safe.

    Args:
        service: Who logs.
        lines: How many are kept of one request, the latest.
        requests: How many requests are kept, the latest.
    """

    def __init__(self, service: str = "", *, lines: int = LINES, requests: int = REQUESTS) -> None:
        self.service = service
        self._lines = lines
        self._requests = requests
        self._kept: OrderedDict[tuple[str, str], deque[Line]] = OrderedDict()
        self._lock = Lock()

    def keep(self, record: logging.LogRecord) -> None:
        """Keep a record, where it belongs to a request. Never raises."""
        context = current.get()
        if not context.request_id:
            return
        try:
            line = Line(
                record.created,
                self.service,
                record.levelname.lower(),
                record.name[:MAX_TEXT_CHARS],
                message_of(record)[:MAX_TEXT_CHARS],
            )
        except Exception:  # noqa: BLE001 - a log line never breaks what it tells about
            return
        key = (context.trace_id, context.request_id)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                kept = self._kept[key] = deque(maxlen=self._lines)
                if len(self._kept) > self._requests:
                    self._kept.popitem(last=False)
            kept.append(line)

    def of_request(self) -> tuple[Line, ...]:
        """Return what was logged for the request that is answered now, oldest first."""
        context = current.get()
        with self._lock:
            return tuple(self._kept.get((context.trace_id, context.request_id), ()))


recent = RecentLines()
"""Those of this process; empty until :func:`remember_lines`."""


def remember_lines(service: str) -> None:
    """Keep the log lines of requests from now on, where :func:`~decant.observe.logging.configure` set logging up."""
    recent.service = service
    remember(recent.keep)
