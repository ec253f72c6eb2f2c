"""Starting a saga, in the transaction of what it is for."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy import Insert, event, insert
from sqlalchemy.orm import Session

from decant.context import CallContext, current
from decant.db import infrastructure_of
from decant.errors import SetupError
from decant.ids import new_id
from decant.observe.tracing import format_traceparent
from decant.sagas.instance import Instance
from decant.sagas.saga import Saga
from decant.sagas.store import row_of

D = TypeVar("D", bound=BaseModel)
KEY_LENGTH = 200
_STARTED = "decant.saga-started"
_wakers: dict[str, list[Callable[[], None]]] = {}


def start(session: Session, saga: type[Saga[D]], data: D) -> str:
    """Start a saga with the session's transaction; return its id.

    It begins when the transaction has committed, and does not exist when that is rolled back.

    Args:
        session: The module's session. A plain one, as in a unit test, writes to the table of the saga's own module.
        saga: Which.
        data: What its steps work with.

    Raises:
        SetupError: For data of another type than the saga's, or a key of more than 200 characters.
    """
    if not isinstance(data, saga.data_type):
        raise SetupError(f"{saga.__name__} keeps {saga.data_type.__name__}, not {type(data).__name__}.")
    key = "" if saga.saga_key is None else str(getattr(data, saga.saga_key))
    if len(key) > KEY_LENGTH:
        raise SetupError(f"{saga.__name__}: its key has {len(key)} characters; {KEY_LENGTH} are allowed.")
    module = session.info.get("decant.module") or saga.module()
    now = time.time()
    instance = Instance(
        id=new_id(),
        name=saga.saga_name,
        key=key,
        state="running",
        data=data.model_dump_json().encode(),
        started_at=now,
        trace=_traceparent(current.get()),
        due_at=now,
    )
    session.connection().execute(_insert_into(module), {**row_of(instance), "id": instance.id, "owner": "", "beat": 0})
    session.info[_STARTED] = module
    return instance.id


@cache
def _insert_into(module: str) -> Insert:
    return insert(infrastructure_of(module).saga)


def _traceparent(context: CallContext) -> str:
    if not (context.trace_id and context.span_id):
        return ""
    return format_traceparent(context.trace_id, context.span_id, context.sampled, context.trace_random)


def wake_on_start(module: str, wake: Callable[[], None]) -> Callable[[], None]:
    """Call ``wake`` after each commit in this process that started a saga of the module; return what ends that."""
    wakers = _wakers.setdefault(module, [])
    wakers.append(wake)
    return lambda: wakers.remove(wake)


@event.listens_for(Session, "after_commit")
def _ring(session: Session) -> None:
    # A savepoint's release is announced here too, and is no commit.
    if _STARTED in session.info and not session.in_nested_transaction():
        for wake in tuple(_wakers.get(session.info.pop(_STARTED), ())):
            wake()


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_STARTED, None)
