"""Processes that leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from decant.serving.process import PARENT, children_environ, end_process, launch, obey_parent

SLEEPER = "import os, time; from decant.serving.process import obey_parent; obey_parent(os.environ); print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def gone(pid: int, timeout_s: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def test_a_launched_process_dies_with_its_parent_however_that_ends() -> None:
    launcher = (
        "import os, sys, time; from decant.serving.process import launch;"
        f"print(launch([sys.executable, '-c', {SLEEPER!r}], os.environ).pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", launcher], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        said = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
        child = int((said - {"up"}).pop())
        parent.send_signal(signal.SIGKILL)
        assert gone(child)


def test_a_process_whose_parent_is_gone_already_does_not_start() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SLEEPER], env={**os.environ, PARENT: "1"}, capture_output=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout) == (1, b"")


def test_without_a_launcher_nothing_is_obeyed() -> None:
    obey_parent({})
    obey_parent({PARENT: "nonsense"})


def test_a_launched_process_leads_a_group_of_its_own_unless_it_shares_the_terminal() -> None:
    for own_group in (True, False):
        process = launch([sys.executable, "-c", "import time; time.sleep(60)"], os.environ, own_group=own_group)
        try:
            assert (os.getpgid(process.pid) == process.pid) is own_group
        finally:
            assert end_process(process, 5.0) == -signal.SIGTERM


def test_a_process_that_will_not_stop_is_killed_when_the_grace_is_over() -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, process_group=0) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert end_process(process, 0.1) == -signal.SIGKILL


def test_children_write_bytecode_and_say_things_at_once_and_choose_their_own_parent() -> None:
    made = children_environ({"PYTHONDONTWRITEBYTECODE": "1", PARENT: "7", "KEPT": "yes"}, EXTRA="too")
    assert made == {"KEPT": "yes", "PYTHONUNBUFFERED": "1", "EXTRA": "too"}
