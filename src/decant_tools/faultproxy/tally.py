"""What a proxy has done: a test proves by it that its faults happened."""

from __future__ import annotations

from collections import Counter
from typing import Any


class Tally:
    """Counts connections, requests and faults.

    Shape:
        ``{"schema": 1, "connections", "requests", "repeatable", "faults": {name: count}}``; the names are those of the
        profile's fields, and besides them ``delay``, ``spared`` (left alone because a repetition could do harm),
        ``tunnel`` (passed on unread: an upgrade, or a very large body) and ``down`` (the service could not be reached).
    """

    def __init__(self) -> None:
        self.connections = 0
        self.requests = 0
        self.repeatable = 0
        self.faults: Counter[str] = Counter()

    def document(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "connections": self.connections,
            "requests": self.requests,
            "repeatable": self.repeatable,
            "faults": dict(sorted(self.faults.items())),
        }
