from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from decant_tools.run.folder import processes_of
from decant_tools.workspace.tasks.process import Ended, Log, Process

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def run(
    code: str,
    folder: Path,
    timeout_s: float = 30.0,
    act: Callable[[Process], None] | None = None,
    *,
    grace_s: float = 0.5,
) -> tuple[Ended, bytes]:
    """Run Python code; do something with the process once it has written its first bytes."""
    process = Process([sys.executable, "-c", code], folder, os.environ, grace_s=grace_s)
    output = bytearray()

    def take(chunk: bytes) -> None:
        is_first = not output
        output.extend(chunk)
        if act and is_first:
            threading.Thread(target=act, args=(process,)).start()

    ended = process.wait(take, timeout_s)
    assert processes_of(process._mark) == []
    return ended, bytes(output)


def test_output_and_exit_code_come_back(tmp_path: Path) -> None:
    code = "import sys, os; print(os.getcwd()); sys.stderr.write('bad\\n'); sys.exit(3)"
    ended, output = run(code, tmp_path)
    assert (ended.exit_code, ended.is_late) == (3, False)
    assert set(output.decode().split()) == {str(tmp_path), "bad"}


def test_what_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    code = "import subprocess, sys, time; subprocess.Popen(['sleep', '60'], start_new_session=True); print('x', flush=True); time.sleep(60)"
    began = time.monotonic()
    ended, _ = run(code, tmp_path, timeout_s=0.5)
    assert ended.is_late
    assert time.monotonic() - began < 10


def test_what_ignores_being_ended_is_killed(tmp_path: Path) -> None:
    ended, output = run(STUBBORN, tmp_path, timeout_s=1.0, grace_s=0.3)
    assert ended.is_late
    assert output == b"up\n"


def test_what_goes_on_after_the_end_of_a_task_ends_with_it(tmp_path: Path) -> None:
    code = "import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True); print('done')"
    ended, output = run(code, tmp_path)
    assert (ended.exit_code, output) == (0, b"done\n")


def test_an_interrupt_is_that_of_ctrl_c(tmp_path: Path) -> None:
    code = "import os, time\ntry: os.write(1, b'up\\n'); time.sleep(60)\nexcept KeyboardInterrupt: print('tidy', flush=True)"
    ended, output = run(code, tmp_path, act=Process.interrupt, grace_s=5)
    assert (ended.exit_code, output) == (0, b"up\ntidy\n")


def test_an_interrupt_reaches_what_a_shell_runs(tmp_path: Path) -> None:
    inner = "import os, time\ntry: os.write(1, b'up\\n'); time.sleep(60)\nexcept KeyboardInterrupt: print('tidy', flush=True)"
    (tmp_path / "inner.py").write_text(inner)
    process = Process(["/bin/sh", "-c", f"{sys.executable} inner.py; true"], tmp_path, os.environ, grace_s=5)
    output = bytearray()

    def take(chunk: bytes) -> None:
        if not output:
            threading.Thread(target=process.interrupt).start()
        output.extend(chunk)

    process.wait(take, 30)
    assert b"tidy" in output


def test_an_interrupt_that_is_ignored_becomes_the_end(tmp_path: Path) -> None:
    code = STUBBORN.replace(
        "import signal, time;", "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN);"
    )
    began = time.monotonic()
    ended, _ = run(code, tmp_path, act=Process.interrupt, grace_s=0.3)
    assert time.monotonic() - began < 10
    assert not ended.is_late


def test_a_kill_takes_everything_at_once(tmp_path: Path) -> None:
    code = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}], start_new_session=True).wait()"
    )
    began = time.monotonic()
    ended, _ = run(code, tmp_path, act=Process.kill, grace_s=30)
    assert ended.exit_code == -9
    assert time.monotonic() - began < 10


def test_a_program_that_is_not_there_is_a_failure_that_says_so(tmp_path: Path) -> None:
    process = Process(["no-such-program"], tmp_path, os.environ)
    output = bytearray()
    assert process.wait(output.extend, 10).exit_code == 127
    assert b"no-such-program" in output


def test_a_log_keeps_all_of_a_short_output(tmp_path: Path) -> None:
    log = Log(tmp_path / "logs/x.log", limit_bytes=100)
    for _ in range(9):
        log.write(b"0123456789")
    assert not log.path.exists()
    log.close()
    assert log.path.read_bytes() == b"0123456789" * 9


@pytest.mark.parametrize("chunk", [1, 7, 100, 1000])
def test_a_log_keeps_the_beginning_and_the_end_of_a_long_output(tmp_path: Path, chunk: int) -> None:
    content = b"".join(b"%06d\n" % number for number in range(1000))
    log = Log(tmp_path / "x.log", limit_bytes=200)
    for at in range(0, len(content), chunk):
        log.write(content[at : at + chunk])
    log.close()
    kept = log.path.read_bytes()
    assert kept.startswith(content[:100])
    assert kept.endswith(content[-100:])
    assert f"[… {len(content) - 200} bytes left out …]".encode() in kept
