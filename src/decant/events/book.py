"""The book of events: what waits, what was given up and what was delivered, for people and their tools."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import orjson
from sqlalchemy import delete, func, select, update

from decant.db import ModuleDatabase, infrastructure_of
from decant.events.base import Lag, Message, Transport
from decant.events.retries import Retries, State

EventState = Literal["pending", "waiting", "parked", "delivered"]
STATES: tuple[EventState, ...] = get_args(EventState)
"""``pending``: in the outbox; ``waiting`` for another try; ``parked``: given up; ``delivered``: in the log."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event, and where it stands.

    Attributes:
        state: One of :data:`STATES`.
        module: Whose outbox or whose handlers; for one that was delivered, who published it.
        message: The event.
        at: When it came there, in seconds since the epoch.
        attempts: How often a handler was tried.
        reason: Why it is not further.
        traceback: Where that came from.
    """

    state: EventState
    module: str
    message: Message
    at: float
    attempts: int = 0
    reason: str | None = None
    traceback: str | None = None

    @property
    def envelope(self) -> Any:
        """The CloudEvents document; a text where the payload is none."""
        try:
            return orjson.loads(self.message.payload)
        except orjson.JSONDecodeError:
            return self.message.payload.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Only:
    """Which events are meant; None stands for any.

    Attributes:
        type: The event's type.
        key: Its key.
        id: Its id, or how that begins.
    """

    type: str | None = None
    key: str | None = None
    id: str | None = None

    def takes(self, message: Message) -> bool:
        return (
            (self.type is None or message.type == self.type)
            and (self.key is None or message.key == self.key)
            and (self.id is None or message.id.startswith(self.id))
        )

    def of(self, columns: Any, id_: str) -> list[Any]:
        """Return the same as SQL, for a table whose ids are in the column ``id_``."""
        wanted = [
            columns[name] == value for name, value in (("type", self.type), ("key", self.key)) if value is not None
        ]
        return wanted if self.id is None else [*wanted, columns[id_].startswith(self.id, autoescape=True)]


class Book:
    """The events of some modules.

    Args:
        databases: The modules' databases, by name.
        transport: Where events travel.
    """

    def __init__(self, databases: Mapping[str, ModuleDatabase], transport: Transport) -> None:
        self._databases = databases
        self._transport = transport

    def entries(self, states: Collection[EventState], only: Only, limit: int) -> Sequence[Entry]:
        """Return at most ``limit`` events of each place, oldest first."""
        found: list[Entry] = []
        for database in self._databases.values():
            found += self._outbox(database, states, only, limit)
            found += self._retries(database, states, only, limit)
        if "delivered" in states and self._transport.capabilities.browsable:
            found += self._delivered(only, limit)
        return sorted(found, key=lambda entry: entry.at)

    def _outbox(
        self, database: ModuleDatabase, states: Collection[EventState], only: Only, limit: int
    ) -> Iterator[Entry]:
        row = infrastructure_of(database.name).outbox.c
        wanted = [state for state in ("pending", "parked") if state in states]
        statement = select(*row).where(row.state.in_(wanted), *only.of(row, "id")).order_by(row.seq).limit(limit)
        with database.engine.connect() as connection:
            for one in connection.execute(statement):
                message = Message(one.id, one.type, one.key, bytes(one.payload))
                yield Entry(one.state, database.name, message, one.published_at, reason=one.reason)

    def _retries(
        self, database: ModuleDatabase, states: Collection[EventState], only: Only, limit: int
    ) -> Iterator[Entry]:
        kept: list[State] = [state for state in ("waiting", "parked") if state in states]
        for one in Retries(database).letters(kept, where=lambda row: only.of(row, "event_id"), limit=limit):
            yield Entry(one.state, one.module, one.message, one.last_at, one.attempts, one.reason, one.traceback)

    def _delivered(self, only: Only, limit: int) -> Iterator[Entry]:
        newest = [message for message in self._transport.browse(limit=100_000, newest=True) if only.takes(message)]
        for message in newest[-limit:]:
            yield delivered(message)

    def retry(self, only: Only, modules: Collection[str] = ()) -> int:
        """Put parked events back to where they were; return how many."""
        count = 0
        for database in self._chosen(modules):
            count += Retries(database).replay(lambda row: only.of(row, "event_id"))
            outbox = infrastructure_of(database.name).outbox
            again = update(outbox).where(outbox.c.state == "parked", *only.of(outbox.c, "id"))
            with database.engine.begin() as connection:
                count += connection.execute(again.values(state="pending", reason=None)).rowcount
        return count

    def drop(self, only: Only, modules: Collection[str] = ()) -> int:
        """Forget parked events for good; return how many."""
        count = 0
        for database in self._chosen(modules):
            count += Retries(database).drop(lambda row: only.of(row, "event_id"))
            outbox = infrastructure_of(database.name).outbox
            gone = delete(outbox).where(outbox.c.state == "parked", *only.of(outbox.c, "id"))
            with database.engine.begin() as connection:
                count += connection.execute(gone).rowcount
        return count

    def _chosen(self, modules: Collection[str]) -> Iterator[ModuleDatabase]:
        return (database for name, database in self._databases.items() if not modules or name in modules)

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return how many events are pending, waiting and parked at each module."""
        return {name: self._count(database) for name, database in self._databases.items()}

    def _count(self, database: ModuleDatabase) -> Mapping[str, int]:
        tables = infrastructure_of(database.name)
        found = dict.fromkeys(("pending", "waiting", "parked"), 0)
        with database.engine.connect() as connection:
            for table in (tables.outbox, tables.retries):
                by_state = select(table.c.state, func.count()).group_by(table.c.state)
                for state, count in connection.execute(by_state):
                    found[state] += count
        return found

    def lags(self) -> Sequence[Lag]:
        """Return how far each group of handlers is behind the transport."""
        return self._transport.lags()


def delivered(message: Message) -> Entry:
    """Return a message of the transport as an entry of its publisher."""
    entry = Entry("delivered", "", message, message.at)
    envelope = entry.envelope
    source = str(envelope.get("source", "")) if isinstance(envelope, dict) else ""
    return Entry("delivered", source.lstrip("/"), message, message.at)
