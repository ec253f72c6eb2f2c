"""One event, or several, through a module's handlers: their writes and the inbox in one transaction.

Source: Richardson, Microservices Patterns, "Idempotent consumer" and "Transactional inbox".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, bindparam, insert, select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from decant.clock import Clock
from decant.context import CallContext, Caller, use
from decant.db import ModuleDatabase, infrastructure_of
from decant.errors import SetupError
from decant.events.base import Message
from decant.events.envelope import Envelope, UnreadableEvent, decode
from decant.events.event import Event
from decant.events.handlers import event_of
from decant.events.metrics import DURATION
from decant.events.retries import Retries
from decant.ids import new_span_id, new_trace_id
from decant.settings import Settings
from decant.wiring import Registry, Scope, resolve_hints

LONGEST_S = 0.05
"""Seconds after which a transaction of several events ends."""

_AT_HAND = (Session, Clock, CallContext, Caller)
"""What a handler may ask for and still be unable to call another module."""


class Run(NamedTuple):
    """A handler, ready to run."""

    kind: type[Event]
    call: Callable[[Scope], None]
    alone: bool


class Handling:
    """A module's handlers and its inbox.

    Args:
        database: The module's database, which holds the inbox.
        handlers: Functions marked with ``@on``.
        registry: Provides what the handlers ask for beside the event; the Session is provided here if it does not.
        retries: The module's events that wait.
        timeout_s: Seconds that one event may take, calls to other modules included.

    Raises:
        SetupError: For a handler that asks for what nothing provides.
    """

    def __init__(
        self,
        database: ModuleDatabase,
        handlers: Sequence[Callable[..., None]],
        registry: Registry | None,
        retries: Retries,
        timeout_s: float,
    ) -> None:
        self._module = database.name
        self._timeout_s = timeout_s
        self._retries = retries
        inbox = infrastructure_of(database.name).inbox
        ids: BindParameter[str] = bindparam("ids", expanding=True)
        handled = select(inbox.c.event_id).where(inbox.c.event_id.in_(ids))
        self._handled = select(inbox.c.event_id).where(inbox.c.event_id == bindparam("event_id"))
        self._known = union_all(self._handled, select(retries.known).where(retries.known == bindparam("event_id")))
        self._all_known = union_all(handled, select(retries.known).where(retries.known.in_(ids)))
        self._note = insert(inbox)
        self._registry = Registry(registry)
        if not self._registry.provides(Session):
            self._registry.add_factory(Session, lambda scope: database.session(), close=database.close_session)
        self._runs: dict[str, list[Run]] = {}
        for handler in handlers:
            self._add(handler)

    def _add(self, handler: Callable[..., None]) -> None:
        kind = event_of(handler)
        if kind is None:
            raise SetupError(f"{handler!r} handles no event.", hint="Mark it with @on(TheEvent).")
        self._registry.add_getter(kind, lambda scope: scope.made[kind])
        run = Run(kind, self._registry.compile(handler), not _is_local(handler))
        self._runs.setdefault(kind.event_type, []).append(run)

    @property
    def types(self) -> frozenset[str]:
        """The types of events that have a handler here."""
        return frozenset(self._runs)

    def goes_alone(self, type_: str) -> bool:
        """Return whether events of a type need a transaction of their own.

        They do when a handler asks for more than the session and values: it may call another module, and must not
        while the writes of an earlier event wait for their commit.
        """
        return any(run.alone for run in self._runs.get(type_, ()))

    def apply(self, message: Message, *, waited: bool = False) -> bool:
        """Handle an event in a transaction of its own; False when that was done before.

        Args:
            message: The event.
            waited: Whether it comes from the retries: its row there goes with the commit.
        """
        envelope, ready = self._read(message)
        scope = self._registry.open()
        try:
            session = scope.get(Session)
            known = self._handled if waited else self._known
            done = fresh = session.connection().execute(known, {"event_id": message.id}).first() is None
            if fresh:
                self._run(scope, session, envelope, ready)
                # The note comes last: until then nothing is locked, so a handler may call other modules first.
                done = self._noted(session, message.id)
            if waited and (done or not fresh):
                session.connection().execute(self._retries.gone, {"event_id": message.id})
                done = True
        except BaseException as error:
            failure = scope.fail(error)
            if failure is error:
                raise
            raise failure from error
        scope.close(done)
        return fresh

    def apply_all(self, messages: Sequence[Message]) -> int:
        """Handle events in one transaction; all of it happens, or nothing. What was handled before is left out.

        Returns:
            How many of them, from the first; after some time it ends, for others wait to write.
        """
        read = [(message, *self._read(message)) for message in messages]
        ids = [message.id for message in messages]
        began, dealt = time.monotonic(), 0
        scope = self._registry.open()
        try:
            session = scope.get(Session)
            known = set(session.connection().scalars(self._all_known, {"ids": ids}))
            fresh = []
            for message, envelope, ready in read:
                dealt += 1
                if message.id in known:
                    continue
                self._run(scope, session, envelope, ready)
                session.expunge_all()  # the next handler begins with nothing at hand, as in a session of its own
                known.add(message.id)
                fresh.append({"event_id": message.id, "handled_at": time.time()})
                if time.monotonic() - began > LONGEST_S:
                    break
            if fresh:
                session.connection().execute(self._note, fresh)
        except BaseException as error:
            scope.fail(error)
            raise
        scope.close(bool(fresh))
        return dealt

    def _read(self, message: Message) -> tuple[Envelope, list[tuple[Run, Event]]]:
        envelope = decode(message.payload)
        if (envelope.id, envelope.type) != (message.id, message.type):
            raise UnreadableEvent(f"{message.type} {message.id} arrived with the envelope of {envelope.type}.")
        runs = self._runs.get(message.type)
        if not runs:
            raise UnreadableEvent(
                f"The module {self._module} has no handler for {message.type}.",
                hint="Define one with @on, or drop the event: decant events drop",
            )
        return envelope, [(run, envelope.read_as(run.kind)) for run in runs]

    def _run(self, scope: Scope, session: Session, envelope: Envelope, ready: list[tuple[Run, Event]]) -> None:
        began = time.perf_counter()
        with use(_context(envelope, self._timeout_s)):
            for run, event in ready:
                scope.made[run.kind] = event
                run.call(scope)
            session.flush()
        DURATION.child(self._module, envelope.type).observe(time.perf_counter() - began)

    def _noted(self, session: Session, event_id: str) -> bool:
        try:
            session.connection().execute(self._note, {"event_id": event_id, "handled_at": time.time()})
        except IntegrityError:
            return False  # another process handled it meanwhile: what was done here is rolled back
        return True


def _is_local(handler: Callable[..., Any]) -> bool:
    """Return whether a handler asks for values and its own session only."""
    hints = resolve_hints(handler, getattr(handler, "__qualname__", repr(handler)))
    hints.pop("return", None)
    return all(
        kind in _AT_HAND or (isinstance(kind, type) and issubclass(kind, Event | Settings)) for kind in hints.values()
    )


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
