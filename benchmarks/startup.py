"""How long an example takes from the command to its first answer, its data prepared; and what its processes weigh."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[1] / "examples"
DECANT = str(Path(sys.executable).with_name("decant"))
WITHIN_S = 120
BARS = (("bookclub", "monolith", 3.0), ("store", "monolith", 3.0), ("store", "services", 6.0))


def ready_seconds(rounds: int, example: str = "bookclub", topology: str = "monolith") -> float:
    """Return the median of ``rounds`` starts; one more start before them prepares the data."""
    with tempfile.TemporaryDirectory() as home:
        _start(home, example, topology)
        return statistics.median(_start(home, example, topology)[0] for _ in range(rounds))


def memory_mib(example: str, topology: str) -> dict[str, float]:
    """Return what each service weighs: its proportional set size, what processes share counted once."""
    with tempfile.TemporaryDirectory() as home:
        return _start(home, example, topology)[1]


def report(rounds: int) -> bool:
    """Measure every start and print it beside its bar; return whether all are reached."""
    print("\n### Start of the examples\n\n| `decant up -d` | ready, s | bar |\n| --- | --- | --- |")
    reached = []
    for example, topology, bar_s in BARS:
        seconds = ready_seconds(rounds, example, topology)
        reached.append(seconds <= bar_s)
        verdict = "reached" if reached[-1] else "**missed**"
        print(f"| {example}, {topology} | {seconds:.2f} | ≤ {bar_s:g}: {verdict} |", flush=True)
    for topology in ("monolith", "services"):
        weights = memory_mib("store", topology)
        each = ", ".join(f"{name} {weight:.0f}" for name, weight in weights.items())
        print(
            f"\nMemory of the store as {topology}, MiB (PSS): {sum(weights.values()):.0f} together; {each}", flush=True
        )
    return all(reached)


def _start(home: str, example: str, topology: str) -> tuple[float, dict[str, float]]:
    environ = {**os.environ, "DECANT_HOME": home}
    argv = [DECANT, "up", "-d", "--json", "--no-reload", "--topology", topology, "--port", "0", "--port-auto"]
    options: dict[str, Any] = {"cwd": EXAMPLES / example, "env": environ, "timeout": WITHIN_S}
    started = time.perf_counter()
    try:
        done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options)
        seconds = time.perf_counter() - started
        services = json.loads(done.stdout)["services"]
        return seconds, {each["name"]: _mib(each["pid"]) for each in services if each["pid"]}
    finally:
        subprocess.run([DECANT, "down"], check=True, stderr=subprocess.DEVNULL, **options)


def _mib(pid: int) -> float:
    """Return the proportional set size of a process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    return own + sum(_mib(int(child)) for child in children)
