"""Keeps one process of a plan alive: starts it, sees that it gets ready, starts it again when it ends by itself."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

from decant.errors import CommandError
from decant.serving.sockets import LEAVE_S
from decant_tools.run.crashes import FINAL, Crashes
from decant_tools.run.instance import Instance
from decant_tools.run.lines import Fields
from decant_tools.run.plan import ProcessPlan
from decant_tools.run.ports import Ports

State = Literal["waiting", "starting", "ready", "restarting", "stopping", "stopped", "failed"]

TAIL = 40
"""Lines that are shown of a process that failed."""

PROBE_S = 2.0
PROBE_FIRST_S, PROBE_LAST_S = 0.03, 0.5
"""Seconds between two questions whether it is ready: few at first, more and more then."""
REPLACED_WITHIN_S = 30.0
"""Seconds that the next instance gets to be ready before the old one stays."""
READY_WITHIN_S = 60.0
"""Seconds for which one that was asked to start is waited for; it may get ready later."""


class Keeper:
    """One process of a plan, whichever instance of it runs.

    Args:
        plan: The process.
        ports: Holds its listening socket.
        take: Gets each line that it writes.
        say: Gets each sentence about it.

    Attributes:
        state: How it is.
        why: What to know about that, in words.
        restarts: How often it was started again since it was asked to run.
        tail: Its last lines.
        settled: Set while it is ready, failed or stopped: nothing more is to be waited for.
        changed: Called when the state changed.
    """

    def __init__(
        self, plan: ProcessPlan, ports: Ports, take: Callable[[Fields], None], say: Callable[[str], None]
    ) -> None:
        self.plan = plan
        self.state: State = "stopped"
        self.why = ""
        self.restarts = 0
        self.tail: deque[Fields] = deque(maxlen=TAIL)
        self.settled = asyncio.Event()
        self.changed: Callable[[], None] = lambda: None
        self._ports = ports
        self._take = take
        self._say = say
        self._crashes = Crashes()
        self._current: Instance | None = None
        self._instances: set[Instance] = set()
        self._ready_at: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    # --- what it is asked ---

    @property
    def pid(self) -> int | None:
        """Its process, or None where none runs."""
        return self._current.pid if self._current and self._current.is_alive else None

    def start(self) -> None:
        """Run it from now on; does nothing where it runs already."""
        if self._task is None or self._task.done():
            self._crashes.forget()
            self.restarts = 0
            self.settled.clear()
            self._task = asyncio.create_task(self._keep(), name=f"keep {self.plan.name}")

    def wait_for(self, names: str) -> None:
        """Say that it is to run, and what it waits for."""
        self._set("waiting", f"for {names}")

    async def stop(self) -> None:
        """Stop it and wait for its end; who connects then is refused."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if left := self._left():
            self._set("stopping")
            await asyncio.gather(*(instance.stop(self.plan.grace_s) for instance in left))
        if self._task is None:  # nobody started it again meanwhile
            self._ports.give_up(self.plan.name)
            self._set("stopped")

    async def restart(self) -> None:
        """Replace it.

        A service of ours by an instance that is ready before the old one leaves, anything else by stop and start.

        Raises:
            CommandError: When the new one does not get ready; an old one that served goes on. Exit code 5 when it is
                not ready in time: it goes on trying, and can be restarted again.
        """
        async with self._turn:
            if self.plan.is_handed_over and self.state == "ready" and self._current is not None:
                await self._replace(self._current)
                return
            await self.stop()
            self.start()
        await self.settle()
        if self.state != "ready":
            raise CommandError(f"{self.plan.name} does not start: {self.why}.", hint=f"decant logs {self.plan.name}")

    async def settle(self) -> None:
        """Wait until it is ready, failed or stopped; of several starts the last one counts.

        Raises:
            CommandError: Exit code 5, when that takes too long.
        """
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                task = None
                while task is not self._task or not self.settled.is_set():
                    task = self._task
                    await self.settled.wait()
        except TimeoutError:
            raise CommandError(
                f"{self.plan.name} is not ready after {READY_WITHIN_S:g} s: {self.why or self.state}.",
                hint=f"decant logs {self.plan.name}", exit_code=5,
            ) from None  # fmt: skip

    def kill(self) -> None:
        """Kill it now."""
        if self._task is not None:
            self._task.cancel()
        for instance in self._instances:
            instance.kill()

    async def health(self) -> str:
        """Return "" when it can be used now, else why not."""
        if self.pid is None:
            return self.why or self.state
        return await self.plan.probe.ask(PROBE_S)

    def as_fields(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        running = self._current if self.pid is not None else None
        uptime_s = time.monotonic() - running.since if running else None
        since = datetime.fromtimestamp(time.time() - uptime_s, UTC).isoformat(timespec="seconds") if uptime_s else None
        return {
            "name": self.plan.name, "kind": self.plan.kind, "url": self.plan.url, "port": self.plan.port,
            "pid": self.pid, "state": self.state, "why": self.why, "restarts": self.restarts,
            "uptime_s": None if uptime_s is None else round(uptime_s, 1), "since": since,
        }  # fmt: skip

    # --- what it does ---

    def _left(self) -> list[Instance]:
        return [instance for instance in self._instances if not instance.ended.is_set()]

    async def _keep(self) -> None:
        """Start it again and again, until it is stopped or gives up."""
        await asyncio.gather(*(instance.ended.wait() for instance in self._left()))  # it was being stopped just now
        while True:
            self._set("restarting" if self.restarts else "starting", self.why if self.restarts else "")
            instance = await self._launch()
            if instance is None:
                return
            self._current, self._ready_at = instance, None
            await self._until_ready(instance)
            while not self._current.ended.is_set():  # another one may have taken its place meanwhile
                await self._current.ended.wait()
            if not await self._pause_after(self._current):
                return

    async def _launch(self) -> Instance | None:
        try:
            return await self._new_instance()
        except (CommandError, OSError) as error:
            self._fail(
                error.detail.removesuffix(".") if isinstance(error, CommandError) else f"it cannot be started: {error}"
            )
            return None

    async def _new_instance(self) -> Instance:
        made = await Instance.start(self.plan, self._ports.hold(self.plan.name), self._hear)
        self._instances = {made, *self._left()}
        return made

    async def _until_ready(self, instance: Instance) -> None:
        """Return when an instance is ready, or has ended."""
        why = await self._becomes_ready(instance)
        if not why and self._current is instance:
            self._ready_at = time.monotonic()
            self._set("ready")
            took_s = self._ready_at - instance.since
            self._say(f"{self.plan.name} is ready after {took_s:.1f} s on {self.plan.url}")

    async def _becomes_ready(self, instance: Instance) -> str:
        """Return "" when an instance is ready, else why it never will be: it has ended."""
        ended = asyncio.create_task(instance.ended.wait())
        pause_s = PROBE_FIRST_S
        try:
            while not instance.ended.is_set():
                asked = asyncio.create_task(self._ask(instance))
                await asyncio.wait({asked, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not asked.done():
                    asked.cancel()
                elif not (why := asked.result()):
                    return ""
                elif self._current is instance and why != self.why:
                    self._set(self.state, why)
                await asyncio.wait({ended}, timeout=pause_s)
                pause_s = min(PROBE_LAST_S, pause_s * 1.3)
        finally:
            ended.cancel()
        return _how(instance.returncode)

    async def _ask(self, instance: Instance) -> str:
        if self.plan.is_handed_over:  # on a shared socket only its own word tells that this one serves
            await instance.announced.wait()
        return await self.plan.probe.ask(PROBE_S)

    async def _pause_after(self, instance: Instance) -> bool:
        """Return whether to start it again, after a pause."""
        code = instance.returncode
        lasted_s = None if self._ready_at is None else time.monotonic() - self._ready_at
        delay_s = self._crashes.note(code, lasted_s)
        if self.plan.is_ours and code in FINAL and lasted_s is None:
            self._fail(f"it {_how(code)}")
            return False
        if delay_s is None:
            self._fail(f"crash loop: it {_how(code)} {self._crashes.in_a_row} times in a row")
            return False
        self.restarts += 1
        self._set("restarting", _how(code))
        self._say(f"{self.plan.name} {_how(code)}; starting again{f' in {delay_s:.1f} s' if delay_s else ''}")
        if delay_s > 1:
            self._ports.give_up(self.plan.name)
        await asyncio.sleep(delay_s)
        return True

    async def _replace(self, old: Instance) -> None:
        new = await self._new_instance()
        try:
            why = await asyncio.wait_for(self._becomes_ready(new), REPLACED_WITHIN_S)
        except TimeoutError:
            why = f"was not ready within {REPLACED_WITHIN_S:g} s"
        if why or self._current is not old or self._task is None:
            await new.stop(self.plan.grace_s)
            raise CommandError(
                f"The new {self.plan.name} does not start, the old one stays: it {why or 'was not needed any more'}.",
                hint=f"decant logs {self.plan.name}",
            )
        self._current, self._ready_at = new, time.monotonic()
        self._set("ready")
        old.leave()
        await asyncio.sleep(LEAVE_S)  # its clients hear that they should open another connection
        await old.stop(self.plan.grace_s)

    def _hear(self, fields: Fields) -> None:
        self.tail.append(fields)
        self._take(fields)

    def _fail(self, why: str) -> None:
        self._ports.give_up(self.plan.name)
        self._set("failed", why)
        self._say(f"{self.plan.name} failed: {why}")

    def _set(self, state: State, why: str = "") -> None:
        self.state, self.why = state, why
        if state in {"ready", "failed", "stopped"}:
            self.settled.set()
        else:
            self.settled.clear()
        self.changed()


def _how(returncode: int) -> str:
    """Return how a process ended, in words."""
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-returncode).name}"
    return f"was ended by signal {-returncode}"
