"""Runs every process of a topology until it is told to stop: databases first, then each service by readiness."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from signal import SIG_BLOCK, SIGHUP, SIGINT, SIGTERM, pthread_sigmask
from typing import Any

from decant.errors import CommandError
from decant_tools.run.control import Request, listening
from decant_tools.run.elsewhere import ports_of
from decant_tools.run.folder import RUN_NAME, RunFolder, end_run
from decant_tools.run.instance import Instance
from decant_tools.run.keeper import Keeper
from decant_tools.run.lines import Fields
from decant_tools.run.logfiles import SUFFIX, LogFile
from decant_tools.run.owner import ended
from decant_tools.run.plan import Planned
from decant_tools.run.planner import Planner
from decant_tools.run.readiness import Probe
from decant_tools.run.status import describe
from decant_tools.run.watch import Watcher, changed_files

DATABASES = "databases"
TIMED_OUT = 5
SIGNALS = (SIGINT, SIGTERM, SIGHUP)
_LAST: Mapping[str, int] = {"gateway": 0, "service": 1, "proxy": 2, "foreign": 3}
"""Who is stopped when: the edge before what it leads to, a foreign service after those that may be asking it."""


@dataclass(frozen=True)
class Job:
    """What a supervisor is to do.

    Attributes:
        workspace: The workspace's name.
        root: Its folder.
        config: The path of its ``decant.toml``.
        steps: What is done to the databases first: ``migrate``, ``seed``.
        timeout_s: Seconds that everything gets to be ready.
        is_watching: Restart services whose files change.
        is_all_or_nothing: Stop everything when something is not ready in time, or fails before it.
        lives_with: The process that all this is for: everything is stopped when it ends, however it ends.
    """

    workspace: str
    root: Path
    config: Path
    steps: tuple[str, ...] = ("migrate", "seed")
    timeout_s: float = 60.0
    is_watching: bool = True
    is_all_or_nothing: bool = False
    lives_with: int | None = None


class Supervisor:
    """Supervises one run.

    Args:
        job: What to do.
        run: The run's name.
        folder: Where its state lies.
        planner: Made the plan; it holds ports and knows the sources.
        planned: The plan.
        show: Gets each line of a process.
        say: Gets each sentence about them.
        report: Gets the outcome of the start once, as JSON's types.
    """

    def __init__(  # noqa: PLR0917 - the parts of a run, each once
        self, job: Job, run: str, folder: RunFolder, planner: Planner, planned: Planned,
        show: Callable[[Fields], None], say: Callable[[str], None], *, report: Callable[[dict[str, Any]], None],
    ) -> None:  # fmt: skip
        self._job, self._run, self._folder, self._planner, self._planned = job, run, folder, planner, planned
        self._show, self._say, self._report = show, say, report
        self._logs: dict[str, LogFile] = {}
        self._keepers = {plan.name: Keeper(plan, planner.ports, self._take, say) for plan in planned.processes}
        self._over = asyncio.Event()
        self._signals = 0
        self._code = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken: BaseException | None = None

    async def run(self) -> int:
        """Run until everything is stopped, and return the exit code."""
        loop = asyncio.get_running_loop()
        for signum in SIGNALS:
            loop.add_signal_handler(signum, self._on_signal, signum)
        for keeper in self._keepers.values():
            keeper.changed = self._save
        try:
            async with listening(self._folder, self._answer):
                self._save()
                self._spawn(self._work())
                if self._job.lives_with is not None:
                    self._spawn(self._outlive_nobody(self._job.lives_with))
                await self._over.wait()
                await self._stop_all()
                if self._broken is not None:
                    raise self._broken
        finally:
            for keeper in self._keepers.values():
                keeper.kill()
            end_run(self._run)  # what left its group and its parent
            for log in self._logs.values():
                log.close()
            pthread_sigmask(SIG_BLOCK, SIGNALS)  # nothing is left to stop: one more Ctrl-C changes nothing
        return self._code

    # --- starting ---

    async def _work(self) -> None:
        foreign = [k for k in self._keepers.values() if k.plan.kind in {"foreign", "proxy"} and not k.plan.after]
        for keeper in foreign:
            keeper.start()
        deadline = time.monotonic() + self._job.timeout_s
        if not await self._prepare():
            return
        for keeper in self._keepers.values():
            if keeper not in foreign:
                self._spawn(self._start_in_turn(keeper))
        if await self._settle(deadline) and self._job.is_watching:
            self._spawn(self._reload())

    async def _prepare(self) -> bool:
        """Migrate and seed; return whether to go on."""
        models = next((plan for plan in self._planned.processes if plan.kind == "service"), None)
        if models is None or not self._job.steps:
            return True
        self._say("databases: migrating and seeding" if "seed" in self._job.steps else "databases: migrating")
        manifest = str(self._planned.manifest or "")
        argv = (sys.executable, "-m", "decant_tools.run.prepare", str(self._job.config), manifest, *self._job.steps)
        plan = replace(models, name=DATABASES, service=DATABASES, argv=argv, make=None, port=0, probe=Probe("", 0))
        lines: list[Fields] = []

        def take(fields: Fields) -> None:
            lines.append(fields)
            self._take(fields)

        instance = await Instance.start(plan, None, take)
        try:
            await instance.ended.wait()
        finally:
            await instance.stop(1.0)
        if instance.returncode == 0:
            return True
        self._give_up(f"The databases could not be prepared (exit code {instance.returncode}).", 1, lines)
        return False

    async def _start_in_turn(self, keeper: Keeper) -> None:
        """Start a process when the services that it calls are ready, or will not be."""
        before = [other for other in self._keepers.values() if other.plan.service in keeper.plan.after]
        waits = [other.plan.name for other in before if other.state != "ready"]
        if waits:
            keeper.wait_for(", ".join(waits))
            self._say(f"{keeper.plan.name} waits for {', '.join(waits)}")
        for other in before:
            await other.settled.wait()
        keeper.start()

    async def _settle(self, deadline: float) -> bool:
        """Wait until everything is ready or has failed; return whether to go on."""
        everything = asyncio.gather(*(keeper.settled.wait() for keeper in self._keepers.values()))
        done, _ = await asyncio.wait({everything}, timeout=max(0.0, deadline - time.monotonic()))
        if not done:
            everything.cancel()
            return self._give_up(f"Not everything is ready after {self._job.timeout_s:g} s", TIMED_OUT)
        await everything
        if any(keeper.state == "failed" for keeper in self._keepers.values()):
            return self._give_up("Not everything started", 1)
        self._say(self._table())
        self._report({"ready": await self._document()})
        return True

    def _give_up(self, sentence: str, code: int, databases: Sequence[Fields] | None = None) -> bool:
        """Say what went wrong; return whether the rest goes on."""
        failed = [keeper for keeper in self._keepers.values() if keeper.state == "failed"]
        failed = failed or [keeper for keeper in self._keepers.values() if not keeper.settled.is_set()]
        tails = {DATABASES: list(databases)} if databases is not None else {k.plan.name: list(k.tail) for k in failed}
        if databases is None:
            sentence += f": {', '.join(f'{k.plan.name} ({k.why or k.state}{_elsewhere(k)})' for k in failed)}."
        self._report({"failed": {"detail": sentence, "exit_code": code, "tails": tails}})
        goes_on = not self._job.is_all_or_nothing and databases is None
        self._say(f"{sentence} The rest goes on.\n{self._table()}" if goes_on else sentence)
        if not goes_on:
            self._code = code
            self._over.set()
        return goes_on

    def _table(self) -> str:
        from decant.cli.output import format_table

        rows: list[tuple[str, ...]] = [(k.plan.name, k.state, k.plan.url) for k in self._keepers.values()]
        rows += [(outside.name, "elsewhere", ", ".join(outside.urls)) for outside in self._planned.outside]
        edge = self._planned.edge
        head = f"{self._job.workspace} runs as {self._planned.topology}{f' on {edge}' if edge else ''}"
        return "\n".join([head, *(f"  {line}" for line in format_table(("NAME", "STATE", "URL"), rows))])

    # --- running ---

    async def _reload(self) -> None:
        watcher = Watcher(self._job.root, self._planner.sources, self._planned.specs, self._say)
        async for changed in changed_files(self._job.root):
            for service in watcher.services_of(changed):
                keepers = self._of([service])
                if all(keeper.state in {"stopping", "stopped"} for keeper in keepers):
                    continue  # somebody stopped it, and wants it to stay so
                if all(keeper.plan.is_handed_over for keeper in keepers):  # the old one serves on, so one by one
                    await self._restart_for_changes(service)
                    continue
                name = f"reload {service}"
                for task in self._tasks:
                    if task.get_name() == name:
                        task.cancel()  # what it waits for is out of date
                self._spawn(self._restart_for_changes(service), name)  # it may never get ready, and holds up nobody

    async def _restart_for_changes(self, service: str) -> None:
        try:
            await self._restart([service])
        except CommandError as error:
            self._say(f"{error.detail} {error.hint or ''}".rstrip())

    async def _restart(self, services: Iterable[str]) -> None:
        for keeper in self._of(services):
            began = time.monotonic()
            await keeper.restart()
            self._say(f"{keeper.plan.name} is replaced after {time.monotonic() - began:.1f} s")

    def _of(self, services: Iterable[str]) -> list[Keeper]:
        """Return the processes of services, or single ones by their name; all without names.

        Raises:
            CommandError: Exit code 4, for a name that is none.
        """
        from decant.settings.suggest import suggest

        services = list(services)
        found = [k for k in self._keepers.values() if not services or {k.plan.service, k.plan.name} & set(services)]
        known = {name for keeper in self._keepers.values() for name in (keeper.plan.service, keeper.plan.name)}
        for name in services:
            if name not in known:
                raise CommandError(f"No process is called {name!r}.", hint=suggest(name, sorted(known)), exit_code=4)
        return found

    async def _answer(self, request: Request) -> dict[str, Any]:
        """Do what a command asks."""
        services = [str(name) for name in request.get("services", ())]
        match request.get("verb"):
            case "status":
                return await self._document()
            case "stop":
                chosen = self._of(services)
                await asyncio.gather(*(keeper.stop() for keeper in chosen))
            case "start":
                chosen = self._of(services)
                for keeper in chosen:
                    keeper.start()
                await asyncio.gather(*(keeper.settle() for keeper in chosen))
            case "restart":
                chosen = self._of(services)
                await self._restart(services)
            case "down":
                self._say("stopping: asked by `decant down`")
                self._over.set()
                return {"stopping": list(self._keepers), "pid": os.getpid()}
            case verb:
                raise CommandError(f"The supervisor does not know {verb!r}.", exit_code=2)
        return {"services": [keeper.as_fields() for keeper in chosen]}

    async def _document(self) -> dict[str, Any]:
        services = await describe(list(self._keepers.values()), self._planned.outside)
        return {
            "workspace": self._job.workspace, "topology": self._planned.topology, "run": self._run,
            "pid": os.getpid(), "edge": self._planned.edge, "services": services,
        }  # fmt: skip

    def _take(self, fields: Fields) -> None:
        name = str(fields["process"])
        if name not in self._logs:
            self._logs[name] = LogFile(self._folder.logs(self._run) / f"{name}{SUFFIX}")
        self._logs[name].write(fields)
        self._show(fields)

    def _save(self) -> None:
        with contextlib.suppress(OSError):  # a full disk: what was written last still names the run
            self._folder.write_state(
                pid=os.getpid(), run=self._run, workspace=self._job.workspace, topology=self._planned.topology,
                edge=self._planned.edge, processes={name: keeper.pid for name, keeper in self._keepers.items()},
            )  # fmt: skip

    def _spawn(self, work: Coroutine[Any, Any, None], name: str | None = None) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Forget a task; one that broke ends the run, because nobody would do its work."""
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._broken = self._broken or task.exception()
            self._over.set()

    # --- stopping ---

    async def _outlive_nobody(self, owner: int) -> None:
        await ended(owner)
        self._say(f"stopping: process {owner}, which all this was for, has ended")
        self._over.set()

    def _on_signal(self, signum: int) -> None:
        self._signals += 1
        if self._signals == 1:
            names = [name for name, keeper in self._keepers.items() if keeper.pid]
            again = "; again to kill them now" if signum == SIGINT else ""
            self._say(f"stopping {', '.join(names) or 'nothing'}{again}")
            self._over.set()
        else:
            self._say("killing what is left")
            for keeper in self._keepers.values():
                keeper.kill()

    async def _stop_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        for turn in sorted(set(_LAST.values())):
            await asyncio.gather(*(k.stop() for k in self._keepers.values() if _LAST[k.plan.kind] == turn))
        self._planner.close()
        with contextlib.suppress(FileNotFoundError):
            self._folder.path.joinpath("state.json").unlink()


def _elsewhere(keeper: Keeper) -> str:
    """Return where a foreign program listens in place of its port, in words; "" where it does not."""
    if keeper.plan.kind != "foreign" or keeper.pid is None:
        return ""
    found = ports_of(keeper.plan.environ.get(RUN_NAME, ""))
    if not found or keeper.plan.port in found:
        return ""
    return f"; it listens on {', '.join(map(str, found))}: is that the `port` of [services.{keeper.plan.service}]?"
