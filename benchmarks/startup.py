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
    return _medians(rounds, example, topology)[0]


def _medians(rounds: int, example: str, topology: str) -> tuple[float, float]:
    """Return seconds until ready and seconds of processor time, of all processes together."""
    with tempfile.TemporaryDirectory() as home:
        _start(home, example, topology)
        starts = [_start(home, example, topology) for _ in range(rounds)]
    return statistics.median(start[0] for start in starts), statistics.median(start[1] for start in starts)


def memory_mib(example: str, topology: str) -> dict[str, float]:
    """Return what each service weighs: its proportional set size, what processes share counted once."""
    with tempfile.TemporaryDirectory() as home:
        return _start(home, example, topology)[2]


def report(rounds: int) -> bool:
    """Measure every start and print it beside its bar; return whether all are reached."""
    print("\n### Start of the examples\n\n| `decant up -d` | ready, s | CPU, s | bar |\n| --- | --- | --- | --- |")
    reached = []
    for example, topology, bar_s in BARS:
        seconds, cpu_s = _medians(rounds, example, topology)
        reached.append(seconds <= bar_s)
        verdict = "reached" if reached[-1] else "**missed**"
        print(f"| {example}, {topology} | {seconds:.2f} | {cpu_s:.2f} | ≤ {bar_s:g}: {verdict} |", flush=True)
    for topology in ("monolith", "services"):
        weights = memory_mib("store", topology)
        each = ", ".join(f"{name} {weight:.0f}" for name, weight in weights.items())
        print(
            f"\nMemory of the store as {topology}, MiB (PSS): {sum(weights.values()):.0f} together; {each}", flush=True
        )
    return all(reached)


def _start(home: str, example: str, topology: str) -> tuple[float, float, dict[str, float]]:
    environ = {**os.environ, "DECANT_HOME": home}
    argv = [DECANT, "up", "-d", "--json", "--no-reload", "--topology", topology, "--port", "0", "--port-auto"]
    options: dict[str, Any] = {"cwd": EXAMPLES / example, "env": environ, "timeout": WITHIN_S}
    started = time.perf_counter()
    try:
        done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options)
        seconds = time.perf_counter() - started
        document = json.loads(done.stdout)
        services, cpu_s = document["services"], _cpu_s(document["pid"])
        return seconds, cpu_s, {each["name"]: _mib(each["pid"]) for each in services if each["pid"]}
    finally:
        subprocess.run([DECANT, "down"], check=True, stderr=subprocess.DEVNULL, **options)


def _cpu_s(pid: int) -> float:
    """Return the processor time of a process and all below it, those that have ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") + sum(_cpu_s(int(child)) for child in children)


def _mib(pid: int) -> float:
    """Return the proportional set size of a process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    return own + sum(_mib(int(child)) for child in children)
