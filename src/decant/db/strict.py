"""Strict mode for a module's data: its own tables only, and no call while its writes wait for their commit.

Both would work as long as the modules share a process and a server, and break on the day that they part.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import instance_state

from decant.db.errors import ForeignTableError, PendingWritesError
from decant.db.tables import owner_of_table, tables_in
from decant.db.transactions import connection_of, effect_of, has_written, pending_writes
from decant.observe.places import application_place
from decant.wiring import Scope

_FIRST_WRITE = "decant.first-write"
_ADDED_AT = "decant.added-at"
LONGEST_STATEMENT = 200
"""Characters of a statement in a message."""


class Written(NamedTuple):
    """The first write of a transaction, and where the application makes it."""

    statement: str
    place: str


def watch_strictly(engine: Engine, module: str, foreign: frozenset[str]) -> None:
    """Refuse statements that name other modules' tables, and remember where a transaction first writes.

    Args:
        engine: The module's engine. Statements of the ORM, of Core and raw SQL all pass through it.
        module: Whose it is.
        foreign: The names of the workspace's other modules.
    """
    modules = foreign | {module}

    @lru_cache(maxsize=4096)
    def foreign_table(statement: str) -> tuple[str, str] | None:
        owners = ((table, owner_of_table(table, modules)) for table in sorted(tables_in(statement)))
        return next(((table, owner) for table, owner in owners if owner is not None and owner != module), None)

    @event.listens_for(engine, "before_cursor_execute")
    def look(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        found = foreign_table(statement)
        if found is not None:
            raise ForeignTableError(module, *found)
        if effect_of(statement) == "write" and not has_written(connection):
            connection.info[_FIRST_WRITE] = Written(statement, application_place())


def remember_places(session: Session) -> None:
    """Note where each object is added to a session, so that an error about it can say so."""

    @event.listens_for(session, "transient_to_pending")
    def note(_session: Session, added: object) -> None:
        instance_state(added).info[_ADDED_AT] = application_place()


def refuse_pending_writes(scope: Scope, operation: str) -> None:
    """Refuse a call from a scope whose session holds writes that are not committed.

    Raises:
        PendingWritesError: Showing the call and what is pending.
    """
    session = scope.made.get(Session)
    if session is not None and pending_writes(session):
        raise PendingWritesError(
            str(session.info.get("decant.module", "unknown")), operation, application_place(), describe_pending(session)
        )


def describe_pending(session: Session) -> str:
    """Say what a session holds that is not committed: the objects, or else the first statement and its place."""
    objects = [
        *_objects("new", session.new),
        *_objects("changed", session.dirty),
        *_objects("deleted", session.deleted),
    ]
    if objects:
        return ", ".join(objects)
    connection = connection_of(session)
    written = connection.info.get(_FIRST_WRITE) if connection is not None else None
    if written is None:
        return "writes"
    return f"{' '.join(written.statement.split())[:LONGEST_STATEMENT]!r} from {written.place or 'an unknown place'}"


def _objects(what: str, objects: Iterable[object]) -> list[str]:
    """Name objects by their classes, and the place of the first: their values may be anybody's secrets."""
    places: dict[str, list[str | None]] = {}
    for found in objects:
        added_at = instance_state(found).info.get(_ADDED_AT) if what == "new" else None
        places.setdefault(type(found).__name__, []).append(added_at)
    return [f"{len(at)} {what} {name}{f' from {at[0]}' if at[0] else ''}" for name, at in sorted(places.items())]
