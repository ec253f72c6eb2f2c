"""Who may supervise, and what is found of a supervisor that was killed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from decant.errors import CommandError
from decant_tools.run.control import ask
from decant_tools.run.folder import KEPT_RUNS, RUN_NAME, RunFolder, processes_of
from tests.support.waiting import wait_until


def test_there_is_one_claim_at_a_time(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not folder.is_claimed()
    with folder.claimed():
        assert folder.is_claimed()
        with pytest.raises(CommandError, match="runs already") as caught, RunFolder(tmp_path).claimed():
            pass
    assert caught.value.exit_code == 6
    assert not folder.is_claimed()


def test_only_the_newest_runs_are_kept(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    runs = [folder.new_run() for _ in range(KEPT_RUNS + 3)]
    assert len(list(folder.path.glob("*/logs"))) == KEPT_RUNS
    assert folder.latest() in runs


def test_what_a_killed_supervisor_left_is_ended_whoever_its_parent_is(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    run = folder.new_run()
    folder.write_state(run=run, pid=1)
    code = "import os, time; os.setsid(); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], env={**os.environ, RUN_NAME: run}) as left:
        wait_until(lambda: processes_of(run) == [left.pid], within_s=30)
        with folder.claimed():
            assert folder.clean() == [left.pid]
        assert left.wait(30) != 0
    assert folder.read_state() == {}


def test_a_deep_home_has_a_socket_too(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path.joinpath(*["a-long-folder-name"] * 8))
    folder.path.mkdir(parents=True)
    with folder.socket_path() as path, socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        assert (folder.path / "control.sock").exists()


def test_where_nothing_runs_a_command_says_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Nothing of this workspace runs") as caught:
        ask(RunFolder(tmp_path), "status")
    assert caught.value.exit_code == 4


def test_a_look_at_the_claim_does_not_take_it_from_a_supervisor_that_starts(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.path.mkdir(parents=True)
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            folder.is_claimed()

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(200):
            with folder.claimed():
                pass
    finally:
        over.set()
        looking.join()
