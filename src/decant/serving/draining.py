"""Stopping in order: not ready, streams end, background work stops, running requests finish.

The signal is heard through a wake-up descriptor and acted on in a thread, never in a signal handler: a handler runs
between any two bytecodes and may not take a lock. ``atexit`` is not used either: a killed process does not run it, and
a stopped one runs it after the threads it would have to stop.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

DRAINING = "decant.draining"
"""``app.extensions`` key of the :class:`threading.Event` that is set when the process begins to stop."""

RUNTIME = "decant"
"""``app.extensions`` key of the application's :class:`Runtime`."""


@runtime_checkable
class Runtime(Protocol):
    """The background work of an application: event relay, consumers, saga runners."""

    def start(self) -> object:
        """Start it, in the process that serves."""
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
    """

    def __init__(self, app: Any, grace_s: float) -> None:
        self._event = draining(app)
        self._runtime = extensions_of(app).get(RUNTIME)
        self._grace_s = grace_s
        self._begun = threading.Lock()
        self._ended = threading.Event()
        self._hear, self._ring = socket.socketpair()
        self._ring.setblocking(False)

    def start(self) -> None:
        """Start the background work, and listen for the word to stop it."""
        if isinstance(self._runtime, Runtime):
            self._runtime.start()
        threading.Thread(target=self._listen, name="decant-drain-listener", daemon=True).start()

    @property
    def wakeup_fd(self) -> int:
        """For :func:`signal.set_wakeup_fd`: each signal number written here is looked at."""
        return self._ring.fileno()

    def ring(self, signum: int) -> None:
        """Say that a signal arrived. Safe in a signal handler."""
        os.write(self._ring.fileno(), bytes([signum]))

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

    def not_ready(self) -> None:
        """Set the flag alone: still serving, but no longer to be sent to."""
        self._event.set()

    def _listen(self) -> None:
        while heard := self._hear.recv(64):
            for signum in heard:
                on_signal = _ON_SIGNAL.get(signum)
                if on_signal is not None:
                    on_signal(self)

    def _stop(self) -> None:
        try:
            if isinstance(self._runtime, Runtime):
                self._runtime.stop(self._grace_s)
        finally:
            self._ended.set()


NOT_READY = signal.SIGUSR1
_ON_SIGNAL: dict[int, Callable[[Drain], None]] = {
    int(signal.SIGTERM): Drain.begin,
    int(signal.SIGINT): Drain.begin,
    int(signal.SIGQUIT): Drain.begin,
    int(NOT_READY): Drain.not_ready,
}
