"""The event runner of a service: relays and consumers of the modules that live in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from decant.db import ModuleDatabase
from decant.events.base import Transport
from decant.events.consumer import Consumer, Retry
from decant.events.doorbell import Doorbell
from decant.events.janitor import Janitor
from decant.events.outbox import wake_on_commit
from decant.events.relay import Relay
from decant.events.worker import Job, ProcessLock, Worker
from decant.wiring import Registry


@dataclass(frozen=True, slots=True)
class Participant:
    """A module that takes part in events.

    Attributes:
        database: Its database, which holds outbox and inbox.
        handlers: Its functions marked with ``@on``.
        registry: Provides what they ask for.
    """

    database: ModuleDatabase
    handlers: Sequence[Callable[..., None]] = ()
    registry: Registry | None = None


class EventRunner:
    """Moves events for the modules of one service.

    Each module's relay and consumer run in one process of the machine at a time, whichever of the
    service's workers took the lock first; when that one dies, another takes over within a second.

    Args:
        home: ``DECANT_HOME``.
        transport: Where events travel; the runner's own, closed when it stops.
        participants: The modules.
        retry: When a failed event is tried again.

    Thread-safety: start it after ``fork``, never before.

    Raises:
        SetupError: For a handler that asks for what nothing provides.
    """

    def __init__(
        self, home: Path, transport: Transport, participants: Sequence[Participant], *, retry: Retry | None = None
    ) -> None:
        self._home = home
        self.transport = transport
        self._relays: dict[str, Worker] = {}
        self._consumers: dict[str, Worker] = {}
        self._bell: Doorbell | None = None
        self._unsubscribe: list[Callable[[], None]] = []
        for participant in participants:
            self._add(participant, retry)
        self._janitor = self._worker("events-janitor", Janitor(transport))

    def _add(self, participant: Participant, retry: Retry | None) -> None:
        database = participant.database
        relay = Relay(database, self.transport, self._announce)
        self._relays[database.name] = self._worker(f"relay-{database.name}", relay)
        if participant.handlers:
            consumer = Consumer(database, participant.handlers, self.transport, participant.registry, retry)
            self._consumers[database.name] = self._worker(f"consumer-{database.name}", consumer)

    def _worker(self, name: str, job: Job) -> Worker:
        return Worker(name, job, ProcessLock(self._home / "locks" / f"{name}.lock"))

    @property
    def working(self) -> Mapping[str, bool]:
        """Whether each of the workers, by name, does its job in this process; another process's does otherwise."""
        return {worker.name: worker.working for worker in self._workers}

    @property
    def _workers(self) -> list[Worker]:
        return [*self._relays.values(), *self._consumers.values()]

    def start(self) -> None:
        """Begin to move events, in threads of this process."""
        self._bell = Doorbell(self._home, self._wake_all)
        self._bell.start()
        for name in self._relays:
            self._unsubscribe.append(wake_on_commit(name, self._committed(name)))
        for worker in (*self._workers, self._janitor):
            worker.start()

    def stop(self, grace_s: float = 5.0) -> bool:
        """Finish what is being handled, and stop.

        Args:
            grace_s: Seconds to wait for handlers that run now.

        Returns:
            Whether all of them ended. What did not is done again by whoever takes over: nothing is lost.
        """
        while self._unsubscribe:
            self._unsubscribe.pop()()
        workers = (*self._workers, self._janitor)
        for worker in workers:
            worker.ask_to_stop()
        ends = time.monotonic() + grace_s
        ended = [worker.join(max(0.0, ends - time.monotonic())) for worker in workers]
        if self._bell is not None:
            self._bell.stop()
            self._bell = None
        if all(ended):
            self.transport.close()
        return all(ended)

    def drain(self) -> int:
        """Move and handle everything there is, here and now; return how many steps found work. For tests.

        Failed events are tried again without waiting.
        """
        steps = 0
        while sum(worker.once(hurry=True) for worker in self._workers):
            steps += 1
        for worker in self._workers:
            worker.flush()
        return steps

    def _announce(self) -> None:
        """Wake consumers, here and in other processes: the transport has news."""
        for worker in self._consumers.values():
            worker.wake()
        if self._bell is not None:
            self._bell.ring()

    def _committed(self, module: str) -> Callable[[], None]:
        relay = self._relays[module]

        def wake() -> None:
            if relay.working:
                relay.wake()
            elif self._bell is not None:
                self._bell.ring()

        return wake

    def _wake_all(self) -> None:
        for worker in self._workers:
            worker.wake()
