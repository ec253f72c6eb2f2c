"""The consumer: from the transport to a module's handlers, each event applied once."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import delete, select

from decant.db import DatabaseUnavailable, ModuleDatabase, infrastructure_of, unavailable
from decant.errors import DecantError
from decant.events.base import Message, Subscription, Transport
from decant.events.envelope import UnreadableEvent
from decant.events.handling import Handling
from decant.events.metrics import EVENTS, WAITING
from decant.events.retries import Retries, SetAside, Waiting, reason_of
from decant.wiring import Registry

log = logging.getLogger(__name__)
BATCH = 100
TOGETHER = 50
"""Events that are handled in one transaction at most."""

MOST_WAITING = 10_000
MOST_KEYS_WAITING = 1_000
"""What may wait in a module's database; beyond that new events stay in the transport."""

LOOK_S = 1.0
INBOX_DAYS = 14.0
PRUNE_S = 600.0
PRUNED_AT_ONCE = 2_000

DIED = "The process died while this event was being handled."

Stopping = Callable[[], bool]
"""Whether the process stops."""


@dataclass(frozen=True, slots=True)
class Retry:
    """When a handler is tried again: after ``base_s`` doubled each time, at most ``cap_s``, jittered.

    Attributes:
        attempts: Tries before the event is parked as a dead letter.
        outage_attempts: The same while something is merely unavailable, for instance another service.
        base_s: Seconds before the second try.
        cap_s: The longest wait, in seconds.
        timeout_s: Seconds that one try may take, calls to other modules included.
    """

    attempts: int = 5
    outage_attempts: int = 60
    base_s: float = 0.1
    cap_s: float = 30.0
    timeout_s: float = 30.0

    def wait_s(self, attempt: int) -> float:
        return float(min(self.cap_s, self.base_s * 2 ** min(attempt - 1, 20)) * random.uniform(0.5, 1.0))


