"""What every transport of events can do.

A driver passes ``tests/conformance/events``; what it cannot do it says in its :class:`Capabilities`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from decant.errors import DecantError


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way.

    Attributes:
        id: The event's id.
        type: Its stable name.
        key: What orders it among others, or "".
        payload: The CloudEvents envelope.
        receipt: What the transport knows it by; grows in the order of arrival where the transport is ordered.
        at: When the transport took it over, in seconds since the epoch; 0 where it does not say.
    """

    id: str
    type: str
    key: str
    payload: bytes
    receipt: int = 0
    at: float = 0.0


class MessageRefused(DecantError):
    """A transport takes every other message, and never this one: it is too large, or its name is not allowed.

    Attributes:
        message_id: Which one.
    """

    code = "events.refused"
    title = "Message refused"

    def __init__(self, message_id: str, reason: str) -> None:
        super().__init__(f"The transport refuses the event {message_id}: {reason}")
        self.message_id = message_id


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a transport can do beyond carrying every message to every group at least once.

    Attributes:
        ordered: Messages with the same key arrive in the order of ``append``.
        deduplicates: One whose id it still keeps is left out of ``append``.
        replays: A new group begins with the oldest message kept, not with the next one.
        browsable: What was delivered can be looked at: :meth:`Transport.browse`.
        announces: It calls ``heard`` by itself; the others' processes are rung by a doorbell.
        machines: Processes on several machines can share it.
    """

    ordered: bool = True
    deduplicates: bool = False
    replays: bool = False
    browsable: bool = False
    announces: bool = False
    machines: bool = False


@dataclass(frozen=True, slots=True)
class Lag:
    """What a group has still to handle.

    Attributes:
        group: Which group.
        rows: How many messages.
        oldest_s: How long the oldest has waited, in seconds; 0 when there is none.
    """

    group: str
    rows: int
    oldest_s: float


class Subscription(ABC):
    """One group's reading of a transport. Not for several threads at once."""

    @abstractmethod
    def receive(self, limit: int) -> Sequence[Message]:
        """Return messages that this subscription has not returned yet, without waiting for any.

        The first ones are those that the group's earlier subscriptions did not acknowledge.
        """

    @abstractmethod
    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Note that the group is done with messages. May be written down later: a crash brings them again."""

    @abstractmethod
    def flush(self) -> None:
        """Write acknowledgements down now."""

    @abstractmethod
    def close(self) -> None:
        """Write acknowledgements down and let go; what was received and not acknowledged comes again."""


class Transport(ABC):
    """Carries messages from outboxes to groups of consumers, each message to each group at least once.

    Thread-safety: share it freely, between threads; each process makes its own.
    """

    capabilities: Capabilities

    @abstractmethod
    def append(self, messages: Sequence[Message]) -> None:
        """Take messages over, durably, before returning.

        Raises:
            MessageRefused: For one that it will never take; none of them is taken then.
        """

    def hand_over(self, messages: Sequence[Message], announce: Callable[[], None]) -> None:
        """Take messages over, durably, before returning; groups may have them earlier than that.

        Args:
            messages: What to take over. Whoever hands them over has them, durably, until this returns.
            announce: Called once, as soon as groups can receive them.

        Raises:
            MessageRefused: As for :meth:`append`; nothing is announced then.
        """
        self.append(messages)
        announce()

    @abstractmethod
    def subscribe(self, group: str, types: Collection[str], heard: Callable[[], None] | None = None) -> Subscription:
        """Begin to read for a group.

        Args:
            group: Who reads; one subscription of a group at a time.
            types: The types of events that it wants.
            heard: Called from any thread when there may be news, by a transport that ``announces``.
        """

    @abstractmethod
    def lags(self) -> Sequence[Lag]:
        """Return how far each known group is behind."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections."""

    def prune(self) -> int:
        """Forget messages that every group is done with; return how many. Nothing to do where the broker does it."""
        return 0

    def browse(self, *, after: int = 0, limit: int = 100, newest: bool = False) -> Sequence[Message]:
        """Return messages that are kept, delivered or not, oldest first.

        Args:
            after: Only those with a greater receipt.
            limit: At most so many.
            newest: The last ones instead of the first.

        Raises:
            NotImplementedError: Where ``capabilities.browsable`` is false.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot be looked through.")
