"""The transactional outbox: an event is committed with the change that it tells of, or not at all.

Source: Richardson, Microservices Patterns, "Transactional outbox".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from sqlalchemy import Insert, event, insert
from sqlalchemy.orm import Session

from decant.context import current
from decant.db import infrastructure_of
from decant.errors import SetupError
from decant.events.envelope import encode
from decant.events.event import KEY_LENGTH, Event
from decant.ids import new_id

_PUBLISHED = "decant.published"
_wakers: dict[str, list[Callable[[], None]]] = {}


def publish(session: Session, fact: Event) -> str:
    """Write an event to the outbox, in the session's transaction; return the event's id.

    Nothing leaves before the transaction commits, and nothing is lost once it has.

    Args:
        session: The module's session. A plain one, as in a unit test, writes to the outbox of the
            module that the event's type begins with.
        fact: What happened.

    Raises:
        SetupError: For what is not an event, or a key of more than 200 characters.
    """
    if not isinstance(fact, Event):
        raise SetupError(f"publish() takes an Event, not {type(fact).__name__}.")
    key = fact.key_value()
    if len(key) > KEY_LENGTH:
        raise SetupError(f"{type(fact).__name__}: its key has {len(key)} characters; {KEY_LENGTH} are allowed.")
    module = session.info.get("decant.module") or fact.event_type.partition(".")[0]
    event_id = new_id()
    payload = encode(fact, event_id, module, current.get())
    row = {"id": event_id, "type": fact.event_type, "key": key, "payload": payload}
    session.connection().execute(_insert_into(module), row)
    session.info[_PUBLISHED] = module
    return event_id


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