class Consumer:
    """Runs a module's handlers; the module is a group of its own.

    Args:
        database: The module's database, which holds the inbox and the events that wait.
        handlers: Functions marked with ``@on``.
        registry: Provides what the handlers ask for beside the event; the Session is provided here if it does not.
        transport: Where messages come from.
        retry: When a failed event is tried again.

    Delivery: events with the same key in the order of the transport, one at a time. One that fails moves to the
    module's ``retries`` table, with those that come after it under its key, and all others go on. Its attempts are
    counted there, so they survive a restart; after the last one it is parked, and its key goes on too.

    Raises:
        SetupError: For a handler that asks for what nothing provides.
    """

    def __init__(
        self,
        database: ModuleDatabase,
        handlers: Sequence[Callable[..., None]],
        transport: Transport,
        registry: Registry | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.group = database.name
        self._database = database
        self._transport = transport
        self._retry = retry or Retry()
        self.retries = Retries(database)
        self._handling = Handling(database, handlers, registry, self.retries, self._retry.timeout_s)
        self._subscription: Subscription | None = None
        self._heads: Sequence[Waiting] = ()
        self._blocked: set[str] = set()
        self._waiting = 0
        self._due: dict[str, float] = {}
        self._looked = self._pruned = float("-inf")
        self._careful = 0
        self._more = False

    def begin(self, *, after_a_death: bool) -> None:
        """Take over the group.

        Args:
            after_a_death: Whether who had it before died. Then one of the first events may be what killed it: they
                are tried with their attempt counted first, so that it cannot kill for ever.
        """
        self._careful = BATCH if after_a_death else 0
        self._looked = float("-inf")

    def step(self, stopping: Stopping, *, hurry: bool = False) -> int:
        """Try what is due again, then handle what is new; return how many events were dealt with.

        Args:
            stopping: Asked between events; what is left then comes again.
            hurry: Whether to try again at once what would have to wait. For tests.
        """
        if self._subscription is None:
            self._subscription = self._transport.subscribe(self.group, self._handling.types)
        self._look(hurry)
        done = self._try_due(stopping, hurry)
        if self._waiting < MOST_WAITING and len(self._heads) < MOST_KEYS_WAITING and not stopping():
            done += self._take_new(self._subscription, stopping)
        return done

    def wait_s(self) -> float:
        """Return the seconds until something is due; LOOK_S at most."""
        now = time.monotonic()
        if self._more or self._looked == float("-inf"):
            return 0.0
        return max(0.0, min((*(self._due.get(head.event_id, now) - now for head in self._heads), LOOK_S)))

    def flush(self) -> None:
        """Write down what was acknowledged."""
        if self._subscription is not None:
            self._subscription.flush()

    def close(self) -> None:
        """Let go of the group."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close()

    def _look(self, hurry: bool) -> None:
        """Look once a second, or after a change, at what waits: a person may have put a dead letter back."""
        now = time.monotonic()
        if now - self._looked < LOOK_S and not hurry:
            return
        self._looked = now
        self._heads, self._waiting = self.retries.heads()
        self._blocked = {head.key for head in self._heads} - {""}
        self._due = {head.event_id: self._due.get(head.event_id, now) for head in self._heads}
        WAITING.child(self.group).set(self._waiting)
        if now - self._pruned >= PRUNE_S:
            self._prune()

    def _prune(self) -> None:
        """Forget some of what was handled long ago; the rest, if there is more, a second later."""
        inbox = infrastructure_of(self.group).inbox.c
        before = time.time() - INBOX_DAYS * 86400
        begin = f"{int(before * 1000):012x}"  # ids sort by time, so that the primary key finds the old ones
        old = select(inbox.event_id).where(inbox.event_id < f"{begin[:8]}-{begin[8:]}", inbox.handled_at < before)
        with self._database.engine.begin() as connection:
            ids = list(connection.scalars(old.limit(PRUNED_AT_ONCE)))
            if ids:
                connection.execute(delete(inbox.event_id.table).where(inbox.event_id.in_(ids)))
        self._pruned = time.monotonic() if len(ids) < PRUNED_AT_ONCE else float("-inf")

    def _try_due(self, stopping: Stopping, hurry: bool) -> int:
        done, now = 0, time.monotonic()
        for head in self._heads:
            if stopping():
                break
            if hurry or self._due.get(head.event_id, now) <= now:
                done += self._try_key(head, stopping)
        if done:
            self._looked = float("-inf")
        return done

    def _try_key(self, head: Waiting, stopping: Stopping) -> int:
        """Try a waiting event and, while that goes well, those behind it."""
        done = 0
        for message, attempts, reason in self.retries.next_of(head, BATCH):
            if stopping():
                break
            done += 1
            if reason == DIED and attempts >= self._retry.attempts:
                self._give_up(message, attempts)
            elif not self._try(message, attempts):
                break
        return done

    def _try(self, message: Message, attempts: int) -> bool:
        """Try a waiting event; return whether those behind it may go on."""
        attempt = attempts + 1
        if self._careful:
            self._careful -= 1
            self.retries.count_attempt(message, attempt, DIED)
        try:
            self._handling.apply(message, waited=True)
        except Exception as error:  # noqa: BLE001 - the edge of the process for a handler
            item = self._judge(message, attempt, error)
            self.retries.failed(item)
            return item.parked
        self._count(message, "handled")
        return True

    def _give_up(self, message: Message, attempts: int) -> None:
        self.retries.park(message)
        self._count(message, "parked")
        log.error("%s: gave up on %s %s after %d: %s", self.group, message.type, message.id, attempts, DIED)

    def _take_new(self, subscription: Subscription, stopping: Stopping) -> int:
        dealt: list[Message] = []
        aside: list[SetAside] = []
        try:
            messages = subscription.receive(BATCH)
            self._more = len(messages) == BATCH
            while len(dealt) < len(messages) and not (dealt and stopping()):
                together = self._next_together(messages, len(dealt))
                self._handle(together, aside)
                dealt += together
            self._set_aside(aside)
        except BaseException:
            # Nothing of this batch is acknowledged: it comes again, and the inbox knows what was handled.
            with suppress(Exception):
                self.close()
            raise
        if dealt:
            subscription.acknowledge(dealt)
        return len(dealt)

    def _next_together(self, messages: Sequence[Message], start: int) -> Sequence[Message]:
        """Return the next messages that may share a transaction."""
        if self._careful or self._handling.goes_alone(messages[start].type):
            return messages[start : start + 1]
        end = start + 1
        while end < min(len(messages), start + TOGETHER) and not self._handling.goes_alone(messages[end].type):
            end += 1
        return messages[start:end]

    def _handle(self, messages: Sequence[Message], aside: list[SetAside]) -> None:
        aside += [SetAside(message) for message in messages if message.key in self._blocked]
        rest = [message for message in messages if message.key not in self._blocked]
        while len(rest) > 1 and (dealt := self._handle_together(rest)):
            rest = rest[dealt:]
        for message in rest:
            if message.key in self._blocked:
                aside.append(SetAside(message))
            elif self._careful:
                self._handle_carefully(message)
            else:
                self._handle_one(message, aside)

    def _handle_together(self, messages: Sequence[Message]) -> int:
        """Handle messages in one transaction; return how many, 0 when one of them fails: then each gets its own."""
        try:
            dealt = self._handling.apply_all(messages)
        except Exception as error:  # noqa: BLE001 - which one it was is found out one by one
            log.debug("%s: %d events are handled one by one after %r", self.group, len(messages), error)
            return 0
        for message in messages[:dealt]:
            self._count(message, "handled")
        return dealt

    def _handle_one(self, message: Message, aside: list[SetAside]) -> None:
        try:
            if self._handling.apply(message):
                self._count(message, "handled")
        except Exception as error:  # noqa: BLE001 - the edge of the process for a handler
            item = self._judge(message, 1, error)
            aside.append(item)
            if message.key and not item.parked:
                self._blocked.add(message.key)

    def _handle_carefully(self, message: Message) -> None:
        self.retries.add([SetAside(message)])
        self._looked = float("-inf")
        if not self._try(message, 0) and message.key:
            self._blocked.add(message.key)

    def _set_aside(self, items: Sequence[SetAside]) -> None:
        if items:
            self.retries.add(items)
            self._looked = float("-inf")

    def _judge(self, message: Message, attempt: int, error: Exception) -> SetAside:
        """Say what becomes of a message that failed.

        Raises:
            DatabaseUnavailable: When it is the module's own database that cannot answer: no event is to blame.
        """
        if (own := self._own_outage(error)) is not None:
            raise own from error
        parked = attempt >= self._allowed(error)
        self._count(message, "failed")
        if parked:
            self._count(message, "parked")
            log.error(
                "%s: gave up on %s %s: %s", self.group, message.type, message.id, reason_of(error), exc_info=error
            )
        else:
            self._due[message.id] = time.monotonic() + self._retry.wait_s(attempt)
            log.warning("%s: attempt %d at %s failed: %s", self.group, attempt, message.type, reason_of(error))
        return SetAside(message, attempt, error, parked)

    def _own_outage(self, error: Exception) -> DatabaseUnavailable | None:
        found = error if isinstance(error, DatabaseUnavailable) else unavailable(error, self.group)
        if found is None or found.module != self.group or found.reason in {"conflict", "locked"}:
            return None
        return found

    def _allowed(self, error: Exception) -> int:
        if isinstance(error, UnreadableEvent):
            return 1
        if unavailable(error) is not None or (isinstance(error, DecantError) and error.retryable):
            return self._retry.outage_attempts
        return self._retry.attempts

    def _count(self, message: Message, outcome: str) -> None:
        EVENTS.child(self.group, message.type, outcome).inc()
