"""What is left of a test run that does not come to its end: nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.supervised import Workspace, kill_all, write_shop
from tests.support.waiting import wait_until

pytestmark = pytest.mark.serving

WAITING = """
import json, os, time

def test_something_long(topology):
    told = {name: one["pid"] for name, one in topology.services.items()}
    told["supervisor"] = topology.commands.document("ps")["pid"]
    with open("pids.new", "w") as file:
        json.dump(told, file)
    os.replace("pids.new", "pids.json")
    time.sleep(300)
"""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[tuple[Workspace, subprocess.Popen[bytes], Path]]:
    """Run pytest in a workspace, until its one test waits with a topology running beside it."""
    shop = Workspace(write_shop(tmp_path / "shop"))
    (shop.root / "test_long.py").write_text(WAITING)
    base = tmp_path / "base"
    environ = {**shop.environ(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    del environ["DECANT_HOME"]
    arguments = ["-p", "decant.testing.plugin", "--topology", "services", "--basetemp", str(base), "test_long.py"]
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments], cwd=shop.root, env=environ, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, process_group=0,
    ) as process:  # fmt: skip
        try:
            wait_until((shop.root / "pids.json").exists, within_s=50, what="the test that waits")
            yield shop, process, base
        finally:
            process.kill()
            for home in [entry.parent for entry in base.rglob("run") if entry.is_dir()]:
                kill_all(home)


def pids(shop: Workspace) -> dict[str, int]:
    found: dict[str, int] = json.loads((shop.root / "pids.json").read_text())
    assert {"supervisor", "cart", "web"} <= set(found)
    return found


def left(shop: Workspace) -> list[str]:
    return [name for name, pid in pids(shop).items() if pid and Path(f"/proc/{pid}").exists()]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        signal.SIGKILL,
    ],
)
def test_nothing_is_left_of_a_run_that_is_ended(
    session: tuple[Workspace, subprocess.Popen[bytes], Path], number: signal.Signals
) -> None:
    shop, process, _ = session
    assert sorted(left(shop)) == sorted(name for name, pid in pids(shop).items() if pid)
    os.kill(process.pid, number)
    process.wait(60)
    wait_until(lambda: not left(shop), within_s=60, what=f"the end of {pids(shop)} after {number.name}")
