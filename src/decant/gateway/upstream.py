"""A service behind the gateway: its addresses, their connections, and which of them is asked next."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from decant.gateway.backend import BackendConnection
from decant.gateway.limits import PoolLimits
from decant.gateway.problems import Refused, unavailable

logger = logging.getLogger("decant.gateway")


class Address(NamedTuple):
    """Where an instance of a service listens."""

    host: str
    port: int


class Seeker(Protocol):
    """Wants a connection."""

    def on_connection(self, connection: BackendConnection) -> None:
        """Use it."""

    def on_no_connection(self, refused: Refused) -> None:
        """Do without: nothing was sent."""


class Wait:
    """A place in the queue for a connection; :meth:`cancel` gives it up."""

    __slots__ = ("_queue", "cancelled", "deadline", "seeker", "task", "tried")

    def __init__(self, seeker: Seeker, deadline: float, queue: deque[Wait]) -> None:
        self._queue = queue
        self.seeker = seeker
        self.deadline = deadline
        self.cancelled = False
        self.tried: set[Address] = set()
        self.task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        """Give it up."""
        self.cancelled = True
        if self.task is not None:
            self.task.cancel()
        elif self in self._queue:  # else those who gave up would keep others out until their time is over
            self._queue.remove(self)


class Instance:
    """One address, its connections and its health.

    Attributes:
        busy: Connections that seekers hold now.
        opened: Connections there are, idle ones and those being made included.
        failures: Connects that failed in a row.
        rests_until: Until when others are asked first.
    """

    __slots__ = ("address", "busy", "failures", "idle", "opened", "rests_until")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.busy: set[BackendConnection] = set()
        self.opened = 0
        self.idle: list[BackendConnection] = []
        self.failures = 0
        self.rests_until = 0.0


class Upstream:
    """A service with its addresses.

    Requests go to the address with the fewest of them. One that could not be reached rests, longer each time, while
    others can be asked; when its rest is over, one request tries it. When none can be reached, all are tried, since
    a refused connection costs nothing.

    Args:
        name: The service's, for logs, metrics and problems.
        addresses: One per instance, at least one.
        limits: Bounds for each address.
    """

    def __init__(self, name: str, addresses: Sequence[Address], limits: PoolLimits | None = None) -> None:
        if not addresses:
            raise ValueError(f"The service {name} has no address.")
        self.name = name
        self.addresses = tuple(Address(*address) for address in addresses)
        self._limits = limits or PoolLimits()
        self._instances = [Instance(address) for address in self.addresses]
        self._waiting: deque[Wait] = deque()
        self._turn = 0
        self._now = 0.0  # to a tick

    # -- getting a connection --

    def connect(self, seeker: Seeker, now: float, *, broken: BackendConnection | None = None) -> Wait | None:
        """Give a seeker a connection, now or later.

        Args:
            seeker: Told about it, perhaps before this returns.
            now: The loop's time, or that of its last tick.
            broken: The one that has just closed without a word: a new one is made, and at another address when that
                one was new too.

        Returns:
            Its place in the queue, or None when it has been told already.
        """
        self._now = now
        instance = self._choose(now) if broken is None else self._choose_after(broken, now)
        if instance is not None and broken is None:
            connection = self._idle(instance)
            if connection is not None:
                instance.busy.add(connection)
                seeker.on_connection(connection)
                return None
        wait = Wait(seeker, now + self._limits.connect_total_s, self._waiting)
        if instance is not None:
            self._start(wait, instance)
        elif len(self._waiting) < self._limits.waiting:
            self._waiting.append(wait)
        else:
            seeker.on_no_connection(self._full())
            return None
        return wait

    def _choose(self, now: float, tried: Collection[tuple[str, int]] = ()) -> Instance | None:
        """Return the address to ask next, or None when no connection may be opened at any of them."""
        best: Instance | None = None
        best_key: tuple[bool, int] = (True, 0)
        count = len(self._instances)
        if count == 1 and not tried:
            only = self._instances[0]
            return only if only.idle or only.opened < self._limits.connections else None
        self._turn = (self._turn + 1) % count
        for offset in range(count):
            one = self._instances[(self._turn + offset) % count]
            if (tried and one.address in tried) or not (one.idle or one.opened < self._limits.connections):
                continue
            key = (one.rests_until > now, len(one.busy))
            if best is None or key < best_key:
                best, best_key = one, key
        if best is not None and best.failures:  # one request tries it, the others wait for what becomes of it
            best.rests_until = max(best.rests_until, now + self._pause(best))
        return best

    def _choose_after(self, broken: BackendConnection, now: float) -> Instance | None:
        if broken.used:  # it was idle for a while, which says nothing of who listens there now
            return self._choose(now)
        for one in self._instances:
            if one.address == broken.address:
                self._distrust(one, now)
        return self._choose(now, {broken.address}) or self._choose(now)

    def _distrust(self, instance: Instance, now: float) -> None:
        instance.failures += 1
        instance.rests_until = now + self._pause(instance)

    def _pause(self, instance: Instance) -> float:
        return min(self._limits.longest_pause_s, self._limits.first_pause_s * 2.0 ** min(instance.failures - 1, 10))

    @staticmethod
    def _idle(instance: Instance) -> BackendConnection | None:
        while instance.idle:
            connection = instance.idle.pop()
            if connection.usable:
                return connection
        return None

    def _start(self, wait: Wait, instance: Instance) -> None:
        instance.opened += 1  # counted before anything is awaited
        wait.task = asyncio.get_running_loop().create_task(self._open(wait, instance))

    async def _open(self, wait: Wait, instance: Instance) -> None:
        loop = asyncio.get_running_loop()
        left = min(self._limits.connect_timeout_s, wait.deadline - loop.time())
        counted = True

        def uncount() -> None:
            nonlocal counted
            instance.opened -= counted
            counted = False

        def on_gone(connection: BackendConnection) -> None:
            uncount()
            self._gone(instance, connection)

        connection: BackendConnection | None = None
        try:
            async with asyncio.timeout(max(left, 0.01)):
                _, connection = await loop.create_connection(
                    lambda: BackendConnection(lambda freed: self._freed(instance, freed), on_gone, instance.address),
                    instance.address.host,
                    instance.address.port,
                )
        except (OSError, TimeoutError) as error:
            self._failed(wait, instance, error)
            return
        finally:
            if connection is None:
                uncount()
                self._pass_on(instance)
        instance.failures = 0
        instance.rests_until = 0.0
        wait.task = None
        if wait.cancelled:
            connection.transport.abort()
        else:
            instance.busy.add(connection)
            wait.seeker.on_connection(connection)

    def _failed(self, wait: Wait, instance: Instance, error: Exception) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._distrust(instance, now)
        level = logging.WARNING if instance.failures == 1 else logging.DEBUG
        logger.log(level, "%s cannot be reached at %s:%s: %s", self.name, *instance.address, str(error) or "timed out")
        wait.task = None
        if wait.cancelled:
            return
        wait.tried.add(instance.address)
        other = self._choose(now, wait.tried) if now < wait.deadline else None
        if other is None:
            wait.seeker.on_no_connection(self._down())
            return
        connection = self._idle(other)
        if connection is None:
            self._start(wait, other)
        else:
            other.busy.add(connection)
            wait.seeker.on_connection(connection)

    def _down(self) -> Refused:
        return unavailable(f"The service {self.name} cannot be reached.")

    def _full(self) -> Refused:
        return unavailable(f"The service {self.name} has more requests than it can take.")

    # -- giving it back --

    def _freed(self, instance: Instance, connection: BackendConnection) -> None:
        instance.busy.discard(connection)
        wait = self._next()
        if wait is not None:
            instance.busy.add(connection)
            wait.seeker.on_connection(connection)
        elif len(instance.idle) < self._limits.idle:
            connection.idle_since = self._now
            instance.idle.append(connection)
        else:
            connection.transport.abort()

    def _gone(self, instance: Instance, connection: BackendConnection) -> None:
        instance.busy.discard(connection)
        if connection in instance.idle:
            instance.idle.remove(connection)
        self._pass_on(instance)

    def _pass_on(self, instance: Instance) -> None:
        """Give a place that is free now to who waits for one."""
        wait = self._next()
        if wait is not None:
            self._start(wait, instance)

    def _next(self) -> Wait | None:
        while self._waiting:
            wait = self._waiting.popleft()
            if not wait.cancelled:
                return wait
        return None

    def sweep(self, now: float) -> None:
        """Close what was idle for too long, and answer who has waited for too long."""
        self._now = now
        for instance in self._instances:
            while instance.idle and now - instance.idle[0].idle_since > self._limits.idle_timeout_s:
                instance.idle[0].transport.abort()
                del instance.idle[0]
        while self._waiting and (self._waiting[0].cancelled or self._waiting[0].deadline < now):
            wait = self._waiting.popleft()
            if not wait.cancelled:
                wait.seeker.on_no_connection(self._full())

    def close(self) -> None:
        """Close all idle connections."""
        for instance in self._instances:
            for connection in instance.idle:
                connection.transport.abort()
            instance.idle.clear()
