"""A circuit breaker: calls to an address that keeps failing stop, and single probes find out when it is back.

::

    closed ──(enough calls, enough of them failed)──> open ──(probe_s later, one call)──> half-open
       ^                                               ^                                   │   │
       │                                               └────────────(the probe failed)─────┘   │
       └───────────────────────────────(the probe succeeded)───────────────────────────────────┘

Source: Nygard, *Release It!*, "Circuit Breaker"; the rolling window with a minimum volume is Hystrix', failures in
a row are Envoy's outlier detection.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from threading import Lock

from decant.clock import Clock, SystemClock
from decant.settings.call_policy import BreakerPolicy

BUCKETS = 10
"""How many parts a window rolls on by."""


class State(IntEnum):
    """What a breaker does with calls; the number is the gauge's value."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


Changed = Callable[[State, State], None]
"""Told of each change, from and to, after the lock is free."""


class Breaker:
    """Counts the calls to one address. Thread-safe.

    Args:
        policy: When it opens and how often it probes.
        clock: Tells the time.
        changed: Told of each change of state.
    """

    __slots__ = ("_changed", "_clock", "_era", "_in_a_row", "_lock", "_policy", "_probe_at", "_window", "state")

    def __init__(self, policy: BreakerPolicy, clock: Clock | None = None, changed: Changed | None = None) -> None:
        self.state = State.CLOSED
        self._policy = policy
        self._clock = clock or SystemClock()
        self._changed = changed
        self._lock = Lock()
        self._window = Window(policy.window_s)
        self._in_a_row = 0
        self._probe_at = 0.0
        self._era = 0  # one more with each opening and closing, so that late results of before count for nothing

    def admit(self) -> int | None:
        """Return a ticket for one call, to be handed back with its result, or None: do not call."""
        if self.state is State.CLOSED:  # without the lock: who comes a moment too late makes one call more
            return self._era
        with self._lock:
            before, now = self._state(), self._clock.monotonic()
            if before is State.CLOSED:
                return self._era
            if now < self._probe_at:
                return None
            # The next one is let through by the clock and not by the end of this one, which may hang.
            self._probe_at = now + self._policy.probe_s
            self.state, era = State.HALF_OPEN, self._era
        self._tell(before, State.HALF_OPEN)
        return era

    def record(self, ticket: int, *, failed: bool) -> None:
        """Note how a call ended; one result for each call, however often it was tried."""
        with self._lock:
            if ticket != self._era:
                return
            before, now = self.state, self._clock.monotonic()
            if before is State.CLOSED:
                self._window.add(now, failed)
                if not failed:
                    self._in_a_row = 0
                    return
                self._in_a_row += 1
                after = State.OPEN if self._is_too_much() else State.CLOSED
            else:
                after = State.OPEN if failed else State.CLOSED
            self._turn(before, after, now)
        self._tell(before, after)

    def probe_in_s(self) -> float:
        """Return the seconds until the next call is let through, at least 0."""
        return max(0.0, self._probe_at - self._clock.monotonic())

    def _state(self) -> State:
        """Return the state as it is by now; a type checker thinks that nobody else changes it."""
        return self.state

    def _is_too_much(self) -> bool:
        window, policy = self._window, self._policy
        # A side that hangs ends few calls in a second: those of before would hide for the whole window that all fail.
        if self._in_a_row >= policy.volume:
            return True
        return window.calls >= policy.volume and window.failures >= policy.failure_ratio * window.calls

    def _turn(self, before: State, after: State, now: float) -> None:
        if (before is State.CLOSED) is (after is State.CLOSED):
            self.state = after
            return
        self._era += 1
        self._window.clear()
        self._in_a_row = 0
        self._probe_at = now + self._policy.probe_s
        self.state = after

    def _tell(self, before: State, after: State) -> None:
        if before is not after and self._changed is not None:
            self._changed(before, after)


class Window:
    """How many calls ended, and failed, within the last seconds; rolls on by a tenth of them."""

    __slots__ = ("_buckets", "_tick", "_width", "calls", "failures")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / BUCKETS
        self._tick = 0
        self.clear()

    def clear(self) -> None:
        self._buckets = [(0, 0)] * BUCKETS
        self.calls = self.failures = 0

    def add(self, now: float, failed: bool) -> None:
        tick = int(now / self._width)
        if tick != self._tick:
            self._roll(tick)
        calls, failures = self._buckets[tick % BUCKETS]
        self._buckets[tick % BUCKETS] = calls + 1, failures + failed
        self.calls += 1
        self.failures += failed

    def _roll(self, tick: int) -> None:
        for passed in range(max(self._tick + 1, tick - BUCKETS + 1), tick + 1):
            calls, failures = self._buckets[passed % BUCKETS]
            self._buckets[passed % BUCKETS] = 0, 0
            self.calls -= calls
            self.failures -= failures
        self._tick = tick
