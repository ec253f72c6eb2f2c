"""The saga runner of a service: the sagas of the modules that live in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from decant.clock import Clock
from decant.db import ModuleDatabase
from decant.sagas.coordinator import Coordinator
from decant.sagas.dispatcher import Dispatcher, Pace
from decant.sagas.saga import Saga
from decant.sagas.starting import wake_on_start
from decant.wiring import Registry


@dataclass(frozen=True, slots=True)
class SagaParticipant:
    """A module that has sagas.

    Attributes:
        database: Its database.
        sagas: Its saga classes.
        registry: Provides what they ask for.
    """

    database: ModuleDatabase
    sagas: Sequence[type[Saga[Any]]]
    registry: Registry | None = None


class SagaRunner:
    """Carries the sagas of one service's modules on.

    Any number of processes may do so for the same modules: each saga is one process's at a time, and another
    one's when that dies.

    Args:
        participants: The modules.
        pace: How many sagas at once, and how long leases last.
        clock: Says when retries are due.

    Thread-safety: start it after ``fork``, never before.

    Raises:
        SetupError: For a saga that asks for what nothing provides.
    """

    def __init__(
        self, participants: Sequence[SagaParticipant], *, pace: Pace | None = None, clock: Clock | None = None
    ) -> None:
        self.dispatchers: dict[str, Dispatcher] = {
            one.database.name: Dispatcher(Coordinator(one.database, one.sagas, one.registry), pace, clock)
            for one in participants
        }
        self._unsubscribe: list[Callable[[], None]] = []

    def start(self) -> None:
        """Begin to work, in threads of this process."""
        for module, dispatcher in self.dispatchers.items():
            self._unsubscribe.append(wake_on_start(module, dispatcher.wake))
            dispatcher.start()

    def wake(self) -> None:
        """Look at once: another process has started a saga."""
        for dispatcher in self.dispatchers.values():
            dispatcher.wake()

    def ask_to_stop(self) -> None:
        """Begin no further step."""
        while self._unsubscribe:
            self._unsubscribe.pop()()
        for dispatcher in self.dispatchers.values():
            dispatcher.ask_to_stop()

    def stop(self, grace_s: float = 5.0) -> bool:
        """Finish the steps that run, and stop.

        Args:
            grace_s: Seconds to wait for them.

        Returns:
            Whether all of them ended. What did not is handed over: another process asks what became of it.
        """
        self.ask_to_stop()
        ends = time.monotonic() + grace_s
        ended = [dispatcher.join(max(0.0, ends - time.monotonic())) for dispatcher in self.dispatchers.values()]
        return all(ended)

    def drain(self) -> int:
        """Carry on everything there is, here and now; return how many times a saga was. For tests.

        Nothing waits: the time of a saga jumps to its next try.
        """
        return sum(dispatcher.drain() for dispatcher in self.dispatchers.values())


def sagas_in(code: ModuleType | None) -> list[type[Saga[Any]]]:
    """Return the sagas that a Python module defines, in the order of definition; none for None."""
    if code is None:
        return []
    return [
        value
        for value in vars(code).values()
        if isinstance(value, type) and issubclass(value, Saga) and value.__module__ == code.__name__
    ]
