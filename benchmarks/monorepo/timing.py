"""What one run of a program takes: wall time, processor time of it and all below it, the largest process's memory."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One run.

    Attributes:
        wall_ms: From before the process was started until it had ended.
        cpu_ms: User and system, of the process and of all that it waited for; a daemon's is not in it.
        rss_mib: The peak of the largest process among those.
    """

    wall_ms: float
    cpu_ms: float
    rss_mib: float


@dataclass
class Figures:
    """All runs of one program."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def wall_ms(self) -> float:
        return statistics.median(sample.wall_ms for sample in self.samples)

    @property
    def least_ms(self) -> float:
        return min(sample.wall_ms for sample in self.samples)

    @property
    def cpu_ms(self) -> float:
        return statistics.median(sample.cpu_ms for sample in self.samples)

    @property
    def rss_mib(self) -> float:
        return max(sample.rss_mib for sample in self.samples)


def run(argv: Sequence[str], folder: Path, environ: Mapping[str, str]) -> tuple[Sample, str]:
    """Run a program once, and return what it took and what it printed to standard output.

    Raises:
        SystemExit: It failed, or took longer than ``LIMIT_S`` seconds.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        started = time.perf_counter()
        process = subprocess.Popen(
            argv, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, stdout=out, stderr=error
        )
        alarm = Timer(LIMIT_S, process.kill)
        alarm.start()
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        alarm.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        error.seek(0)
        printed = out.read().decode(errors="replace")
        if process.returncode:
            text = f"{printed[-2000:]}{error.read().decode(errors='replace')[-2000:]}"
            raise SystemExit(f"{' '.join(argv)} ended with {process.returncode} in {folder}:\n{text}")
    return Sample(wall_s * 1e3, (used.ru_utime + used.ru_stime) * 1e3, _mib(used)), printed


def _mib(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)
