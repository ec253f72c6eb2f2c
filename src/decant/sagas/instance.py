"""One saga that runs: where it stands, and what happened so far."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeAlias

import orjson

State: TypeAlias = Literal["running", "compensating", "done", "compensated", "parked"]
Outcome: TypeAlias = Literal["done", "failed", "unknown", "trying"]

OPEN: tuple[State, ...] = ("running", "compensating")
ERROR_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a saga is compensated.

    Attributes:
        step: The step at which it happened.
        code: The error's code, for instance ``payments.declined``; ``saga.deadline`` when time was over, and
            ``saga.operator`` when a person wanted it so.
        detail: What happened, for people.
    """

    step: str
    code: str
    detail: str


@dataclass(slots=True)
class Entry:
    """What became of one step, or of taking it back.

    Attributes:
        name: The action's or the compensation's, as it is shown.
        step: The step that it belongs to.
        undo: Whether this took the step back.
        outcome: ``trying`` until one of the others is known.
        attempts: How often it was tried.
        began: When first, in seconds since the epoch.
        ended: When last.
        code: The last error's code, or "".
        error: The last error, or "".
    """

    name: str
    step: str
    undo: bool
    began: float
    outcome: Outcome = "trying"
    attempts: int = 0
    ended: float = 0.0
    code: str = ""
    error: str = ""

    def tried(self, outcome: Outcome, now: float, code: str = "", error: str = "") -> None:
        """Note a try."""
        self.outcome, self.ended = outcome, now
        self.attempts += 1
        self.code, self.error = code, error[:ERROR_LENGTH]


@dataclass(slots=True)
class Instance:
    """A saga as it is kept, but for who works on it.

    Attributes:
        id: Its id.
        name: Which saga it is.
        key: What people look for it by, or "".
        state: ``running``, ``compensating``, and then ``done``, ``compensated`` or ``parked``.
        data: Its data as JSON.
        unknown: Whether the outcome of the present action is not known.
        started_at: In seconds since the epoch.
        history: What happened, in order.
        failure: Why it is compensated, or None.
        trace: The trace that it was started in, as a W3C ``traceparent``, or "".
        version: Counts every change: whoever knows an older one can not write any more.
        due_at: When to go on, in seconds since the epoch; None once it has ended.
        owner: Who worked on it when it was read, or "".
    """

    id: str
    name: str
    key: str
    state: State
    data: bytes
    started_at: float
    unknown: bool = False
    history: list[Entry] = field(default_factory=list)
    failure: Failure | None = None
    trace: str = ""
    version: int = 0
    due_at: float | None = None
    owner: str = ""

    def copy(self) -> Instance:
        """Return one that can be changed without changing this one."""
        return replace(self, history=[replace(entry) for entry in self.history])

    def entry(self, step: str, undo: bool) -> Entry | None:
        """Return what became of a step, or of taking it back; None where neither was begun."""
        return next((entry for entry in self.history if entry.step == step and entry.undo == undo), None)

    def is_done(self, step: str, undo: bool = False) -> bool:
        found = self.entry(step, undo)
        return found is not None and found.outcome == "done"

    def dump_history(self) -> bytes:
        document: dict[str, Any] = {"entries": [asdict(entry) for entry in self.history]}
        if self.failure is not None:
            document["failure"] = asdict(self.failure)
        return orjson.dumps(document)

    def load_history(self, stored: bytes) -> None:
        """Take what is kept of the history; a saga whose history cannot be read is parked: no other waits for it."""
        try:
            document = orjson.loads(stored)
            history = [Entry(**entry) for entry in document["entries"]]
            failure = Failure(**document["failure"]) if document.get("failure") else None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            # Of no step, and unknown: neither a retry nor a compensation gets past it.
            text = f"What is kept of its history cannot be read ({error}): {stored.decode(errors='replace')}"
            unreadable = Entry("history", "", False, self.started_at)
            unreadable.tried("unknown", self.started_at, "saga.unreadable", text)
            self.history, self.state, self.due_at = [unreadable], "parked", None
        else:
            self.history, self.failure = history, failure
