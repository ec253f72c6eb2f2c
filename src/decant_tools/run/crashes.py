"""When to start a crashed process again, and when to stop trying."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable

LOOP = 5
"""Exits by itself in a row, each before readiness or soon after it, that make a crash loop."""

SOON_S = 5.0
"""Seconds after readiness within which an exit still counts."""

KILLS = 3
"""Kills in a row, each before readiness, that are answered at once; pauses grow beyond."""

BASE_S = 0.1
CAP_S = 10.0
FINAL = frozenset({2, 3, 6})
"""Exit codes by which a process of ours says that starting it again changes nothing: usage, configuration, missing."""


class Crashes:
    """The exits of one process.

    Args:
        draw: Returns a random number from 0 to 1.
    """

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        self._draw = draw
        self.in_a_row = 0
        self._kills = 0

    def forget(self) -> None:
        """Count from the beginning: somebody changed something."""
        self.in_a_row = self._kills = 0

    def note(self, returncode: int, ready_s: float | None) -> float | None:
        """Note an exit and return the seconds to wait before the next start; None for a crash loop.

        Args:
            returncode: How it ended; negative for a signal.
            ready_s: Seconds since it was ready, or None when it never was.
        """
        if returncode == -signal.SIGKILL:  # somebody tries something; or there is too little memory, again and again
            self._kills = self._kills + 1 if ready_s is None else 0
            return self._pause(self._kills - KILLS) if self._kills > KILLS else 0.0
        if ready_s is not None and ready_s > SOON_S:
            self.in_a_row = 0
            return 0.0
        self.in_a_row += 1
        if self.in_a_row >= LOOP:
            return None
        return self._pause(self.in_a_row)

    def _pause(self, count: int) -> float:
        capped_s = min(CAP_S, BASE_S * 2.0 ** min(count, 30))
        return capped_s * (0.5 + self._draw() / 2)
