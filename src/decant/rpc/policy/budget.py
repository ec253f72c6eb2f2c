"""A retry budget: retries stay a share of the calls, however many calls fail.

Three attempts for each call are no harm while few calls fail, and three times the load on a service that is
already down. With a budget of 20 % it is 1.2 times.

Source: Finagle's and Linkerd's ``RetryBudget`` (ratio and minimum per second).
"""

from __future__ import annotations

from threading import Lock

from decant.clock import Clock, SystemClock


class RetryBudget:
    """A bucket that each call fills a little and each retry takes one from. Thread-safe.

    In any t seconds with n calls there are at most ``ratio * n + per_s * (t + 1)`` retries, and never fewer than one
    allowed after a pause.

    Args:
        ratio: Retries for each call.
        per_s: Retries a second on top; as many can be saved up.
        clock: Tells the time.
    """

    __slots__ = ("_clock", "_filled_at", "_full", "_left", "_lock", "_per_s", "_ratio")

    def __init__(self, ratio: float, per_s: float, clock: Clock | None = None) -> None:
        self._ratio = ratio
        self._per_s = per_s
        self._clock = clock or SystemClock()
        self._full = max(1.0, per_s)
        self._left = self._full
        self._filled_at = self._clock.monotonic()
        self._lock = Lock()

    def deposit(self) -> None:
        """Note a call."""
        with self._lock:
            self._left = min(self._full, self._left + self._ratio)

    def withdraw(self) -> bool:
        """Take one retry; False when there is none left."""
        with self._lock:
            now = self._clock.monotonic()
            self._left = min(self._full, self._left + self._per_s * (now - self._filled_at))
            self._filled_at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True
