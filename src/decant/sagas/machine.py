"""What a saga does next: decisions alone, no clock, no database, no calls."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from decant.db import DatabaseUnavailable
from decant.errors import DecantError, DomainError, NotFoundError, RemoteCallError
from decant.observe.failures import way
from decant.sagas.instance import OPEN, Entry, Failure, Instance, Outcome
from decant.sagas.saga import Saga, Step, shown

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 15.0
SHORTEST_TRY_S = 5.0
COMPENSATION_TRY_S = 60.0
LAST = ""
"""In place of a step's name: the method that runs when everything is taken back."""


@dataclass(frozen=True, slots=True)
class Move:
    """What to call next.

    Attributes:
        kind: ``do`` a step, ``ask`` whether it was done, ``undo`` it, or the ``last`` method of a compensated saga.
        step: The step's name.
        name: The method's, as it is shown; with the saga's id it makes the idempotency key.
        method: The method.
        time_s: Seconds that it may take.
    """

    kind: Literal["do", "ask", "undo", "last"]
    step: str
    name: str
    method: Callable[..., Any]
    time_s: float

    @property
    def undoes(self) -> bool:
        return self.kind in {"undo", "last"}


class Machine:
    """The rules of one saga class. Every method changes the instance that it is given."""

    def __init__(self, saga: type[Saga[Any]]) -> None:
        self.saga = saga

    def advance(self, instance: Instance, now: float) -> Move | None:
        """Return what to call next; None when the saga has ended, which is then its state."""
        move = self._forward(instance, now) if instance.state == "running" else None
        return self._backward(instance, now) if instance.state == "compensating" else move

    def succeeded(self, instance: Instance, move: Move, now: float) -> None:
        """Note that a call did what it should."""
        _entry(instance, move, now).tried("done", now)
        instance.unknown = False
        instance.due_at = now

    def answered(self, instance: Instance, move: Move, took_effect: bool, now: float) -> None:
        """Note what the query of an unknown outcome said."""
        if took_effect:
            self.succeeded(instance, move, now)
        else:
            # What was sent before the query may still arrive after it: the step stays one that may have happened.
            _entry(instance, move, now).outcome = "unknown"
            instance.unknown = False

    def failed(self, instance: Instance, move: Move, error: BaseException, now: float) -> None:
        """Note a failure, and decide: try again later, compensate, or park."""
        entry, code, text = _entry(instance, move, now), _code(error), _text(error)
        if move.undoes:
            entry.tried("trying", now, code, text)
            self._again_or(self._park, instance, entry, self.saga.saga_compensation_deadline_s, error, now)
        elif move.kind == "ask" and isinstance(error, NotFoundError):
            self.answered(instance, move, False, now)
        elif isinstance(error, DomainError) and not error.retryable:
            # One that says no after an attempt nobody knows about may still have had the effect of that one.
            outcome: Outcome = "unknown" if instance.unknown or entry.outcome == "unknown" else "failed"
            entry.tried(outcome, now, code, text)
            self._give_up(instance, Failure(move.step, code, str(getattr(error, "detail", error))))
        else:
            instance.unknown = instance.unknown or may_have_run(error)
            entry.tried("unknown" if entry.outcome == "unknown" else "trying", now, code, text)
            failure = Failure(move.step, code, text)
            limit_s = self._time_for(instance, self.saga.steps[move.step], entry)
            self._again_or(lambda it: self._stop_trying(it, entry, failure), instance, entry, limit_s, error, now)

    def park(self, instance: Instance, move: Move, error: BaseException, now: float) -> None:
        """Leave a saga to a person that cannot go on at all."""
        _entry(instance, move, now).tried("trying", now, _code(error), _text(error))
        self._park(instance)

    def retry(self, instance: Instance, now: float) -> None:
        """Let a parked saga go on where it stopped, with new time; one that waits goes on at once."""
        if instance.state == "parked":
            instance.state = "running" if instance.failure is None else "compensating"
            if instance.history and instance.history[-1].outcome != "done":
                stopped = instance.history[-1]
                stopped.outcome, stopped.began = "trying", now
        instance.unknown, instance.due_at = True, now

    def compensate(self, instance: Instance, failure: Failure, now: float) -> None:
        """Take back what was done, and what may have been done."""
        for entry in instance.history:
            if not entry.undo and entry.outcome == "trying":
                entry.outcome = "unknown"
        instance.state, instance.failure, instance.unknown, instance.due_at = "compensating", failure, False, now

    def _forward(self, instance: Instance, now: float) -> Move | None:
        name = self._next_step(instance)
        if name is None:
            instance.state, instance.due_at = "done", None
            return None
        step = self.saga.steps.get(name)
        if step is None:
            self._lost(instance, name)
            return None
        entry = instance.entry(name, False)
        if entry is None and self._is_over(instance, now):
            self.compensate(instance, Failure(name, "saga.deadline", f"The time was over before {name} began."), now)
            return None
        entry = entry or _begin(instance, step.name, name, False, now)
        time_s = max(entry.began + step.deadline_s - now, min(step.deadline_s, SHORTEST_TRY_S))
        if instance.unknown and step.query is not None:
            return Move("ask", name, shown(step.query), step.query, time_s)
        return Move("do", name, name, step.action, time_s)

    def _next_step(self, instance: Instance) -> str | None:
        done = [entry for entry in instance.history if not entry.undo]
        names = list(self.saga.steps)
        if not done:
            return names[0]
        last = done[-1]
        if last.outcome != "done" or last.step not in names:
            return last.step
        position = names.index(last.step) + 1
        return names[position] if position < len(names) else None

    def _backward(self, instance: Instance, now: float) -> Move | None:
        for entry in reversed(instance.history):
            if entry.undo or entry.outcome not in {"done", "unknown"} or instance.is_done(entry.step, undo=True):
                continue
            step = self.saga.steps.get(entry.step)
            if step is None:
                self._lost(instance, entry.step)
                return None
            if step.undo is not None:
                return _undo("undo", instance, entry.step, step.undo, now)
        last = self.saga.last
        if last is not None and not instance.is_done(LAST, undo=True):
            return _undo("last", instance, LAST, last, now)
        instance.state, instance.due_at = "compensated", None
        return None

    def _stop_trying(self, instance: Instance, entry: Entry, failure: Failure) -> None:
        entry.outcome = "unknown"
        self._give_up(instance, failure)

    def _give_up(self, instance: Instance, failure: Failure) -> None:
        if self.beyond_pivot(instance):
            self._park(instance)
        else:
            instance.state, instance.failure, instance.unknown = "compensating", failure, False

    def _again_or(
        self,
        give_up: Callable[[Instance], None],
        instance: Instance,
        entry: Entry,
        limit_s: float,
        error: BaseException,
        now: float,
    ) -> None:
        ends = entry.began + limit_s
        if now >= ends:
            instance.due_at = now
            give_up(instance)
        else:
            instance.due_at = min(now + pause_s(entry.attempts, error), ends)

    def _time_for(self, instance: Instance, step: Step, entry: Entry) -> float:
        total_s = self.saga.saga_deadline_s
        if total_s is None or self.beyond_pivot(instance):
            return step.deadline_s
        return min(step.deadline_s, instance.started_at + total_s - entry.began)

    def beyond_pivot(self, instance: Instance) -> bool:
        return any(step.pivot and instance.is_done(step.name) for step in self.saga.steps.values())

    def _is_over(self, instance: Instance, now: float) -> bool:
        total_s = self.saga.saga_deadline_s
        return total_s is not None and now >= instance.started_at + total_s and not self.beyond_pivot(instance)

    def _lost(self, instance: Instance, name: str) -> None:
        entry = _begin(instance, name, name, instance.state == "compensating", 0.0)
        entry.tried("failed", 0.0, "saga.lost-step", f"{self.saga.__name__} has no step {name} any more.")
        self._park(instance)

    def _park(self, instance: Instance) -> None:
        instance.state, instance.due_at = "parked", None


