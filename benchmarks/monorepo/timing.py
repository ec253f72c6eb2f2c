"""What one run of a program takes: wall time, processor time of it and all below it, the largest process's memory."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

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


LAUNCHER = """
import os, sys, time
result, argv = int(sys.argv[1]), sys.argv[2:]
os.set_inheritable(result, False)
began = time.perf_counter()
_, status, used = os.wait4(os.posix_spawnp(argv[0], argv, os.environ), 0)
wall_s = time.perf_counter() - began
os.write(result, f"{wall_s} {used.ru_utime + used.ru_stime} {used.ru_maxrss}".encode())
sys.exit(os.waitstatus_to_exitcode(status) & 255)
"""
"""A small process that starts the measured one: the kernel counts the memory of who starts a process as its own."""


def run(argv: Sequence[str], folder: Path, environ: Mapping[str, str]) -> tuple[Sample, str]:
    """Run a program once, and return what it took and what it printed to standard output.

    Raises:
        SystemExit: It failed, or took longer than ``LIMIT_S`` seconds.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error, tempfile.TemporaryFile() as result:
        process = subprocess.Popen(  # files, not pipes: a daemon that stays would hold them open
            [sys.executable, "-S", "-E", "-c", LAUNCHER, str(result.fileno()), *argv], cwd=folder, env=dict(environ),
            stdin=subprocess.DEVNULL, stdout=out, stderr=error, pass_fds=[result.fileno()], start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        printed, said, measured = (_content(each) for each in (out, error, result))
    if code:
        raise SystemExit(f"{' '.join(argv)} ended with {code} in {folder}:\n{printed[-2000:]}{said[-2000:]}")
    wall_s, cpu_s, rss = map(float, measured.split())
    return Sample(wall_s * 1e3, cpu_s * 1e3, rss / (1024 if sys.platform == "linux" else 1024 * 1024)), printed


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
