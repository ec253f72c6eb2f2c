"""The end of a process that is not ours."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from decant_tools.run.owner import ended


@pytest.mark.parametrize("is_linux", [True, False])
def test_the_end_of_a_process_is_seen(monkeypatch: pytest.MonkeyPatch, is_linux: bool) -> None:
    if not is_linux:
        monkeypatch.delattr(os, "pidfd_open")

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
