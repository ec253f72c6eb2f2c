"""What starts a foreign command ends with everything that the command started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from decant_tools.run import shim
from tests.support.supervised import is_alive
from tests.support.waiting import wait_until

DAEMON = "setsid sh -c 'echo $$ >daemon; exec sleep 600' & "


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[int]]:
    pids: list[int] = []
    yield pids
    for pid in pids:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)


def start(folder: Path, command: str, grace_s: float = 5.0) -> subprocess.Popen[str]:
    argv = [sys.executable, "-I", "-S", shim.__file__, str(os.getpid()), str(grace_s), "sh", "-c", command]
    return subprocess.Popen(argv, cwd=folder, process_group=0, text=True, stderr=subprocess.PIPE)


def daemon_of(folder: Path, started: list[int]) -> int:
    pid = int(wait_until(lambda: (folder / "daemon").read_text().strip(), within_s=30))
    started.append(pid)
    return pid


@pytest.mark.parametrize("command", ["exit 7", f"{DAEMON} sleep 0.5; exit 7"])
def test_an_exit_code_is_passed_on(tmp_path: Path, started: list[int], command: str) -> None:
    with start(tmp_path, command) as process:
        assert process.wait(30) == 7
    if "daemon" in command:
        assert not is_alive(daemon_of(tmp_path, started))


def test_a_signal_is_passed_on(tmp_path: Path) -> None:
    with start(tmp_path, "kill -KILL $$") as process:
        assert process.wait(30) == -signal.SIGKILL


def test_a_stop_ends_daemons_too_and_those_that_do_not_want_to(tmp_path: Path, started: list[int]) -> None:
    with start(tmp_path, f"trap : TERM; {DAEMON} while :; do sleep 0.1; done", grace_s=0.3) as process:
        daemon = daemon_of(tmp_path, started)
        process.terminate()
        assert process.wait(30) == 0
    assert not is_alive(daemon)


def test_a_command_ends_with_a_shim_that_is_killed(tmp_path: Path, started: list[int]) -> None:
    with start(tmp_path, "echo $$ >daemon; exec sleep 600") as process:
        command = daemon_of(tmp_path, started)
        process.kill()
        wait_until(lambda: not is_alive(command), within_s=30)


def test_everything_ends_with_a_supervisor_that_is_killed(tmp_path: Path, started: list[int]) -> None:
    code = (
        "import os, subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-I', '-S', {shim.__file__!r}, str(os.getpid()), '1', 'sh', '-c', "
        f"{DAEMON + 'sleep 600'!r}], process_group=0).wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) as supervisor:
        daemon = daemon_of(tmp_path, started)
        supervisor.kill()
        wait_until(lambda: not is_alive(daemon), within_s=30)


def test_a_shim_whose_supervisor_is_gone_already_starts_nothing(tmp_path: Path) -> None:
    argv = [sys.executable, "-I", "-S", shim.__file__, "1", "1", "touch", str(tmp_path / "ran")]
    assert subprocess.run(argv, check=False, timeout=30).returncode == 1
    assert not (tmp_path / "ran").exists()


def test_a_command_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    argv = [sys.executable, "-I", "-S", shim.__file__, str(os.getpid()), "1", "no-such-program"]
    done = subprocess.run(argv, check=False, timeout=30, text=True, capture_output=True)
    assert (done.returncode, done.stderr.count("\n")) == (127, 1)
