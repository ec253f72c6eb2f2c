"""A bulkhead: what one slow service holds up is bounded.

Source: Nygard, *Release It!*, "Bulkheads".
"""

from __future__ import annotations

from threading import BoundedSemaphore

from decant.errors import BulkheadFull

WAIT_SHARE = 0.1
"""How much of the time that a call has it waits for its turn."""


class Bulkhead:
    """Bounds the calls that are under way at once on one edge. Thread-safe.

    Args:
        limit: How many.
        edge: What the error says, for instance ``orders to catalog``.
    """

    __slots__ = ("_edge", "_limit", "_slots", "leave")

    def __init__(self, limit: int, edge: str) -> None:
        self._limit = limit
        self._edge = edge
        self._slots = BoundedSemaphore(limit)
        self.leave = self._slots.release

    def enter(self, left_s: float) -> None:
        """Wait for a turn, a small share of the time that is left; followed by :meth:`leave` once the call is over.

        Raises:
            BulkheadFull: When the others take too long.
        """
        if not self._slots.acquire(blocking=False) and not self._slots.acquire(timeout=left_s * WAIT_SHARE):
            raise BulkheadFull(
                f"{self._limit} calls from {self._edge} are under way already.",
                may_have_run=False,
                retry_after_s=1,
                hint="The other side is slow, or `concurrency` in [calls] is too low for the load.",
            )
