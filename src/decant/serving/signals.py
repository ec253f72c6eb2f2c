"""Signals heard in a thread, because handlers of a process with threads cannot be relied on.

- A handler runs between any two bytecodes of the main thread, which may hold the very lock that the handler wants: an
  ``Event.set()`` there can stop the process for good.
- A handler may not run at all. Of two signals that arrive together the kernel gives both to some other thread; nothing
  interrupts the main thread, and while it waits for a lock it never looks.

The wake-up descriptor is written by whichever thread the kernel chose, so a thread that reads it hears everything.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable


class Bell:
    """Passes signal numbers from handlers to a thread.

    Args:
        answer: Called in the bell's own thread with each signal's number.
    """

    def __init__(self, answer: Callable[[int], None]) -> None:
        self._answer = answer
        self._hear, self._ring = socket.socketpair()
        self._ring.setblocking(False)
        self._thread = threading.Thread(target=self._listen, name="decant-bell", daemon=True)
        self._wanted: frozenset[int] | None = None
        self._before = -1

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def ring(self, signum: int) -> None:
        """Say that a signal arrived, from a handler that belongs to somebody else."""
        os.write(self._ring.fileno(), bytes([signum]))

    def answer_to(self, *signals: signal.Signals) -> None:
        """Answer to these signals in this process, and to no others. Main thread only."""
        self._wanted = frozenset(signals)
        self._before = signal.set_wakeup_fd(self._ring.fileno(), warn_on_full_buffer=False)
        for signum in signals:
            signal.signal(signum, _heard)

    def close(self) -> None:
        """Stop listening. Nobody may ring any more; a process that serves never closes its bell."""
        if self._wanted is not None:
            signal.set_wakeup_fd(self._before)
        self._ring.close()
        if self._thread.is_alive():
            self._thread.join()
        self._hear.close()

    def _listen(self) -> None:
        while heard := self._hear.recv(64):
            for signum in heard:
                if self._wanted is None or signum in self._wanted:
                    self._answer(signum)


def _heard(_signum: int, _frame: object) -> None:
    """Do nothing: the descriptor has told the bell, and without a handler the signal would end the process."""
