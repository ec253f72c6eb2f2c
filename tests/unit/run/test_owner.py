"""The end of a process that is not ours."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys

import pytest

from decant_tools.run.owner import ended


def refuse(pid: int) -> int:
    raise OSError(errno.ENOSYS, f"no file for {pid}")


@pytest.mark.parametrize("kernel", ["linux", "another", "a container that forbids it"])
def test_the_end_of_a_process_is_seen(monkeypatch: pytest.MonkeyPatch, kernel: str) -> None:
    if kernel == "another":
        monkeypatch.delattr(os, "pidfd_open")
    elif kernel != "linux":
        monkeypatch.setattr(os, "pidfd_open", refuse)

    async def watch(process: subprocess.Popen[bytes]) -> None:
        task = asyncio.create_task(ended(process.pid))
        await asyncio.sleep(0.05)
        assert not task.done()
        process.kill()
        process.wait()
        await asyncio.wait_for(task, 10)

    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"]) as process:
        try:
            asyncio.run(watch(process))
        finally:
            process.kill()


def test_a_process_that_is_not_there_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as process:
        pass
    asyncio.run(asyncio.wait_for(ended(process.pid), 10))
