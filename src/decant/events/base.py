"""What every transport of events can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way.

    Attributes:
        id: The event's id.
        type: Its stable name.
        key: What orders it among others, or "".
        payload: The CloudEvents envelope.
        position: Where it stands in the transport; 0 before it is there.
    """

    id: str
    type: str
    key: str
    payload: bytes
    position: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that a group could not handle.

    Attributes:
        group: Who could not.
        message: What.
        reason: The last error, as one text.
        attempts: How often it was tried.
        parked_at: When it was given up, in seconds since the epoch.
    """

    group: str
    message: Message
    reason: str
    attempts: int
    parked_at: float


class Transport(ABC):
    """Carries messages from outboxes to groups of consumers.

    Delivery: each group gets every message, in the order of `append`, at least once. A driver that
    cannot do one of these raises; it never pretends.
    """

    @abstractmethod
    def append(self, messages: Sequence[Message]) -> None:
        """Take messages over, durably, before returning. One whose id is known already is left out."""

    @abstractmethod
    def read(self, group: str, limit: int) -> Sequence[Message]:
        """Return the next messages that a group has not acknowledged; a new group begins with the oldest kept."""

    @abstractmethod
    def acknowledge(self, group: str, position: int) -> None:
        """Note that a group is done with everything up to a position."""

    @abstractmethod
    def park(self, group: str, message: Message, reason: str, attempts: int) -> None:
        """Keep a message as dead letter, durably; the group goes on with the next."""

    @abstractmethod
    def parked(self, group: str | None = None) -> Sequence[DeadLetter]:
        """Return the dead letters of a group, or of all, oldest first."""

    @abstractmethod
    def lag(self, group: str) -> int:
        """Return how many messages a group has still to handle."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections."""
