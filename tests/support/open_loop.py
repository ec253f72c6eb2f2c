"""Open load: requests leave when they are due, however long the answers before them take.

``python -m tests.support.open_loop PORT PATH RATE SECONDS`` prints what became of them as one JSON document; RATE 0 asks
for the capacity instead: :data:`CLOSED` connections, each with the next request as soon as it has the answer. A process
of its own, so that it can have a processor of its own. One request is on a connection at a time, and what finds all of
them busy waits, its time running.

Source: coordinated omission (G. Tene): a client that waits for its answers measures a server that is never overloaded.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import subprocess
import sys
import time
from bisect import bisect_right
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONNECTIONS = 400
CLOSED = 4
DRAIN_S = 5.0
USEFUL_S = 2.0
"""An answer that takes longer helps nobody any more."""

BUSY_S = 0.01
"""A generator that is late by this much in one of a hundred requests measures its own machine."""


@dataclass
class Result:
    """What became of the requests.

    Attributes:
        offered: Requests that were due.
        seconds: How long they were due for.
        good: Seconds that each 2xx took from when it was due, sorted.
        refused: The same of each 503 and 504.
        without_hint: 503s that had no ``Retry-After``.
        failed: Connections that broke, and other statuses.
        unanswered: Requests that had no answer when it was over.
        late: Seconds that the generator itself was late with each request, sorted.
    """

    offered: int = 0
    seconds: float = 0.0
    good: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    without_hint: int = 0
    failed: int = 0
    unanswered: int = 0
    late: list[float] = field(default_factory=list)

    @property
    def goodput(self) -> float:
        """Useful answers in a second."""
        return bisect_right(self.good, USEFUL_S) / self.seconds

    @property
    def improper(self) -> int:
        """Requests that got no answer that a client can work with."""
        return self.failed + self.unanswered + self.without_hint

    @property
    def is_valid(self) -> bool:
        """Whether the generator kept its times."""
        return not self.late or self.late[int(len(self.late) * 0.99)] < BUSY_S

    def percentile(self, share: float, *, of_refused: bool = False) -> float:
        """Return the seconds that so many of the answers took at most; 0 where there are none."""
        taken = self.refused if of_refused else self.good
        return taken[min(len(taken) - 1, int(len(taken) * share))] if taken else 0.0


class _Connection(asyncio.Protocol):
    """One keep-alive connection; the answers are framed by ``Content-Length``."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._seen = b""
        self._due = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._load.idle(self)

    def send(self, due: float) -> None:
        self._due = due
        assert self.transport is not None
        self.transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, separator, body = self._seen.partition(b"\r\n\r\n")
        if not separator:
            return
        lowered = head.lower()
        length = int(lowered.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        self._seen = b""
        due, self._due = self._due, 0.0
        self._load.answered(int(head[9:12]), time.perf_counter() - due, b"retry-after:" in lowered)
        self._load.idle(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._load.lost(self, in_flight=bool(self._due))


class Load:
    """One run."""

    def __init__(self, port: int, path: str, rate: float, seconds: float) -> None:
        self.request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        self.result = Result(seconds=seconds)
        self._port = port
        self._rate = rate
        self._idle: deque[_Connection] = deque()
        self._waiting: deque[float] = deque()
        self._open = 0
        self._in_flight = 0
        self._closed_until = 0.0
        self._connecting: set[asyncio.Task[object]] = set()

    async def run(self) -> Result:
        """Offer the load, and wait for the last answers."""
        await (self._keep_asking() if self._rate == 0 else self._offer())
        ends = time.perf_counter() + DRAIN_S
        while (self._in_flight or self._waiting) and time.perf_counter() < ends:  # noqa: ASYNC110 - asked seldom
            await asyncio.sleep(0.01)
        self.result.unanswered = self._in_flight + len(self._waiting)
        for taken in (self.result.good, self.result.refused, self.result.late):
            taken.sort()
        return self.result

    async def _keep_asking(self) -> None:
        self._closed_until = time.perf_counter() + self.result.seconds
        for _ in range(CLOSED):
            self._ask(time.perf_counter())
        await asyncio.sleep(self.result.seconds)

    async def _offer(self) -> None:
        dice = random.Random(20260102)
        began = time.perf_counter()
        due = began
        while (due := due + dice.expovariate(self._rate)) < began + self.result.seconds:
            now = time.perf_counter()
            if due > now:
                await asyncio.sleep(due - now)
            elif self.result.offered % 64 == 0:
                await asyncio.sleep(0)
            self.result.late.append(time.perf_counter() - due)
            self.result.offered += 1
            self._ask(due)

    def _ask(self, due: float) -> None:
        if self._idle:
            self._in_flight += 1
            self._idle.popleft().send(due)
            return
        self._waiting.append(due)
        if self._open < CONNECTIONS:
            self._open += 1
            loop = asyncio.get_running_loop()
            task: asyncio.Task[object] = loop.create_task(self._connect())
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        except OSError:
            self._open -= 1
            self.result.failed += 1

    def idle(self, connection: _Connection) -> None:
        if self._waiting:
            self._in_flight += 1
            connection.send(self._waiting.popleft())
        elif (now := time.perf_counter()) < self._closed_until:
            self._in_flight += 1
            connection.send(now)
        else:
            self._idle.append(connection)

    def answered(self, status: int, took_s: float, hinted: bool) -> None:
        self._in_flight -= 1
        if status < 300:
            self.result.good.append(took_s)
        elif status in (503, 504):
            self.result.refused.append(took_s)
            self.result.without_hint += status == 503 and not hinted
        else:
            self.result.failed += 1

    def lost(self, connection: _Connection, *, in_flight: bool) -> None:
        self._open -= 1
        if in_flight:
            self._in_flight -= 1
            self.result.failed += 1
        elif connection in self._idle:
            self._idle.remove(connection)


def offer(port: int, path: str, rate: float, seconds: float, *, processor: int | None = None) -> Result:
    """Offer load from a process of its own and return what became of it.

    Args:
        port: Where, on this machine.
        path: What is asked for.
        rate: Requests in a second; 0 for the capacity.
        seconds: For how long.
        processor: The processor that the generator has to itself.
    """
    command = [sys.executable, "-m", "tests.support.open_loop", str(port), path, str(rate), str(seconds)]
    pinned = ["taskset", "-c", str(processor), *command] if processor is not None else command
    done = subprocess.run(pinned, cwd=ROOT, capture_output=True, text=True, timeout=seconds + 60, check=True)
    return Result(**json.loads(done.stdout))


def main(argv: list[str]) -> None:
    port, path, rate, seconds = argv
    gc.disable()
    result = asyncio.run(Load(int(port), path, float(rate), float(seconds)).run())
    sys.stdout.write(json.dumps(asdict(result)))


if __name__ == "__main__":
    main(sys.argv[1:])
