"""The coordinator: carries a saga forward, one call at a time, each recorded before the next."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError
from sqlalchemy.orm import Session

from decant.context import CallContext, Caller, idempotency_key, use
from decant.db import ModuleDatabase
from decant.errors import DomainError, RemoteCallError, SetupError
from decant.ids import new_span_id, new_trace_id
from decant.observe.tracing import parse_traceparent
from decant.sagas.instance import Instance
from decant.sagas.machine import Machine, Move, is_open
from decant.sagas.saga import Saga
from decant.sagas.store import Fenced, SagaStore
from decant.sagas.watching import observe_step
from decant.wiring import Registry, Scope

log = logging.getLogger(__name__)
Now = Callable[[], float]
"""Returns seconds since the epoch."""


class Hold(Protocol):
    """A claim on a saga, as its worker sees it."""

    owner: str

    def check(self) -> None:
        """Return while the claim certainly stands.

        Raises:
            Fenced: When others may have taken the saga over.
        """
        ...

    def renew(self, since: float) -> None:
        """Note that the saga's row was changed in this claim's name; ``since`` is monotonic."""
        ...

    def goes_on(self) -> bool:
        """Return whether a further step may begin."""
        ...


@dataclass(frozen=True, slots=True)
class _Kind:
    saga: type[Saga[Any]]
    machine: Machine
    make: Callable[[Scope], Saga[Any]]


class Coordinator:
    """Runs the sagas of one module.

    Args:
        database: The module's.
        sagas: Its saga classes.
        registry: Provides what their constructors ask for; the Session is provided here if it does not.

    Raises:
        SetupError: For two sagas of one name, or one that asks for what nothing provides.
    """

    def __init__(
        self, database: ModuleDatabase, sagas: Sequence[type[Saga[Any]]], registry: Registry | None = None
    ) -> None:
        self.store = SagaStore(database)
        self._registry = Registry(registry)
        if not self._registry.provides(Session):
            self._registry.add_factory(Session, lambda scope: database.session(), close=database.close_session)
            self._registry.add_translator(database.unavailable)
        self._kinds: dict[str, _Kind] = {}
        for saga in sagas:
            if saga.saga_name in self._kinds:
                raise SetupError(f"The module {database.name} has two sagas that are called {saga.saga_name}.")
            self._kinds[saga.saga_name] = _Kind(saga, Machine(saga), self._registry.compile(saga))

    @property
    def module(self) -> str:
        return self.store.database.name

    @property
    def names(self) -> frozenset[str]:
        """The names of the sagas that this code knows."""
        return frozenset(self._kinds)

    def machine(self, name: str) -> Machine:
        return self._kinds[name].machine

    def run(self, instance: Instance, hold: Hold, now: Now) -> Instance:
        """Carry a claimed saga on until it ends, has to wait, or the hold does not go on; it is free then.

        Returns:
            The saga as it is then.

        Raises:
            Fenced: When others have taken it over.
            DatabaseUnavailable: When nothing can be recorded; the claim then runs out by itself.
        """
        kind = self._kinds[instance.name]
        with use(self._context(instance)):
            move = kind.machine.advance(instance, now())
            if move is None:
                self._record(instance, hold, goes_on=False)
            while move is not None:
                hold.check()
                instance, move = self._attempt(kind, instance, move, hold, now)
            self._tell_end(instance)
        return instance

    def _attempt(
        self, kind: _Kind, instance: Instance, move: Move, hold: Hold, now: Now
    ) -> tuple[Instance, Move | None]:
        before, began_ns = instance.copy(), time.time_ns()
        context = self._context(instance)
        error: Exception | None = None
        following: Move | None = None
        with use(context):
            try:
                following = self._perform(kind, instance, move, hold, now)
            except Fenced:
                raise
            except Exception as caught:  # noqa: BLE001 - the edge of the process for a step
                error = caught
                _tell(before, move, error)
            finally:
                observe_step(self.module, before, move.name, context, began_ns, error)
        if error is None:
            return instance, following
        return before, self._note_failure(kind.machine, before, move, error, hold, now)

    def _perform(self, kind: _Kind, instance: Instance, move: Move, hold: Hold, now: Now) -> Move | None:
        """Make the call, and record it in the transaction of what it wrote; return the next one."""
        data = kind.saga.data_type.model_validate_json(instance.data)
        context = self._context(instance, time.monotonic() + move.time_s)
        with use(context), idempotency_key(f"{instance.id}:{move.name}"):
            scope = self._registry.open()
            try:
                arguments = (data, instance.failure) if move.kind == "last" else (data,)
                answer = move.method(kind.make(scope), *arguments)
                with use(context.replace(deadline=None)):  # what is done has to be noted
                    following = self._succeeded(kind, instance, move, answer, data, now())
                    going = following is not None and hold.goes_on()
                    self._record_in(scope, instance, hold, going)
            except BaseException as error:
                failure = scope.fail(error)
                if failure is error:
                    raise
                raise failure from error
        return following if going else None

    def _succeeded(
        self, kind: _Kind, instance: Instance, move: Move, answer: object, data: Any, now: float
    ) -> Move | None:
        if move.kind == "ask":
            kind.machine.answered(instance, move, bool(answer), now)
        else:
            kind.machine.succeeded(instance, move, now)
        instance.data = data.model_dump_json().encode()
        return kind.machine.advance(instance, now)

    def _note_failure(
        self, machine: Machine, instance: Instance, move: Move, error: Exception, hold: Hold, now: Now
    ) -> Move | None:
        at = now()
        if isinstance(error, ValidationError) and error.title == machine.saga.data_type.__name__:
            machine.park(instance, move, error, at)
        else:
            machine.failed(instance, move, error, at)
        waits = instance.due_at is not None and instance.due_at > at
        following = None if waits or not is_open(instance) else machine.advance(instance, at)
        going = following is not None and hold.goes_on()
        self._record(instance, hold, going)
        return following if going else None

    def _record_in(self, scope: Scope, instance: Instance, hold: Hold, goes_on: bool) -> None:
        since = time.monotonic()
        session = scope.get(Session)
        with self.store.turn(session):
            session.flush()
            self.store.record(session.connection(), instance, hold.owner if goes_on else "")
            scope.close(True)
        hold.renew(since)

    def _record(self, instance: Instance, hold: Hold, goes_on: bool) -> None:
        since = time.monotonic()
        with self.store.turn(), self.store.database.transaction() as session:
            self.store.record(session.connection(), instance, hold.owner if goes_on else "")
        hold.renew(since)

    def _context(self, instance: Instance, deadline: float | None = None) -> CallContext:
        """Return the context of a step: a span of its own in the trace that the saga was started in."""
        parent = parse_traceparent(instance.trace)
        return CallContext(
            trace_id=parent.trace_id if parent else new_trace_id(),
            span_id=new_span_id(),
            sampled=parent.sampled if parent else True,
            request_id=instance.id,
            deadline=deadline,
            caller=Caller(service=self.module),
        )

    def _tell_end(self, instance: Instance) -> None:
        extra = {"saga": instance.name, "saga_id": instance.id}
        if instance.state == "parked":
            last = instance.history[-1]
            log.error(
                "saga %s %s is parked at %s: %s; see `decant sagas show %s`",
                instance.name, instance.id, last.name, last.error, instance.id, extra=extra,
            )  # fmt: skip
        elif instance.state == "compensated" and instance.failure is not None:
            failure = instance.failure
            log.info("saga %s %s is compensated: %s", instance.name, instance.id, failure.detail, extra=extra)
        elif instance.state == "done":
            log.debug("saga %s %s is done", instance.name, instance.id, extra=extra)


def _tell(instance: Instance, move: Move, error: Exception) -> None:
    expected = isinstance(error, DomainError | RemoteCallError)
    log.log(
        logging.INFO if isinstance(error, DomainError) and not error.retryable else logging.WARNING,
        "saga %s %s: %s failed: %s", instance.name, instance.id, move.name, error,
        exc_info=None if expected else error, extra={"saga": instance.name, "saga_id": instance.id},
    )  # fmt: skip
