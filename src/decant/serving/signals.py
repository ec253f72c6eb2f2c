"""Signals heard in a thread.

A signal handler runs between any two bytecodes of the main thread, which may hold the very lock that the handler
wants: an ``Event.set()`` there can stop the process for good. So a handler only writes a byte, and a thread acts on it.
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

    @property
    def fd(self) -> int:
        """For :func:`signal.set_wakeup_fd`, where the handlers belong to somebody else."""
        return self._ring.fileno()

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def ring(self, signum: int, _frame: object = None) -> None:
        """Say that a signal arrived: safe in a handler, and fit to be one."""
        os.write(self._ring.fileno(), bytes([signum]))

    def answer_to(self, *signals: signal.Signals) -> None:
        """Be the handler of these signals. Main thread only."""
        for signum in signals:
            signal.signal(signum, self.ring)

    def close(self) -> None:
        """Stop listening. No handler may ring any more; a process that serves never closes its bell."""
        self._ring.close()
        if self._thread.is_alive():
            self._thread.join()
        self._hear.close()

    def _listen(self) -> None:
        while heard := self._hear.recv(64):
            for signum in heard:
                self._answer(signum)
