"""One process kept alive: what is asked of it while something else is being done to it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from decant.errors import CommandError
from decant_tools.run.instance import Instance
from decant_tools.run.keeper import Keeper
from decant_tools.run.lines import Fields
from decant_tools.run.plan import HOST, ProcessPlan
from decant_tools.run.ports import Ports, free_ports
from decant_tools.run.readiness import Probe

WITHIN_S = 60.0
SERVES = """
import os, signal, socket, sys, time
served = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
def stop(*_):
    print("asked to stop", flush=True)
    time.sleep(float(os.environ["LASTS_S"]))
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
while True:
    served.accept()[0].close()
"""


def plan_of(folder: Path, code: str, lasts_s: float = 0.0) -> ProcessPlan:
    (port,) = free_ports(1)
    environ = {**os.environ, "PORT": str(port), "LASTS_S": str(lasts_s)}
    argv = (sys.executable, "-c", code)
    return ProcessPlan("bank", "bank", "foreign", argv, environ, folder, port, Probe(HOST, port), grace_s=30.0)


def run(work: Callable[[], object]) -> None:
    async def within() -> None:
        async with asyncio.timeout(WITHIN_S):
            await work()  # type: ignore[misc]

    asyncio.run(within())


def test_what_is_started_while_it_stops_runs_when_the_old_process_is_gone(tmp_path: Path) -> None:
    async def work() -> None:
        asked = asyncio.Event()

        def hear(fields: Fields) -> None:
            if fields["message"] == "asked to stop":
                asked.set()

        keeper = Keeper(plan_of(tmp_path, SERVES, lasts_s=0.5), Ports(), hear, lambda sentence: None)
        keeper.start()
        await keeper.settled.wait()
        first = keeper.pid
        stopping = asyncio.create_task(keeper.stop())
        await asked.wait()
        keeper.start()
        await stopping
        await keeper.settled.wait()
        try:
            assert (keeper.state, keeper.restarts) == ("ready", 0)
            assert keeper.pid not in {first, None}
        finally:
            await keeper.stop()
        assert (keeper.state, keeper.pid) == ("stopped", None)

    run(work)


def test_two_restarts_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    async def work() -> None:
        keeper = Keeper(plan_of(tmp_path, SERVES), Ports(), lambda fields: None, lambda sentence: None)
        keeper.start()
        await keeper.settled.wait()
        try:
            await asyncio.gather(keeper.restart(), keeper.restart())
            assert keeper.state == "ready"
        finally:
            await keeper.stop()

    run(work)


def test_one_that_never_answers_can_be_restarted_at_any_time(tmp_path: Path) -> None:
    async def work() -> None:
        program = tmp_path / "program.py"
        program.write_text("import time; time.sleep(600)")
        keeper = Keeper(
            plan_of(tmp_path, f"exec(open({str(program)!r}).read())"), Ports(), lambda fields: None, lambda said: None
        )
        keeper.start()
        first = asyncio.create_task(keeper.restart())
        await asyncio.wait({first}, timeout=0.3)
        assert not first.done()
        program.write_text(SERVES)
        try:
            await keeper.restart()
            await first  # it waits for what runs now, and not for what is gone
            assert keeper.state == "ready"
        finally:
            await keeper.stop()

    run(work)


def test_a_restart_does_not_wait_for_ever_and_leaves_running_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decant_tools.run.keeper.READY_WITHIN_S", 0.3)

    async def work() -> None:
        keeper = Keeper(
            plan_of(tmp_path, "import time; time.sleep(600)"), Ports(), lambda fields: None, lambda said: None
        )
        try:
            with pytest.raises(CommandError, match=r"^bank is not ready after 0.3 s: 127.0.0.1:\d+: ") as caught:
                await keeper.restart()
            assert caught.value.exit_code == 5
            assert keeper.pid is not None
        finally:
            await keeper.stop()

    run(work)


def test_a_process_is_no_zombie_once_it_has_ended_and_its_group_is_gone(tmp_path: Path) -> None:
    async def work() -> None:
        instance = await Instance.start(
            plan_of(tmp_path, "import subprocess; subprocess.Popen(['sleep', '600']); raise SystemExit(7)"),
            None,
            lambda fields: None,
        )
        await instance.ended.wait()
        assert instance.returncode == 7
        with pytest.raises(ProcessLookupError):
            os.kill(instance.pid, 0)
        instance.kill()  # nobody is hit any more

    run(work)


def test_a_line_that_cannot_be_read_as_json_is_a_line(tmp_path: Path) -> None:
    async def work() -> None:
        heard: list[Fields] = []
        deep = "print('{\"a\":' * 20000); print('after')"
        instance = await Instance.start(plan_of(tmp_path, deep), None, heard.append)
        await instance.ended.wait()
        assert [fields["message"] for fields in heard][1:] == ["after"]

    run(work)
