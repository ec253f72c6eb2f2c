"""A module's events that a handler could not take: those that wait for another try, and the dead letters."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, update

from decant.db import ModuleDatabase, infrastructure_of
from decant.errors import DecantError
from decant.events.base import Message
from decant.observe.failures import way
from decant.observe.logging import mask_text

State = Literal["waiting", "parked"]
Where = Callable[[Any], Iterable[Any]]
LONGEST_TEXT = 16_000
"""Characters of a traceback that are kept: its end, where the cause is."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a module's handlers have not taken.

    Attributes:
        module: Whose handlers.
        message: The event.
        state: ``waiting`` for another try, or ``parked``: given up.
        attempts: How often it was tried.
        reason: The last error, or None for one that waits behind another with its key.
        traceback: Where the last error came from, without the values of variables.
        first_at: When it was put here, in seconds since the epoch.
        last_at: When it was tried last.
    """

    module: str
    message: Message
    state: State
    attempts: int
    reason: str | None
    traceback: str | None
    first_at: float
    last_at: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that is next in the order of its key."""

    seq: int
    event_id: str
    key: str
    attempts: int


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message that was not handled: it failed, or it waits behind one that did."""

    message: Message
    attempts: int = 0
    error: Exception | None = None
    parked: bool = False


class Retries:
    """The rows of one module's ``<module>_retries``.

    Args:
        database: The module's database.
    """

    def __init__(self, database: ModuleDatabase) -> None:
        self._database = database
        self._table = table = infrastructure_of(database.name).retries
        row = table.c
        waiting = row.state == "waiting"
        first_of_key = select(func.min(row.seq)).where(waiting).group_by(row.key)
        self._heads = (
            select(row.seq, row.event_id, row.key, row.attempts)
            .where(waiting, or_(row.key == "", row.seq.in_(first_of_key)))
            .order_by(row.seq)
        )
        self._count = select(func.count()).where(waiting)
        self._message = select(row.seq, row.event_id, row.type, row.key, row.payload, row.attempts, row.reason)
        self.known = row.event_id
        self.gone = delete(table).where(row.event_id == bindparam("event_id"))
        """The statement that ends a row's waiting, for the transaction in which it was handled."""

    def heads(self) -> tuple[Sequence[Waiting], int]:
        """Return the rows that may be tried, one per key, and how many wait in all."""
        with self._database.engine.connect() as connection:
            rows = connection.execute(self._heads).all()
            count = connection.scalar(self._count) if rows else 0
        return [Waiting(*row) for row in rows], int(count or 0)

    def next_of(self, head: Waiting, limit: int) -> Sequence[tuple[Message, int, str | None]]:
        """Return a row and those behind it in the order of its key, each with attempts and last reason so far."""
        row = self._table.c
        wanted = row.event_id == head.event_id if not head.key else and_(row.key == head.key, row.seq >= head.seq)
        statement = self._message.where(row.state == "waiting", wanted).order_by(row.seq).limit(limit)
        with self._database.engine.connect() as connection:
            rows = connection.execute(statement).all()
        return [(Message(found[1], found[2], found[3], bytes(found[4])), found[5], found[6]) for found in rows]

    def add(self, items: Sequence[SetAside]) -> None:
        """Keep messages, in one transaction. One that is there already stays as it is."""
        if not items:
            return
        now = time.time()
        ids = [item.message.id for item in items]
        with self._database.engine.begin() as connection:
            there = set(connection.scalars(select(self._table.c.event_id).where(self._table.c.event_id.in_(ids))))
            rows = [self._row(item, now) for item in items if item.message.id not in there]
            if rows:
                connection.execute(insert(self._table), rows)

    def _row(self, item: SetAside, now: float) -> dict[str, Any]:
        message = item.message
        return {
            "event_id": message.id,
            "type": message.type,
            "key": message.key,
            "payload": message.payload,
            "state": "parked" if item.parked else "waiting",
            "attempts": item.attempts,
            "first_at": now,
            "last_at": now,
            **_texts(item.error),
        }

    def failed(self, item: SetAside) -> None:
        """Note another failure of a message that is kept."""
        values = {"attempts": item.attempts, "last_at": time.time(), **_texts(item.error)}
        if item.parked:
            values["state"] = "parked"
        self._change(item.message.id, values)

    def count_attempt(self, message: Message, attempts: int, reason: str) -> None:
        """Note that a message is about to be tried, and what to say should the process die in it."""
        values = {"attempts": attempts, "reason": reason, "traceback": None, "last_at": time.time()}
        self._change(message.id, values)

    def park(self, message: Message) -> None:
        """Give a message up, its reason as it stands."""
        self._change(message.id, {"state": "parked"})

    def _change(self, event_id: str, values: dict[str, Any]) -> None:
        with self._database.engine.begin() as connection:
            connection.execute(update(self._table).where(self._table.c.event_id == event_id).values(values))

    def letters(
        self, states: Collection[State] = ("waiting", "parked"), *, where: Where = lambda _: (), limit: int = 100
    ) -> Sequence[DeadLetter]:
        """Return what is kept, oldest first.

        Args:
            states: Only those in one of these states.
            where: Returns further conditions for the table's columns.
            limit: At most so many.
        """
        row = self._table.c
        statement = select(self._table).where(row.state.in_(states), *where(row)).order_by(row.seq).limit(limit)
        with self._database.engine.connect() as connection:
            rows = connection.execute(statement).all()
        return [
            DeadLetter(
                module=self._database.name,
                message=Message(found.event_id, found.type, found.key, bytes(found.payload)),
                state=found.state,
                attempts=found.attempts,
                reason=found.reason,
                traceback=found.traceback,
                first_at=found.first_at,
                last_at=found.last_at,
            )
            for found in rows
        ]

    def replay(self, where: Where = lambda _: ()) -> int:
        """Put dead letters back among those that wait, with no attempt counted; return how many."""
        row = self._table.c
        again = update(self._table).where(row.state == "parked", *where(row))
        with self._database.engine.begin() as connection:
            return connection.execute(again.values(state="waiting", attempts=0, last_at=time.time())).rowcount

    def drop(self, where: Where = lambda _: ()) -> int:
        """Forget dead letters for good; return how many."""
        row = self._table.c
        with self._database.engine.begin() as connection:
            return connection.execute(delete(self._table).where(row.state == "parked", *where(row))).rowcount


def _texts(error: Exception | None) -> dict[str, str | None]:
    """Return an error as it is kept: without what looks like a credential, and without any variable's value."""
    if error is None:
        return {"reason": None, "traceback": None}
    stack = "".join(traceback.format_exception(error))
    return {"reason": reason_of(error), "traceback": mask_text(stack)[-LONGEST_TEXT:]}


def reason_of(error: Exception) -> str:
    """Return an error as one text, with its hint, and with the operations that a failed call went through."""
    said = f"{error.detail} {error.hint or ''}".strip() if isinstance(error, DecantError) else str(error)
    through = way(error)
    text = f"{type(error).__module__}.{type(error).__qualname__}: {said}{f' [{through}]' if through else ''}"
    return mask_text(text)[:LONGEST_TEXT]
