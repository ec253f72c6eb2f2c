"""What is decided about calls between modules that live apart: metrics always, log lines seldom.

A retry or a refusal is counted each time and told once in a while: when the other side is down there are thousands
of them, and one line says as much.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from prometheus_client import Counter, Gauge

from decant.observe.metrics import Family, counter, gauge

log = logging.getLogger("decant.calls")

EVERY_S = 10.0
"""How often the same thing is told at most."""

STATES = ("closed", "half-open", "open")

_EDGE = ("caller", "called")
attempts: Family[Counter] = Family(
    counter("decant_call_attempts_total", "Requests sent to other services; with retries more than calls.", _EDGE)
)
retries: Family[Counter] = Family(
    counter("decant_call_retries_total", "Calls that were sent once more, by reason.", (*_EDGE, "reason"))
)
budget_exhausted: Family[Counter] = Family(
    counter("decant_retry_budget_exhausted_total", "Retries that were not made for lack of budget.", _EDGE)
)
bulkhead_full: Family[Counter] = Family(
    counter("decant_bulkhead_rejections_total", "Calls refused since too many were under way.", _EDGE)
)
breaker_state: Family[Gauge] = Family(
    gauge(
        "decant_breaker_state",
        "Whether calls to an address go through: 0 closed (they do), 1 half-open (probes do), 2 open (none does).",
        ("called", "address"),
        shared=True,
    )
)
breaker_transitions: Family[Counter] = Family(
    counter("decant_breaker_transitions_total", "Changes of a breaker's state.", ("called", "address", "to"))
)


class EdgeObserver:
    """Counts and tells what one edge decides.

    Args:
        caller: The module, or service, that calls.
        called: The module that is called.
    """

    __slots__ = ("_budget", "_bulkhead", "_edge", "_seldom", "attempt")

    def __init__(self, caller: str, called: str) -> None:
        self._edge = (caller, called)
        self.attempt = attempts.child(caller, called).inc
        self._budget = budget_exhausted.child(caller, called).inc
        self._bulkhead = bulkhead_full.child(caller, called).inc
        self._seldom = Seldom()

    def retry(self, reason: str, address: str) -> None:
        """Note that a call is sent once more."""
        retries.child(*self._edge, reason).inc()
        log.debug("%s to %s is sent again: %s at %s", *self._edge, reason, address)

    def no_budget(self, reason: str) -> None:
        """Note that a call is not sent once more, for lack of budget."""
        self._budget()
        text = "%s to %s: the retry budget is used up, failures (the last: %s) are not retried"
        self._seldom.warn("budget", text, *self._edge, reason)

    def no_room(self) -> None:
        """Note that a call is refused since too many are under way."""
        self._bulkhead()
        text = "%s to %s: calls are refused, too many are under way; the other side is slow, or `concurrency` too low"
        self._seldom.warn("bulkhead", text, *self._edge)


class BreakerObserver:
    """Counts and tells the changes of one address' breaker.

    Args:
        called: The module that is called.
        address: Where, without user and password.
    """

    __slots__ = ("_called", "_opened_at", "_where")

    def __init__(self, called: str, address: str) -> None:
        self._called = called
        self._where = (called, address)
        self._opened_at = 0.0
        breaker_state.child(*self._where).set(0)

    def changed(self, before: int, after: int, now: int) -> None:
        """Note a change.

        Args:
            before: The state that was left, an index of :data:`STATES`.
            after: The state that was entered.
            now: The state at this moment, which may be a newer one still.
        """
        breaker_state.child(*self._where).set(now)
        breaker_transitions.child(*self._where, STATES[after]).inc()
        if STATES[before] == "closed":
            self._opened_at = time.monotonic()
            log.warning("calls to %s at %s stop: too many failed; single ones try whether it is back", *self._where)
        elif STATES[after] == "closed":
            log.warning(
                "calls to %s at %s go through again, after %.1f s", *self._where, time.monotonic() - self._opened_at
            )
        else:
            log.debug("calls to %s at %s: %s", *self._where, STATES[after])


class Seldom:
    """Tells the same thing once in :data:`EVERY_S` seconds, and how often it was not told meanwhile."""

    __slots__ = ("_lock", "_next", "_silent")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._silent: dict[str, int] = {}

    def warn(self, what: str, text: str, *values: Any) -> None:
        """Tell ``what``, unless it was told lately."""
        now = time.monotonic()
        with self._lock:
            if now < self._next.get(what, 0.0):
                self._silent[what] = self._silent.get(what, 0) + 1
                return
            self._next[what] = now + EVERY_S
            silent = self._silent.pop(what, 0)
        log.warning("%s%s", text % values, f" ({silent} times more since the last line)" if silent else "")
