"""Sagas in their module's database: rows, leases, and the fence that keeps a late coordinator out."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session

from decant.db import ModuleDatabase, infrastructure_of
from decant.db.transactions import connection_of, has_written
from decant.errors import DecantError
from decant.sagas.instance import OPEN, Instance

HORIZON_S = 120.0
"""No saga waits longer for its next try; one that seems to, because the clock was set back, is due."""


class Fenced(DecantError):
    """Somebody else works on the saga by now: what was done for it here is rolled back."""

    code = "saga.fenced"
    title = "Fenced off"


@dataclass(frozen=True, slots=True)
class Lease:
    """That somebody works on a saga, as others see it.

    Attributes:
        id: The saga's id.
        owner: Who.
        version: The saga's version.
        beat: Counts while the owner lives.
    """

    id: str
    owner: str
    version: int
    beat: int


class SagaStore:
    """The sagas of one module.

    A saga is claimed by who finds it free, or finds that its owner's beat has not changed for a lease's time by
    the finder's own clock: no clocks are compared, so that none can end a lease early. Each change of a row names
    the version that it builds on; the claim is such a change.

    Args:
        database: The module's.
    """

    def __init__(self, database: ModuleDatabase) -> None:
        self.database = database
        self.table: Table = infrastructure_of(database.name).saga
        row = self.table.c
        changed: dict[str, Any] = {
            column.name: bindparam(column.name) for column in row if column.name not in {"id", "beat"}
        }
        self._change = (
            update(self.table)
            .where(row.id == bindparam("seen_id"), row.version == bindparam("seen_version"))
            .values(changed)
        )
        self._turn = threading.Lock()
        self._has_one_writer = database.url.get_backend_name() == "sqlite"

    @contextmanager
    def turn(self, session: Session | None = None) -> Iterator[None]:
        """Let this process's threads write one after the other where only one can.

        SQLite has them try again after ever longer pauses, which with many of them takes most of the time. A session
        that has written already is let through: it holds the file that the one whose turn it is waits for.
        """
        connection = None if session is None else connection_of(session)
        if self._has_one_writer and (connection is None or not has_written(connection)):
            with self._turn:
                yield
        else:
            yield

    def claim_due(self, owner: str, names: Collection[str], limit: int, now: float) -> list[Instance]:
        """Take free sagas that are due, the longest due first."""
        row = self.table.c
        due = or_(row.due_at <= now, row.due_at > now + HORIZON_S)
        wanted = (
            select(row.id, row.version)
            .where(row.owner == "", due, row.name.in_(names))
            .order_by(row.due_at)
            .limit(limit)
        )
        with self.database.engine.connect() as connection:
            found = {row.id: row.version for row in connection.execute(wanted).all()}
        return self._claim(owner, found, abandoned=False)

    def claim_abandoned(self, owner: str, leases: Iterable[Lease]) -> list[Instance]:
        """Take sagas over whose owner is gone; the outcome of what it was doing is unknown."""
        return self._claim(owner, {lease.id: lease.version for lease in leases}, abandoned=True)

    def _claim(self, owner: str, versions: Mapping[str, int], *, abandoned: bool) -> list[Instance]:
        """Take those that are as they were seen. A row that somebody has locked is left for the next time."""
        claimed: list[Instance] = []
        if not versions:
            return claimed
        wanted = select(self.table).where(self.table.c.id.in_(versions)).with_for_update(skip_locked=True)
        with self.turn(), self.database.engine.begin() as connection:
            for row in connection.execute(wanted).all():
                if row.version != versions[row.id]:
                    continue
                instance = instance_of(row)
                instance.unknown = instance.unknown or abandoned
                if self._write(connection, instance, owner):
                    claimed.append(instance)
        return claimed

    def record(self, connection: Connection, instance: Instance, owner: str) -> None:
        """Write what happened, in the transaction of what happened.

        Args:
            connection: Of that transaction.
            instance: As it is now, with the version that it was read with.
            owner: Who goes on with it; "" when it may be claimed again.

        Raises:
            Fenced: When somebody has changed the saga since.
        """
        if not self._write(connection, instance, owner):
            raise Fenced(f"The saga {instance.id} is somebody else's by now.")

    def _write(self, connection: Connection, instance: Instance, owner: str) -> bool:
        seen = {"seen_id": instance.id, "seen_version": instance.version}
        instance.version += 1
        return connection.execute(self._change, {**row_of(instance), "owner": owner, **seen}).rowcount == 1

    def beat(self, owner: str, ids: Collection[str]) -> None:
        """Show that the owner lives."""
        row = self.table.c
        with self.database.engine.begin() as connection:
            connection.execute(
                update(self.table).where(row.id.in_(sorted(ids)), row.owner == owner).values(beat=row.beat + 1)
            )

    def leases(self, names: Collection[str]) -> list[Lease]:
        """Return who works on what."""
        row = self.table.c
        wanted = select(row.id, row.owner, row.version, row.beat).where(row.owner != "", row.name.in_(names))
        with self.database.engine.connect() as connection:
            return [Lease(*found) for found in connection.execute(wanted).all()]

    def release(self, owner: str, ids: Collection[str]) -> None:
        """Let others claim sagas at once that this owner does not finish; it is fenced off from them."""
        row = self.table.c
        with self.database.engine.begin() as connection:
            connection.execute(
                update(self.table)
                .where(row.id.in_(sorted(ids)), row.owner == owner)
                .values(owner="", unknown=1, version=row.version + 1)
            )

    def prune(self, before: float, limit: int) -> int:
        """Delete sagas that ended well before a time; return how many."""
        row = self.table.c
        ended = and_(row.state.in_(("done", "compensated")), row.updated_at < before)
        with self.database.engine.connect() as connection:
            ids = connection.scalars(select(row.id).where(ended).limit(limit)).all()
        if ids:
            with self.database.engine.begin() as connection:
                connection.execute(delete(self.table).where(row.id.in_(ids)))
        return len(ids)

    def find(self, wanted: str) -> list[Instance]:
        """Return the sagas with an id that begins so, or with this key; the newest first, at most 20."""
        row = self.table.c
        named = or_(row.id == wanted, row.key == wanted, row.id.startswith(wanted, autoescape=True))
        return self._read(select(self.table).where(named).order_by(row.id.desc()).limit(20))

    def list(self, states: Collection[str], limit: int) -> list[Instance]:
        """Return sagas in some states, the newest first."""
        row = self.table.c
        return self._read(select(self.table).where(row.state.in_(states)).order_by(row.id.desc()).limit(limit))

    def count(self) -> Mapping[tuple[str, str], int]:
        """Return how many sagas are open or parked, by name and state."""
        row = self.table.c
        wanted = select(row.name, row.state, func.count()).where(row.state.in_((*OPEN, "parked")))
        with self.database.engine.connect() as connection:
            found = connection.execute(wanted.group_by(row.name, row.state)).all()
        return {(name, state): number for name, state, number in found}

    def _read(self, wanted: Select[Any]) -> builtins.list[Instance]:
        with self.database.engine.connect() as connection:
            return [instance_of(row) for row in connection.execute(wanted).all()]


def row_of(instance: Instance) -> dict[str, Any]:
    """Return what is kept of a saga, but for its id and who works on it."""
    ended = max((entry.ended for entry in instance.history), default=0.0)
    return {
        "name": instance.name,
        "key": instance.key,
        "state": instance.state,
        "data": instance.data,
        "unknown": int(instance.unknown),
        "history": instance.dump_history(),
        "trace": instance.trace,
        "version": instance.version,
        "due_at": instance.due_at,
        "started_at": instance.started_at,
        "updated_at": max(ended, instance.started_at),
    }


def instance_of(row: Row[Any]) -> Instance:
    """Return what a row holds."""
    instance = Instance(
        id=row.id,
        name=row.name,
        key=row.key,
        state=row.state,
        data=bytes(row.data),
        started_at=row.started_at,
        unknown=bool(row.unknown),
        trace=row.trace,
        version=row.version,
        due_at=row.due_at,
        owner=row.owner,
    )
    instance.load_history(bytes(row.history))
    return instance
