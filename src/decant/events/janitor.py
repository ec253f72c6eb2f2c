"""The janitor: forgets what every group is done with, a little at a time."""

from __future__ import annotations

from collections.abc import Callable

from decant.events.base import Transport

EVERY_S = 60.0


class Janitor:
    """Prunes a transport once a minute, in one process of the machine."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._pruned = 0

    def begin(self, *, after_a_death: bool) -> None:
        """Take over; there is nothing to repair."""

    def step(self, stopping: Callable[[], bool], *, hurry: bool = False) -> int:  # noqa: ARG002
        self._pruned = self._transport.prune()
        return self._pruned

    def wait_s(self) -> float:
        return 0.0 if self._pruned else EVERY_S

    def flush(self) -> None:
        """Leave nothing for later: there is nothing."""

    def close(self) -> None:
        """Let go of nothing."""
