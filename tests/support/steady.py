"""Clients that keep their connections, ask at a steady rate, and count everything that is not an answer."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self


class SteadyClients:
    """So many requests in a second, whatever becomes of them; nothing is ever asked twice.

    Args:
        port: Where, on this machine.
        ask: Sends the request of that number on a connection and returns what is wrong with its answer, or "".
        per_s: Requests in a second, from all clients together.
        clients: Connections, each with a thread.
    """

    def __init__(
        self, port: int, ask: Callable[[http.client.HTTPConnection, int], str], *, per_s: float, clients: int = 10
    ) -> None:
        self._port = port
        self._ask = ask
        self._gap_s = clients / per_s
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(number, clients)) for number in range(clients)]
        self.asked = 0
        self.failures: Counter[str] = Counter()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, number: int, clients: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=15)
        due = time.monotonic() + self._gap_s * number / clients
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due += self._gap_s
            with self._lock:
                self.asked += 1
                asked = self.asked
            try:
                wrong = self._ask(connection, asked)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                wrong = type(error).__name__
            if wrong:
                with self._lock:
                    self.failures[wrong] += 1
        connection.close()
