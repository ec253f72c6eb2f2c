"""A bulkhead: what one slow service holds up is bounded.

Source: Nygard, *Release It!*, "Bulkheads".
"""

from __future__ import annotations

from threading import Condition, Lock

from decant.errors import BulkheadFull

WAIT_SHARE = 0.1
"""How much of the time that a call has it waits for its turn."""


class Bulkhead:
    """Bounds the calls that are under way at once on one edge. Thread-safe.

    Args:
        limit: How many.
        edge: What the error says, for instance ``orders to catalog``.

    Attributes:
        waiting: How many wait for their turn.
    """

    __slots__ = ("_edge", "_free", "_freed", "_limit", "_lock", "waiting")

    def __init__(self, limit: int, edge: str) -> None:
        self._limit = limit
        self._edge = edge
        self._free = limit
        self.waiting = 0
        self._lock = Lock()
        self._freed = Condition(
            self._lock
        )  # for those who wait: a semaphore takes it each time, and three times as long

    def enter(self, left_s: float) -> None:
        """Wait for a turn, a small share of the time that is left; followed by :meth:`leave` once the call is over.

        Raises:
            BulkheadFull: When the others take too long.
        """
        with self._lock:
            if self._free > 0 or self._is_freed(left_s * WAIT_SHARE):
                self._free -= 1
                return
        raise BulkheadFull(
            f"{self._limit} calls from {self._edge} are under way already.",
            may_have_run=False,
            retry_after_s=1,
            hint="The other side is slow, or `concurrency` in [calls] is too low for the load.",
        )

    def leave(self) -> None:
        """Let the next one have its turn."""
        with self._lock:
            self._free += 1
            if self.waiting:
                self._freed.notify()

    def _is_freed(self, within_s: float) -> bool:
        self.waiting += 1
        try:
            return self._freed.wait_for(lambda: self._free > 0, within_s)
        finally:
            self.waiting -= 1
