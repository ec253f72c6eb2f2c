"""One process that carries checkouts on, to be killed or stopped.

Run as ``python -m tests.integration.sagas.shop_process URL LEDGER [LEASE_S [DELAY_S]]``; it says ``ready`` when it
works. What it calls is applied to a ledger, an SQLite file of its own: once per key, and only there is counted.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import time
from pathlib import Path

from pydantic import BaseModel
from sqlalchemy import String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from decant.context import call_key
from decant.db import ModuleBase, ModuleDatabase, create_infrastructure
from decant.errors import DomainError, RemoteCallError
from decant.sagas import Failure, Pace, Saga, SagaParticipant, SagaRunner, compensated, start, step
from decant.wiring import Registry


class Base(ModuleBase, DeclarativeBase, module="orders"):
    pass


class Order(Base):
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    status: Mapped[str] = mapped_column(String(20), default="pending")


class Declined(DomainError, code="payments.declined", status=402):
    """The card was declined."""


class Ledger:
    """What the other modules did, as their own databases would have it.

    Args:
        path: The file.
        delay_s: How long a call takes at most.
    """

    def __init__(self, path: Path, delay_s: float = 0.0) -> None:
        self._path = path
        self._delay_s = delay_s
        with self._connect() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS effect (key TEXT PRIMARY KEY, what TEXT NOT NULL, order_id TEXT NOT NULL)"
            )
            connection.execute("CREATE INDEX IF NOT EXISTS by_order ON effect (order_id, what)")

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=30)

    def apply(self, what: str, order_id: str) -> None:
        """Have an effect, once per key."""
        self._wait()
        with self._connect() as connection:
            connection.execute("INSERT OR IGNORE INTO effect VALUES (?, ?, ?)", (call_key.get(), what, order_id))
        connection.close()
        self._wait()

    def undo(self, what: str, undone: str, order_id: str) -> None:
        """Take an effect back, if there is one; afterwards it cannot be had any more."""
        self._wait()
        with self._connect() as connection:
            there = connection.execute("SELECT 1 FROM effect WHERE what = ? AND order_id = ?", (undone, order_id))
            if there.fetchone():
                connection.execute("INSERT OR IGNORE INTO effect VALUES (?, ?, ?)", (call_key.get(), what, order_id))
        connection.close()
        self._wait()

    def has(self, what: str, order_id: str) -> bool:
        with self._connect() as connection:
            found = connection.execute("SELECT 1 FROM effect WHERE what = ? AND order_id = ?", (what, order_id))
            there = found.fetchone() is not None
        connection.close()
        return there

    def counts(self) -> dict[tuple[str, str], int]:
        with self._connect() as connection:
            rows = connection.execute("SELECT what, order_id, count(*) FROM effect GROUP BY what, order_id").fetchall()
        connection.close()
        return {(what, order_id): number for what, order_id, number in rows}

    def is_locked(self) -> bool:
        return is_locked(self._path)

    def _wait(self) -> None:
        if self._delay_s:
            time.sleep(random.uniform(0, self._delay_s))  # so that a kill hits any moment of a call


def is_locked(path: Path) -> bool:
    """Return whether somebody is writing to an SQLite file."""
    connection = sqlite3.connect(path, timeout=0.02)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()
    return False


class CheckoutData(BaseModel):
    order_id: str


class Checkout(Saga[CheckoutData], key="order_id"):
    """Every third order is declined after it was charged; every seventh loses the answer of its first charge."""

    def __init__(self, db: Session, ledger: Ledger) -> None:
        self.db = db
        self.ledger = ledger

    @step
    def reserve(self, data: CheckoutData) -> None:
        self.ledger.apply("reserve", data.order_id)

    @reserve.compensation
    def release(self, data: CheckoutData) -> None:
        self.ledger.undo("release", "reserve", data.order_id)

    @step
    def charge(self, data: CheckoutData) -> None:
        self.ledger.apply("capture", data.order_id)
        if number_of(data.order_id) % 7 == 0:
            raise RemoteCallError("No answer came.")

    @charge.unknown
    def find(self, data: CheckoutData) -> bool:
        return self.ledger.has("capture", data.order_id)

    @charge.compensation
    def refund(self, data: CheckoutData) -> None:
        self.ledger.undo("refund", "capture", data.order_id)

    @step(pivot=True)
    def confirm(self, data: CheckoutData) -> None:
        if is_declined(data.order_id):
            raise Declined
        self.db.get_one(Order, data.order_id).status = "paid"

    @step
    def notify(self, data: CheckoutData) -> None:
        self.ledger.apply("notify", data.order_id)

    @compensated
    def cancel(self, data: CheckoutData, failure: Failure) -> None:
        self.db.get_one(Order, data.order_id).status = "cancelled"


def number_of(order_id: str) -> int:
    return int(order_id.rpartition("-")[2])


def is_declined(order_id: str) -> bool:
    return number_of(order_id) % 3 == 0


def open_orders(url: str) -> ModuleDatabase:
    """Return the database of orders with its tables."""
    database = ModuleDatabase("orders", url)
    with database.engine.begin() as connection:
        Base.metadata.create_all(connection)
        create_infrastructure(connection, "orders")
    return database


def place(database: ModuleDatabase, order_ids: list[str]) -> None:
    with database.transaction() as session:
        for order_id in order_ids:
            session.add(Order(id=order_id))
            start(session, Checkout, CheckoutData(order_id=order_id))


def statuses(database: ModuleDatabase) -> dict[str, str]:
    with database.transaction() as session:
        return {row.id: row.status for row in session.execute(select(Order.id, Order.status))}


def runner_for(database: ModuleDatabase, ledger: Ledger, pace: Pace) -> SagaRunner:
    registry = Registry()
    registry.add_value(Ledger, ledger)
    registry.add_factory(Session, lambda scope: database.session(), close=database.close_session)
    registry.add_translator(database.unavailable)
    return SagaRunner([SagaParticipant(database, [Checkout], registry)], pace=pace)


def main(url: str, ledger: str, lease_s: float = 1.0, delay_s: float = 0.0) -> None:
    pace = Pace(lease_s=lease_s, poll_s=min(0.1, lease_s / 4))
    runner_for(ModuleDatabase("orders", url), Ledger(Path(ledger), delay_s), pace).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:]))
