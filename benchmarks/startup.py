"""How long the example takes from the command to its first answer, its data prepared."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

BOOKCLUB = Path(__file__).parents[1] / "examples" / "bookclub"


def ready_seconds(rounds: int) -> float:
    """Return the median of ``rounds`` starts; one more start before them prepares the data."""
    with tempfile.TemporaryDirectory() as home:
        _start(home)
        return statistics.median(_start(home) for _ in range(rounds))


def _start(home: str) -> float:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = [str(Path(sys.executable).with_name("decant")), "run", "--seed", "--port", str(port)]
    started = time.perf_counter()
    process = subprocess.Popen(
        argv, cwd=BOOKCLUB, env={**os.environ, "DECANT_HOME": home}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        while time.perf_counter() - started < 60:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).read()
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.01)
            else:
                return time.perf_counter() - started
        raise SystemExit("the example did not answer within 60 s")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(15)
