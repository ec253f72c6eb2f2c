"""The consumer: from the transport to a module's handlers, each event applied once.

Source: Richardson, Microservices Patterns, "Idempotent consumer" and "Transactional inbox".
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from decant.context import CallContext, Caller, use
from decant.db import ModuleDatabase, infrastructure_of, unavailable
from decant.errors import DecantError, SetupError
from decant.events.base import Message, Transport
from decant.events.envelope import Envelope, UnreadableEvent, decode
from decant.events.event import Event
from decant.events.handlers import event_of
from decant.ids import new_span_id, new_trace_id
from decant.wiring import Registry, Scope

log = logging.getLogger(__name__)
BATCH = 100
Pause = Callable[[float], bool]
"""Waits some seconds; False when waiting is over because the process stops."""


@dataclass(frozen=True, slots=True)
class Retry:
    """When a handler is tried again: after ``base_s`` doubled each time, at most ``cap_s``, jittered.

    Attributes:
        attempts: Tries before the event becomes a dead letter.
        outage_attempts: The same while something is merely unavailable: the database, another service.
        base_s: Seconds before the second try.
        cap_s: The longest wait, in seconds.
        timeout_s: Seconds that one try may take, calls to other modules included.
    """

    attempts: int = 5
    outage_attempts: int = 60
    base_s: float = 0.1
    cap_s: float = 5.0
    timeout_s: float = 30.0

    def wait_s(self, attempt: int) -> float:
        return float(min(self.cap_s, self.base_s * 2 ** min(attempt - 1, 20)) * random.uniform(0.5, 1.0))


class Consumer:
    """Runs a module's handlers; the module is a group of its own.

    Args:
        database: The module's database, which holds the inbox.
        handlers: Functions marked with ``@on``.
        registry: Provides what the handlers ask for beside the event; the Session is provided here if it does not.
        transport: Where messages come from.
        retry: When a failed event is tried again.

    Delivery: in order. While an event is retried the ones behind it wait; when it has failed for good it
    becomes a dead letter and they go on.

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
        self._transport = transport
        self._retry = retry or Retry()
        inbox = infrastructure_of(database.name).inbox
        self._noted = select(1).where(inbox.c.event_id == bindparam("event_id"))
        self._note = insert(inbox)
        self._registry = Registry(registry)
        if not self._registry.provides(Session):
            self._registry.add_factory(Session, lambda scope: database.session(), close=database.close_session)
        self._handlers: dict[str, list[tuple[type[Event], Callable[[Scope], None]]]] = {}
        for handler in handlers:
            self._add(handler)

    def _add(self, handler: Callable[..., None]) -> None:
        kind = event_of(handler)
        if kind is None:
            raise SetupError(f"{handler!r} handles no event.", hint="Mark it with @on(TheEvent).")
        self._registry.add_getter(kind, lambda scope: scope.made[kind])
        self._handlers.setdefault(kind.event_type, []).append((kind, self._registry.compile(handler)))

    def step(self, pause: Pause) -> int:
        """Handle the next batch; return how many messages are settled. Stops early when ``pause`` says so."""
        settled = 0
        position = 0
        try:
            for message in self._transport.read(self.group, BATCH):
                if not self._settle(message, pause):
                    break
                position = message.position
                settled += 1
        finally:
            if position:
                self._transport.acknowledge(self.group, position)
        return settled

    def _settle(self, message: Message, pause: Pause) -> bool:
        """Handle a message or park it; False when the process stops before either is done."""
        if message.type not in self._handlers:
            return True
        attempt = 0
        while True:
            attempt += 1
            try:
                self._deliver(message)
            except Exception as error:  # noqa: BLE001 - the edge of the process for a handler
                if attempt >= self._allowed(error):
                    self._park(message, error, attempt)
                    return True
                log.warning("%s: attempt %d at %s failed: %s", self.group, attempt, message.type, error)
            else:
                return True
            if not pause(self._retry.wait_s(attempt)):
                return False

    def _allowed(self, error: Exception) -> int:
        if isinstance(error, UnreadableEvent):
            return 1
        if unavailable(error) is not None or (isinstance(error, DecantError) and error.retryable):
            return self._retry.outage_attempts
        return self._retry.attempts

    def _park(self, message: Message, error: Exception, attempts: int) -> None:
        reason = f"{type(error).__module__}.{type(error).__qualname__}: {error}"
        self._transport.park(self.group, message, reason, attempts)
        log.error("%s: gave up on %s %s: %s", self.group, message.type, message.id, reason, exc_info=error)

    def _deliver(self, message: Message) -> None:
        envelope = decode(message.payload)
        handlers = [(kind, envelope.read_as(kind), run) for kind, run in self._handlers[message.type]]
        with use(_context(envelope, self._retry.timeout_s)):
            scope = self._registry.open()
            try:
                fresh = self._apply(scope, envelope.id, handlers)
            except BaseException as error:
                failure = scope.fail(error)
                if failure is error:
                    raise
                raise failure from error
            scope.close(fresh)

    def _apply(self, scope: Scope, event_id: str, handlers: Sequence[tuple[type[Event], Event, Any]]) -> bool:
        """Run the handlers and note it in the inbox, unless the inbox has it; return whether to commit.

        The note comes last: until then the transaction holds no lock, so a handler may call other modules first.
        """
        session = scope.get(Session)
        if session.connection().execute(self._noted, {"event_id": event_id}).first():
            return False
        for kind, event, run in handlers:
            scope.made[kind] = event
            run(scope)
        session.flush()
        try:
            session.connection().execute(self._note, {"event_id": event_id, "handled_at": time.time()})
        except IntegrityError:
            return False  # another process handled it meanwhile: what was done here is rolled back
        return True


def _context(envelope: Envelope, timeout_s: float) -> CallContext:
    """Return the context of a handler: a new span in the publisher's trace."""
    parts = envelope.traceparent.split("-")
    known = len(parts) == 4 and len(parts[1]) == 32
    return CallContext(
        trace_id=parts[1] if known else new_trace_id(),
        span_id=new_span_id(),
        sampled=not known or parts[3] == "01",
        request_id=envelope.id,
        deadline=time.monotonic() + timeout_s,
        caller=Caller(service=envelope.source.lstrip("/")),
    )