def _undo(kind: Literal["undo", "last"], instance: Instance, step: str, method: Callable[..., Any], now: float) -> Move:
    name = shown(method)
    if instance.entry(step, True) is None:
        _begin(instance, name, step, True, now)
    return Move(kind, step, name, method, COMPENSATION_TRY_S)


def _begin(instance: Instance, name: str, step: str, undo: bool, now: float) -> Entry:
    entry = Entry(name, step, undo, began=now)
    instance.history.append(entry)
    return entry


def _entry(instance: Instance, move: Move, now: float) -> Entry:
    found = instance.entry(move.step, move.undoes)
    return found or _begin(instance, move.name, move.step, move.undoes, now)


def may_have_run(error: BaseException) -> bool:
    """Return whether a step that failed so may have taken effect.

    The module's own database says nothing about what the step called before it.
    """
    return not isinstance(error, RemoteCallError) or error.may_have_run or isinstance(error, DatabaseUnavailable)


def pause_s(attempts: int, error: BaseException | None = None) -> float:
    """Return the seconds before the next try: doubled each time, jittered, no less than the callee asked for."""
    pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(attempts - 1, 20)) * random.uniform(0.5, 1.0)
    asked: float = getattr(error, "retry_after_s", None) or 0.0
    return float(max(pause, min(asked, LONGEST_PAUSE_S)))


def _text(error: BaseException) -> str:
    through = way(error)
    return f"{type(error).__name__}: {error}{f' [{through}]' if through else ''}"


def _code(error: BaseException) -> str:
    return error.code if isinstance(error, DecantError) else "internal"


def is_open(instance: Instance) -> bool:
    """Return whether a saga has still something to do."""
    return instance.state in OPEN
