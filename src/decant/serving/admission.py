"""How many requests run at once: as many as keep the interpreter busy, a few more that wait, and no others.

Threads that compute share one interpreter, so sixty of them answer no more requests in a second than four do: each
takes longer, and a refusal has to wait for its turn too. Threads that wait, for a database or for another service,
share nothing. Which kind a service has is measured: a place that becomes free is given to the request that has waited
longest, and the time until that request really runs is the time that it waited for the interpreter.

- All places are free at first, since requests that wait for others look the same as requests that compute until they
  are measured. Above ``LATE_S`` half as many may run at once, once in ``SETTLE_S``; below ``PROMPT_S`` one more, and
  less than one within ``CALM_S`` of that.
- A request that would wait for longer than ``WAIT_S``, or than its caller will, is refused when it arrives: what is
  refused late has cost its client the time and the server the place.

Source: additive increase, multiplicative decrease (Chiu and Jain, 1989); the standing queue of CoDel (RFC 8289).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

PLACE: Final = "decant.place"
"""The environ key of a function that gives a request's place back before its answer has ended; calling it again does
nothing."""

UNREAD: Final = "decant.unread"
"""The environ key that says that what is left of the request's body is not to be waited for."""

FEWEST: Final = 2
"""With one, each wait for a disk would leave the interpreter idle."""

WAITING: Final = 4
"""One place in so many is for requests that wait."""

PROMPT_S: Final = 0.004
LATE_S: Final = 0.012
SETTLE_S: Final = 0.05
CALM_S: Final = 1.0
WAIT_S: Final = 1.0
STUCK_S: Final = 2.0
"""What a request waits at most when nothing moves on, whatever was expected when it arrived."""

_WEIGHT = 0.1


class _Waiter:
    __slots__ = ("granted_at", "wake")

    def __init__(self) -> None:
        self.granted_at: float | None = None
        self.wake = threading.Lock()
        self.wake.acquire()


class Places:
    """The places of one process.

    Args:
        most: Requests that run or wait at the same time.
        first: Requests that run at once before anything was measured; as many as ever may by default.
        clock: Monotonic seconds.

    Thread-safety:
        Any thread may enter; whoever entered leaves, once, from any thread.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic, *, first: int | None = None) -> None:
        self.most = most
        self._ceiling = max(1, most - most // WAITING)
        self._limit = float(min(first or self._ceiling, self._ceiling))
        self._clock = clock
        self._lock = threading.Lock()
        self._running = 0
        self._reading = 0
        self._readers = max(1, most * 2 // 5)
        self._waiting: deque[_Waiter] = deque()
        self._pace_s = 0.0
        self._left_at = self._settled_at = clock()

    @property
    def limit(self) -> int:
        """Requests that may run at once now."""
        return int(self._limit)

    @property
    def running(self) -> int:
        """Requests that run."""
        return self._running

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return len(self._waiting)

    def enter(self, patience_s: float | None = None) -> bool:
        """Take a place, waiting for one where that is worth it.

        Args:
            patience_s: Seconds after which the caller has no use for an answer any more; None where that is not known.

        Returns:
            False when there is none: nothing was taken.
        """
        waiter = None
        with self._lock:
            now = self._clock()
            if self._taken() >= self.most:
                return False
            if self._running < int(self._limit) and not self._waiting:
                self._running += 1
                if self._running >= int(self._limit):
                    self._left_at = now  # the pace is that of a full house: what was idle before is no part
            elif self._is_worth_it(patience_s):
                waiter = _Waiter()
                self._waiting.append(waiter)
            else:
                return False
        if waiter is None:
            self._let_others_arrive(now)
            return True
        waiter.wake.acquire(timeout=STUCK_S if patience_s is None else min(STUCK_S, patience_s))
        return self._woken(waiter)

    def leave(self) -> None:
        """Give a place back; the request that has waited longest gets it."""
        with self._lock:
            now = self._clock()
            if self._running >= int(self._limit):
                self._pace_s += _WEIGHT * (now - self._left_at - self._pace_s)
            else:
                self._pace_s *= 1 - _WEIGHT
            self._left_at = now
            self._running -= 1
            self._give(now)

    def begin_reading(self) -> bool:
        """Take a place to read a request's body from; a slow client holds it for as long as it likes.

        Returns:
            False when too many are read already, so that slow clients leave room for requests without a body.
        """
        with self._lock:
            if self._reading >= self._readers or self._taken() >= self.most:
                return False
            self._reading += 1
            return True

    def end_reading(self) -> None:
        """Give a place to read from back."""
        with self._lock:
            self._reading -= 1

    def _taken(self) -> int:
        return self._running + self._reading + len(self._waiting)

    def _is_worth_it(self, patience_s: float | None) -> bool:
        expected_s = (len(self._waiting) + 1) * self._pace_s
        return expected_s <= WAIT_S and (patience_s is None or expected_s < patience_s)

    def _give(self, now: float) -> None:
        while self._waiting and self._running < int(self._limit):
            waiter = self._waiting.popleft()
            self._running += 1
            waiter.granted_at = now
            waiter.wake.release()

    def _let_others_arrive(self, since: float) -> None:
        """Give the interpreter away for a moment, so that requests which need it to arrive here are counted.

        A request that computes holds it to its end, and the next one finds a free place: without this, requests would
        queue for the interpreter, where nobody counts or refuses them.
        """
        time.sleep(0)
        late_s = self._clock() - since
        if late_s > LATE_S:
            with self._lock:
                self._adapt(late_s, self._clock())

    def _woken(self, waiter: _Waiter) -> bool:
        with self._lock:
            if waiter.granted_at is None:
                self._waiting.remove(waiter)
                return False
            now = self._clock()
            self._adapt(now - waiter.granted_at, now)
            return True

    def _adapt(self, late_s: float, now: float) -> None:
        if late_s < PROMPT_S:
            step = 1.0 if now - self._settled_at >= CALM_S else 1 / self._limit
            self._limit = min(float(self._ceiling), self._limit + step)
            self._give(now)
        elif late_s > LATE_S and now - self._settled_at >= SETTLE_S:
            self._settled_at = now
            self._limit = max(float(min(FEWEST, self._ceiling)), self._limit * 0.5)
