"""The transactional outbox: an event is committed with the change that it tells of, or not at all.

Source: Richardson, Microservices Patterns, "Transactional outbox".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Connection, Insert, event, insert, inspect, select
from sqlalchemy.orm import Session

from decant.context import current
from decant.db import infrastructure_of
from decant.errors import SetupError
from decant.events.envelope import encode
from decant.events.event import KEY_LENGTH, Event
from decant.ids import new_id

_PUBLISHED = "decant.published"
_SUFFIX = "_outbox"
_wakers: dict[str, list[Callable[[], None]]] = {}


def publish(session: Session, fact: Event) -> str:
    """Write an event to the outbox, in the session's transaction; return the event's id.

    Nothing leaves before the transaction commits, and nothing is lost once it has.

    Args:
        session: The module's session. A plain one, as in a unit test, writes to the one outbox that its database
            has, or to that of the module which the event's type begins with.
        fact: What happened.

    Raises:
        SetupError: For what is not an event, or a key of more than 200 characters.
    """
    if not isinstance(fact, Event):
        raise SetupError(f"publish() takes an Event, not {type(fact).__name__}.")
    key = fact.key_value()
    if len(key) > KEY_LENGTH:
        raise SetupError(f"{type(fact).__name__}: its key has {len(key)} characters; {KEY_LENGTH} are allowed.")
    connection = session.connection()
    module = session.info.get("decant.module") or _module_of(connection, fact.event_type.partition(".")[0])
    event_id = new_id()
    payload = encode(fact, event_id, module, current.get())
    row = {"id": event_id, "type": fact.event_type, "key": key, "payload": payload, "published_at": time.time()}
    connection.execute(_insert_into(module), row)
    session.info[_PUBLISHED] = module
    return event_id


@dataclass(frozen=True, slots=True)
class Outbox:
    """A row of a module's outbox, as a test looks at it.

    Attributes:
        id: The event's id.
        event_type: Its stable name.
        key: What orders it among others, or "".
        payload: Its fields.
        state: ``pending`` until the transport has it, and ``parked`` when it can never have it.

    Example:
        >>> from sqlalchemy import create_engine
        >>> from decant.db import create_infrastructure
        >>> class OrderCreated(Event, type="order.created"):
        ...     total_cents: int
        >>> with create_engine("sqlite://").connect() as connection, Session(connection) as session:
        ...     create_infrastructure(connection, "orders")
        ...     event_id = publish(session, OrderCreated(total_cents=3000))
        ...     [row] = Outbox.rows(session)
        >>> row.event_type, row.payload["total_cents"]
        ('order.created', 3000)
    """

    id: str
    event_type: str
    key: str
    payload: dict[str, Any]
    state: str

    @classmethod
    def rows(cls, session: Session) -> Sequence[Outbox]:
        """Return what a session's transaction sees in the outbox, in the order of publishing."""
        connection = session.connection()
        table = infrastructure_of(session.info.get("decant.module") or _module_of(connection, "")).outbox
        found = connection.execute(select(table).order_by(table.c.seq))
        return [cls(row.id, row.type, row.key, orjson.loads(row.payload)["data"], row.state) for row in found]


def _module_of(connection: Connection, begins: str) -> str:
    """Return whose outbox a plain session means: the only one there is, or that of the type's first word.

    Raises:
        SetupError: When neither tells.
    """
    names = [name.removesuffix(_SUFFIX) for name in inspect(connection).get_table_names() if name.endswith(_SUFFIX)]
    if begins in names:
        return begins
    if len(names) == 1:
        return names[0]
    there = ", ".join(f"{name}{_SUFFIX}" for name in sorted(names)) or "none"
    raise SetupError(
        f"This session belongs to no module, and its database does not tell which outbox is meant; there are: {there}.",
        hint="Create it with decant.db.create_infrastructure(connection, 'the_module'), or take the session from "
        "ModuleDatabase('the_module', url).session().",
    )


@cache
def _insert_into(module: str) -> Insert:
    return insert(infrastructure_of(module).outbox).inline()


def wake_on_commit(module: str, wake: Callable[[], None]) -> Callable[[], None]:
    """Call ``wake`` after each commit in this process that published from the module; return what ends that."""
    wakers = _wakers.setdefault(module, [])
    wakers.append(wake)
    return lambda: wakers.remove(wake)


@event.listens_for(Session, "after_commit")
def _ring(session: Session) -> None:
    # A savepoint's release is announced here too, and is no commit.
    if _PUBLISHED in session.info and not session.in_nested_transaction():
        for wake in tuple(_wakers.get(session.info.pop(_PUBLISHED), ())):
            wake()
