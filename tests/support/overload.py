"""The curve of overload: what a service does for its clients when they ask for more and more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from decant.serving.ports import free_port
from decant.serving.process import end_process, launch
from tests.support.open_loop import Result, offer
from tests.support.waiting import wait_until

TIMES = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
"""What is offered, as multiples of the capacity."""

RECOVERY_S = 10.0
TRIES = 4

APP = """
import time
from flask import Flask, jsonify
from decant.kit import Kit, KitSettings

app = Flask("busy")
Kit(app, settings=KitSettings(access_log=False))


@app.get("/computes")
def computes():
    ends = time.thread_time() + 0.003
    while time.thread_time() < ends:
        pass
    return jsonify(done=True)


@app.get("/waits")
def waits():
    time.sleep(0.05)
    return jsonify(done=True)
"""


class Busy(Exception):
    """This machine has other things to do: its figures would say nothing about the service."""


@dataclass(frozen=True, slots=True)
class Point:
    """One load and what came of it."""

    times: float
    result: Result


@dataclass(frozen=True, slots=True)
class Curve:
    """All loads of one run.

    Attributes:
        path: What was asked for.
        capacity: Answers in a second to clients that wait for each.
        points: By load.
        recovery_s: Seconds from the end of the greatest load until half of the capacity was answered as if nothing
            had been.
    """

    path: str
    capacity: float
    points: tuple[Point, ...]
    recovery_s: float

    @property
    def kept(self) -> float:
        """The share of the best goodput that is left at the greatest load."""
        return self.points[-1].result.goodput / max(point.result.goodput for point in self.points)

    @property
    def refused_p99_s(self) -> float:
        """Seconds in which 99 % of the refusals were said, at the load where they took longest."""
        return max(point.result.percentile(0.99, of_refused=True) for point in self.points)

    def faults(self) -> list[str]:
        """Return what is not as it has to be."""
        found = []
        if self.kept < 0.8:
            found.append(f"{self.path}: goodput {self.kept:.0%} of its peak")
        if self.refused_p99_s >= 0.05:
            found.append(f"{self.path}: refusals took {self.refused_p99_s * 1e3:.0f} ms (p99)")
        if self.recovery_s > RECOVERY_S:
            found.append(f"{self.path}: not recovered after {self.recovery_s:.0f} s")
        lost = {point.times: point.result.improper for point in self.points}
        return found + [f"{self.path}: {many} without a proper answer at {x:g} x" for x, many in lost.items() if many]


def draw(port: int, path: str, seconds: float) -> Curve:
    """Draw one curve.

    Raises:
        Busy: When the generator cannot keep its times here.
    """
    processor = 1 if len(os.sched_getaffinity(0)) > 1 else None
    offer(port, path, 0, 1.0, processor=processor)
    capacity = _best(port, path, seconds, processor)
    points = tuple(Point(times, _valid(port, path, capacity * times, seconds, processor)) for times in TIMES)
    began, baseline = time.monotonic(), points[0].result.percentile(0.99)
    while time.monotonic() < began + RECOVERY_S:
        after = offer(port, path, capacity / 2, 1.0, processor=processor)
        if not after.refused and after.percentile(0.99) <= baseline * 2 + 0.05:
            break
    return Curve(path, capacity, points, time.monotonic() - began)


def _best(port: int, path: str, seconds: float, processor: int | None) -> float:
    if path == "/waits":  # what waits has no capacity of its own: as many as may wait at once
        return offer(port, path, 2000, seconds, processor=processor).goodput
    return offer(port, path, 0, seconds, processor=processor).goodput


def _valid(port: int, path: str, rate: float, seconds: float, processor: int | None) -> Result:
    for _ in range(TRIES):
        result = offer(port, path, rate, seconds, processor=processor)
        if result.is_valid:
            return result
    raise Busy(f"the load generator was late in {TRIES} of {TRIES} tries; nothing else may run on this machine")


@contextmanager
def busy_service(folder: Path, *arguments: str) -> Iterator[int]:
    """Serve an application that computes for 3 ms or waits for 50 ms, on a processor of its own; yields the port."""
    (folder / "busy_app.py").write_text(APP)
    port = free_port()
    argv = [str(Path(sys.executable).with_name("decant")), "serve", "busy_app:app", "--bind", f"127.0.0.1:{port}"]
    pinned = ["taskset", "-c", "0", *argv] if len(os.sched_getaffinity(0)) > 1 else argv
    log = folder / "busy.log"
    with log.open("wb") as output:
        process: subprocess.Popen[bytes] = launch(
            [*pinned, *arguments], {**os.environ, "PYTHONPATH": str(folder)}, cwd=str(folder), output=output
        )
    try:
        wait_until(
            lambda: requests.get(f"http://127.0.0.1:{port}/health/live", timeout=5).status_code == 200,
            within_s=60,
            what="the service answers",
        )
        yield port
    finally:
        end_process(process, 15)
