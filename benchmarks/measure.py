"""Time variants against each other.

Every variant runs in a process of its own (an exporter thread of one must not burn the time of another),
pinned to one processor, in turns (a neighbour's load hits all alike). What counts is the ratio of medians of
CPU time, all threads included; wall time stands beside it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

BLOCK_S = 0.4
"""Seconds that one block of calls should take."""


@dataclass(frozen=True, slots=True)
class Figure:
    """The medians of one variant, in microseconds per call."""

    cpu_us: float
    wall_us: float
    blocks: int


def measure(variants: Sequence[str], *, rounds: int = 7) -> dict[str, Figure]:
    """Run each variant ``rounds`` times, in turns.

    Args:
        variants: ``module:function`` below ``benchmarks.variants``, for instance ``operation:bare``.
        rounds: How often each is run.
    """
    samples: dict[str, list[tuple[float, float]]] = {variant: [] for variant in variants}
    for _ in range(rounds):
        for variant in variants:
            samples[variant].append(_run(variant))
    return {
        variant: Figure(
            statistics.median(cpu for cpu, _ in taken), statistics.median(wall for _, wall in taken), len(taken)
        )
        for variant, taken in samples.items()
    }


def _run(variant: str) -> tuple[float, float]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "DECANT_"))}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.measure", variant],
        capture_output=True, text=True, timeout=120, env=environ, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"The variant {variant} failed:\n{done.stderr}")
    cpu, wall = json.loads(done.stdout.splitlines()[-1])
    return cpu, wall


def _time(call: Callable[[], object], finish: Callable[[], object] | None) -> tuple[float, float]:
    for _ in range(200):
        call()
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < 0.05:
        call()
        count += 1
    repeats = max(1, int(count * BLOCK_S / 0.05))
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(repeats):
        call()
    if finish is not None:
        finish()
    return (time.process_time() - cpu) / repeats * 1e6, (time.perf_counter() - wall) / repeats * 1e6


def _main(variant: str) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[-1]})
    module, function = variant.split(":")
    made = getattr(import_module(f"benchmarks.variants.{module}"), function)()
    call, finish = made if isinstance(made, tuple) else (made, None)
    print(json.dumps(_time(call, finish)))


if __name__ == "__main__":
    _main(sys.argv[1])
