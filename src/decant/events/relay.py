"""The relay: from a module's outbox to the transport."""

from __future__ import annotations

from sqlalchemy import delete, select

from decant.db import ModuleDatabase, infrastructure_of
from decant.events.base import Message, Transport

BATCH = 200


class Relay:
    """Hands a module's committed events to the transport, oldest first.

    Delivery: a row is pending for as long as it exists. It is deleted only after the transport has it,
    so a crash in between hands it over again, and the transport knows it by its id. Rows are claimed by
    being there and never by a high-water mark: transactions do not commit in the order of their numbers.
    """

    def __init__(self, database: ModuleDatabase, transport: Transport) -> None:
        self._database = database
        self._transport = transport
        outbox = infrastructure_of(database.name).outbox
        self._pending = (
            select(outbox.c.seq, outbox.c.id, outbox.c.type, outbox.c.key, outbox.c.payload)
            .order_by(outbox.c.seq)
            .limit(BATCH)
        )
        self._outbox = outbox

    def take(self) -> list[int]:
        """Give the next pending events to the transport; return their rows, for :meth:`forget`."""
        with self._database.engine.connect() as connection:
            rows = connection.execute(self._pending).all()
        if rows:
            self._transport.append([Message(row.id, row.type, row.key, bytes(row.payload)) for row in rows])
        return [row.seq for row in rows]

    def forget(self, rows: list[int]) -> None:
        """Delete rows that the transport has."""
        with self._database.engine.begin() as connection:
            connection.execute(delete(self._outbox).where(self._outbox.c.seq.in_(rows)))
