"""The relay: from a module's outbox to the transport."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, bindparam, delete, func, select, update
from sqlalchemy.exc import DBAPIError

from decant.db import ModuleDatabase, infrastructure_of
from decant.events.base import Message, MessageRefused, Transport
from decant.events.envelope import UnreadableEvent, decode
from decant.events.metrics import OUTBOX_OLDEST, OUTBOX_ROWS
from decant.events.worker import POLL_S
from decant.sqlite import open_file

log = logging.getLogger(__name__)
BATCH = 200
CONFLICTS = 5
MEASURED_S = 5.0
MOST_COUNTED = 10_000

_PENDING = "SELECT seq, id, type, key, payload FROM {} WHERE state = 'pending' ORDER BY seq LIMIT ?"
_PARK = "UPDATE {} SET state = 'parked', reason = ? WHERE seq = ?"


class _Row(NamedTuple):
    seq: int
    id: str
    type: str
    key: str
    payload: bytes


class Relay:
    """Hands a module's committed events to the transport, oldest first.

    Delivery: a row is pending for as long as it exists. It is deleted only after the transport has it durably, so a
    crash in between hands it over again, and the transport or the inbox knows it by its id. Rows are claimed by their
    state and never by a high-water mark: transactions do not commit in the order of their numbers.

    Several relays at once are safe. On a server each locks the rows that it takes and skips those of the others; it
    leaves a row alone while an earlier one with the same key is another relay's. The lock is the connection's, so
    it ends with a relay that dies. On SQLite, whose lock would keep writers out, two may hand over the same row.

    Args:
        database: The module's database, which holds the outbox.
        transport: Where events go.
        announce: Called when the transport has some.
    """

    def __init__(
        self, database: ModuleDatabase, transport: Transport, announce: Callable[[], None] = lambda: None
    ) -> None:
        self._announce = announce
        self._database = database
        self._transport = transport
        outbox = infrastructure_of(database.name).outbox
        self._outbox = outbox
        self._pending = (
            select(outbox.c.seq, outbox.c.id, outbox.c.type, outbox.c.key, outbox.c.payload)
            .where(outbox.c.state == "pending")
            .order_by(outbox.c.seq)
            .limit(BATCH)
        )
        self._earlier = select(outbox.c.key).where(
            outbox.c.state == "pending",
            outbox.c.seq < bindparam("last"),
            outbox.c.seq.not_in(bindparam("taken", expanding=True)),
        )
        self._delete = delete(outbox).where(outbox.c.seq.in_(bindparam("rows", expanding=True)))
        self._file: sqlite3.Connection | None = None
        self._measured = 0.0
        self._more = False

    def begin(self, *, after_a_death: bool) -> None:
        """Take over; what a dead relay left is still pending."""

    def wait_s(self) -> float:
        return 0.0 if self._more else POLL_S

    def flush(self) -> None:
        """Leave nothing for later: there is nothing."""

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def step(self, stopping: Callable[[], bool] = lambda: False, *, hurry: bool = False) -> int:  # noqa: ARG002
        """Give the next pending events to the transport; return how many."""
        self._measure()
        url = self._database.url
        if url.get_backend_name() != "sqlite":
            done = self._step_on_server()
        elif is_in_memory(url):
            done = self._step_unlocked()
        else:
            done = self._step_in_file(str(url.database))
        self._more = done == BATCH
        return done

    def _step_in_file(self, path: str) -> int:
        """Do it past SQLAlchemy, which would cost more than all the rest.

        A deletion need not outlive a power cut: the transport knows an event that is handed over again.
        """
        try:
            file = self._file = self._file or open_file(Path(path), durable=False)
            rows = [_Row(*row) for row in file.execute(_PENDING.format(self._outbox.name), (BATCH,))]
            if rows:
                refused = self._hand_over(rows)
                delivered = [(row.seq,) for row in rows if row.seq not in refused]
                file.execute("BEGIN IMMEDIATE")
                file.executemany(f"DELETE FROM {self._outbox.name} WHERE seq = ?", delivered)  # noqa: S608
                for seq, reason in refused.items():
                    self._tell(reason)
                    file.execute(_PARK.format(self._outbox.name), (reason, seq))
                file.execute("COMMIT")
        except BaseException:
            self.close()  # which also ends the transaction
            raise
        return len(rows)

    def _step_unlocked(self) -> int:
        with self._database.engine.connect() as connection:
            rows = connection.execute(self._pending).all()
        if not rows:
            return 0
        refused = self._hand_over(rows)
        with self._database.engine.begin() as connection:
            self._settle(connection, rows, refused)
        return len(rows)

    def _step_on_server(self) -> int:
        """Do it again when the server ended the transaction for another relay's sake; what was taken over is known."""
        for _ in range(CONFLICTS):
            try:
                return self._step_locked()
            except DBAPIError as error:
                typed = self._database.unavailable(error)
                if typed is None or not typed.rolled_back:
                    raise
        return self._step_locked()

    def _step_locked(self) -> int:
        with self._database.engine.connect() as connection:
            if connection.dialect.name != "postgresql":  # where a lock would cover the gap that new rows go to
                connection = connection.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                rows = connection.execute(self._pending.with_for_update(skip_locked=True)).all()
                rows = self._in_order(connection, rows)
                if not rows:
                    return 0
                refused = self._hand_over(rows)
                self._settle(connection, rows, refused)
        return len(rows)

    def _in_order(self, connection: Connection, rows: Sequence[Any]) -> Sequence[Any]:
        """Leave out rows whose key has an earlier one that another relay holds."""
        if not rows:
            return rows
        values = {"last": rows[-1].seq, "taken": [row.seq for row in rows]}
        held = set(connection.scalars(self._earlier, values)) - {""}
        return [row for row in rows if row.key not in held] if held else rows

    def _hand_over(self, rows: Sequence[Any]) -> dict[int, str]:
        """Give the transport the rows; return those that it can never have, with the reason."""
        refused: dict[int, str] = {}
        messages: dict[int, Message] = {}
        for row in rows:
            message = Message(row.id, row.type, row.key, bytes(row.payload))
            if fault := _fault(message):
                refused[row.seq] = fault
            else:
                messages[row.seq] = message
        while messages:
            try:
                self._transport.hand_over(list(messages.values()), self._announce)
            except MessageRefused as error:
                refused |= {seq: error.detail for seq, found in messages.items() if found.id == error.message_id}
                if messages.keys().isdisjoint(refused):
                    raise
                messages = {seq: found for seq, found in messages.items() if seq not in refused}
            else:
                break
        return refused

    def _settle(self, connection: Connection, rows: Sequence[Any], refused: dict[int, str]) -> None:
        """Delete what the transport has; park the rest."""
        connection.execute(self._delete, {"rows": [row.seq for row in rows if row.seq not in refused]})
        for seq, reason in refused.items():
            row = self._outbox.c
            connection.execute(update(self._outbox).where(row.seq == seq).values(state="parked", reason=reason))
            self._tell(reason)

    def _tell(self, reason: str) -> None:
        name = self._database.name
        log.error("%s: an event in the outbox can never be delivered and is parked: %s", name, reason)

    def _measure(self) -> None:
        """Keep the gauges, every few seconds."""
        now = time.monotonic()
        if now - self._measured < MEASURED_S:
            return
        self._measured = now
        row = self._outbox.c
        some = select(row.published_at).where(row.state == "pending").order_by(row.seq).limit(MOST_COUNTED).subquery()
        with self._database.engine.connect() as connection:
            rows, oldest = connection.execute(select(func.count(), func.min(some.c.published_at))).one()
        OUTBOX_ROWS.child(self._database.name).set(rows)
        OUTBOX_OLDEST.child(self._database.name).set(max(0.0, time.time() - oldest) if rows else 0)


def _fault(message: Message) -> str | None:
    """Return what is wrong with a row that no reader could make sense of, or None."""
    try:
        envelope = decode(message.payload)
    except UnreadableEvent as error:
        return error.detail
    if (envelope.id, envelope.type) != (message.id, message.type):
        return f"Its envelope is of {envelope.type} {envelope.id}, its row of {message.type} {message.id}."
    return None


def is_in_memory(url: URL) -> bool:
    """Return whether an SQLite database is no file of its own that could be opened by its name."""
    return url.database in {None, "", ":memory:"} or str(url.database).startswith("file:")
