"""Stopping in order: not ready, streams end, background work stops, running requests finish.

The signal is acted on in a thread (:mod:`decant.serving.signals`), and ``atexit`` is not used: a killed process does
not run it, and a stopped one runs it after the threads that it would have to stop.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol, runtime_checkable

from decant.serving.signals import Bell
from decant.serving.sockets import NOT_READY

logger = logging.getLogger("decant.serving")

DRAINING = "decant.draining"
"""``app.extensions`` key of the :class:`threading.Event` that is set when the process begins to stop."""

STOPS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})

RUNTIME = "decant"
"""``app.extensions`` key of the application's :class:`Runtime`."""


@runtime_checkable
class Runtime(Protocol):
    """The background work of an application: event relay, consumers, saga runners."""

    def start(self, *, work: bool = True) -> object:
        """Start it, in the process that serves; without ``work`` only wake those that do it elsewhere."""
        ...

    def stop(self, grace_s: float) -> object:
        """Stop it within ``grace_s`` seconds."""
        ...


def extensions_of(app: Any) -> dict[str, Any]:
    """Return ``app.extensions``; a foreign WSGI application gets a dictionary that nobody else sees."""
    found = getattr(app, "extensions", None)
    return found if isinstance(found, dict) else {}


def draining(app: Any) -> threading.Event:
    """Return the event that is set when the process begins to stop; the same one each time for a Flask application."""
    event: threading.Event = extensions_of(app).setdefault(DRAINING, threading.Event())
    return event


class Drain:
    """Ends an application's own work, once, however many signals arrive.

    Args:
        app: The application.
        grace_s: Seconds that its background work gets.
        work: Whether background work is done in this process.
    """

    def __init__(self, app: Any, grace_s: float, *, work: bool = True) -> None:
        self._event = draining(app)
        self._runtime = extensions_of(app).get(RUNTIME)
        self._grace_s = grace_s
        self._work = work
        self._begun = threading.Lock()
        self._ended = threading.Event()
        self._then: list[Callable[[], object]] = []
        self._before: list[Callable[[], object]] = []
        self.bell = Bell(self._on_signal)

    def on_begin(self, then: Callable[[], object]) -> None:
        """Have something called once, when draining begins and after the flag is set."""
        self._then.append(then)

    def on_not_ready(self, then: Callable[[], object]) -> None:
        """Have something called when the process is no longer to be sent to, before it stops."""
        self._before.append(then)

    def start(self) -> None:
        """Start the background work, and listen for the word to stop it."""
        if isinstance(self._runtime, Runtime):
            self._runtime.start(work=self._work)
        self.bell.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the background work to have stopped; False when the time is over before it has."""
        return self._ended.wait(timeout_s)

    def begin(self) -> None:
        """Drain now: the flag first, so that readiness goes false and streams end, then the background work."""
        if not self._begun.acquire(blocking=False):
            return
        self._event.set()
        # Not a daemon: the interpreter waits for it, so background work is not cut in the middle.
        threading.Thread(target=self._stop, name="decant-drain").start()
        for then in self._then:
            then()

    def not_ready(self) -> None:
        """Set the flag alone: still serving, but no longer to be sent to."""
        for then in self._before:
            then()
        self._event.set()

    def _on_signal(self, signum: int) -> None:
        if signum == NOT_READY:
            self.not_ready()
        elif signum in STOPS:
            self.begin()

    def _stop(self) -> None:
        try:
            if isinstance(self._runtime, Runtime):
                self._runtime.stop(self._grace_s)
        except Exception:
            logger.exception("background work did not stop in order; its leases run out by themselves")
        finally:
            self._ended.set()
