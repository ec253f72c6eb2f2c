"""Time variants against each other.

Every variant runs in a process of its own (an exporter thread of one must not burn the time of another),
pinned to one processor, in turns (a neighbour's load hits all alike). A process times many short blocks; the figure
is the best block of all processes, as a block is only ever slowed down by what else the machine does. CPU time, all
threads included, is what counts; wall time stands beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

BLOCK_S = 0.02
"""Seconds that one block of calls should take: long enough for the garbage collector's smaller rounds."""

BLOCKS = 25
"""Blocks that one process times."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What one variant takes, in microseconds per call: the best of its blocks."""

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
        variant: Figure(min(cpu for cpu, _ in taken), min(wall for _, wall in taken), len(taken))
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
    """Return the best block's CPU and wall time, in microseconds per call; ``finish`` is part of each block."""
    for _ in range(200):
        call()
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < BLOCK_S:
        call()
        count += 1
    blocks = [_block(call, finish, max(1, count)) for _ in range(BLOCKS)]
    return min(cpu for cpu, _ in blocks), min(wall for _, wall in blocks)


def _block(call: Callable[[], object], finish: Callable[[], object] | None, repeats: int) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(repeats):
        call()
    if finish is not None:
        finish()
    return (time.process_time() - cpu) / repeats * 1e6, (time.perf_counter() - wall) / repeats * 1e6


def _main(variant: str) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[-1]})
    result = os.dup(1)  # a variant may close or redirect standard output
    module, function = variant.split(":")
    made = getattr(import_module(f"benchmarks.variants.{module}"), function)()
    call, finish = made if isinstance(made, tuple) else (made, None)
    os.write(result, json.dumps(_time(call, finish)).encode())


if __name__ == "__main__":
    _main(sys.argv[1])
