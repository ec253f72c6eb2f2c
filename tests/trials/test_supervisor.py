"""R30: what is killed is started again, and nothing is left of a supervisor that was killed itself."""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.supervised import Workspace, is_alive, kill_all, left_of, write_shop
from tests.support.trials import dice, record, trials

pytestmark = [pytest.mark.trials, pytest.mark.timeout(0)]

RESTARTED_S, GONE_S, GIVEN_UP_S = 2.0, 5.0, 60.0
SHARE_OF_SUPERVISORS = 0.2
SERVICES = """
[services.bank]
command = "python server.py"
[services.deep]
command = "sh -c 'setsid sleep 600 & python server.py'"
"""


def test_a_killed_process_is_back_and_a_killed_supervisor_leaves_nothing(tmp_path: Path) -> None:
    workspace = Workspace(write_shop(tmp_path / "shop", topology="monolith", modules=("web",), services=SERVICES))
    home, drawn = workspace.root / ".decant", dice("supervisor")
    count, failures = trials(200), []
    try:
        document = workspace.up("--port", "0", "--no-reload")
        for number in range(count):
            if drawn.random() < SHARE_OF_SUPERVISORS:
                failures += kill_supervisor(document, home, number)
                document = workspace.up("--port", "0", "--no-reload")
                failures += [f"{number}: not ready" for each in document["services"] if each["health"] != "healthy"]
            else:
                failures += kill_process(workspace, drawn, number)
                document = workspace.json("ps")
        workspace.down()
        failures += [f"left at the end: pid {pid}" for pid in left_within(home, GONE_S)]
    finally:
        kill_all(home)
    record(
        "R30",
        promised="A killed process is started again within 2 s; a killed supervisor leaves no process and no port, "
        "and the next one starts",
        tried=f"`kill -9` of a random process, every fifth time of the supervisor; a service, a foreign command and "
        f"one that starts a daemon; orphans are looked for {GONE_S:g} s later",
        count=count,
        failures=failures,
        control="`kill -9` of a plain parent: its children go on",
    )


def kill_process(workspace: Workspace, drawn: random.Random, number: int) -> list[str]:
    """Kill one process of the run; return what went wrong."""
    victim = drawn.choice(workspace.json("ps")["services"])
    os.kill(victim["pid"], signal.SIGKILL)
    killed = time.time()
    ends = time.monotonic() + GIVEN_UP_S
    while time.monotonic() < ends:
        now = workspace.service(victim["name"])
        if now["pid"] not in {None, victim["pid"]} and now["state"] == "ready":
            took_s = started_at(now["pid"]) - killed
            return [f"{number}: {victim['name']} after {took_s:.1f} s"] if took_s > RESTARTED_S else []
    return [f"{number}: {victim['name']} did not come back"]


def kill_supervisor(document: dict[str, Any], home: Path, number: int) -> list[str]:
    """Kill the supervisor; return what it left."""
    os.kill(document["pid"], signal.SIGKILL)
    left = left_within(home, GONE_S)
    taken = [each["port"] for each in document["services"] if not can_bind(each["port"])]
    return [f"{number}: left {what}" for what in (*left, *taken)]


def left_within(home: Path, seconds: float) -> list[int]:
    """Return the processes that are left when the time is over; at once when there is none."""
    ends = time.monotonic() + seconds
    while (left := left_of(home)) and time.monotonic() < ends:
        time.sleep(0.05)
    return [pid for pid in left if is_alive(pid)]


def started_at(pid: int) -> float:
    """Return when a process was started, in seconds since 1970."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    booted = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    return int(booted.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")


def can_bind(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
