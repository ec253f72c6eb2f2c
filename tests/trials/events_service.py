"""One service with two modules that is killed: reviews are posted, books count them.

Started by fork from a server that has everything imported, so that a start takes milliseconds.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Collection, Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from decant.context import CallContext
from decant.db import ModuleBase, ModuleDatabase, create_infrastructure, default_url
from decant.events import (
    Capabilities,
    Consumer,
    EmbeddedTransport,
    Event,
    EventRunner,
    Lag,
    Message,
    Participant,
    Subscription,
    Transport,
    encode,
    on,
    publish,
)  # fmt: skip
from tests.integration.events import club_process as club

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["tests.trials.events_service", "sqlalchemy.dialects.sqlite.pysqlite"])
WRITES_PER_S = 200


def start(target: Callable[..., None], *args: Any) -> BaseProcess:
    process = FORKS.Process(target=target, args=args, daemon=True)
    process.start()
    return process


def outbox_service(home: Path) -> None:
    """Post reviews with their events in the outbox, and count them."""
    reviews, books = club.open_reviews(home), club.open_books(home)
    participants = [Participant(reviews), Participant(books, [club.count])]
    EventRunner(home, EmbeddedTransport(home / "events.sqlite3"), participants).start()
    while True:
        with reviews.transaction() as session:
            publish(session, club.ReviewPosted(review_id=_review(session), book_id="emma"))
        time.sleep(1 / WRITES_PER_S)


def dual_write_service(home: Path) -> None:
    """Do the same the naive way: commit, then send."""
    reviews, books = club.open_reviews(home), club.open_books(home)
    transport = EmbeddedTransport(home / "events.sqlite3")
    EventRunner(home, EmbeddedTransport(transport.path), [Participant(books, [club.count])]).start()
    while True:
        with reviews.transaction() as session:
            review = _review(session)
        event_id = f"{os.getpid()}-{review}"
        payload = encode(club.ReviewPosted(review_id=review, book_id="emma"), event_id, "reviews", CallContext())
        transport.append([Message(event_id, "reviews.posted", "emma", payload)])
        time.sleep(1 / WRITES_PER_S)


def _review(session: Session) -> int:
    review = club.Review()
    session.add(review)
    session.flush()
    return review.id


def found_wrong(home: Path) -> tuple[int, list[str]]:
    """Let everything that is left happen; return how many reviews there are, and what is wrong with their events."""
    reviews, books = club.open_reviews(home), club.open_books(home)
    runner = EventRunner(
        home, EmbeddedTransport(home / "events.sqlite3"), [Participant(reviews), Participant(books, [club.count])]
    )
    runner.drain()
    runner.stop()
    with reviews.transaction() as session:
        posted = set(session.scalars(select(club.Review.id)))
    with books.transaction() as session:
        seen = list(session.scalars(select(club.Seen.review_id)))
        counted = session.scalar(select(club.Book.reviews).where(club.Book.id == "emma"))
    reviews.close()
    books.close()
    wrong = [f"lost: {review}" for review in sorted(posted - set(seen))]
    wrong += [f"ghost: {review}" for review in sorted(set(seen) - posted)]
    wrong += [f"doubled: {review}" for review in sorted({one for one in seen if seen.count(one) > 1})]
    if counted != len(seen):
        wrong.append(f"{counted} counted, {len(seen)} noted")
    return len(posted), wrong


class AccountsBase(ModuleBase, DeclarativeBase, module="accounts"):
    pass


class Account(AccountsBase):
    id: Mapped[int] = mapped_column(primary_key=True)
    cents: Mapped[int]


class Booking(AccountsBase):
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]


class Paid(Event, type="payments.paid"):
    number: int
    cents: int


@on(Paid)
def book(event: Paid, db: Session) -> None:
    db.add(Booking(number=event.number))
    account = db.get_one(Account, 1)
    account.cents += event.cents


def open_accounts(home: Path) -> ModuleDatabase:
    database = ModuleDatabase("accounts", default_url(home, "accounts"))
    with database.engine.begin() as connection:
        AccountsBase.metadata.create_all(connection)
        create_infrastructure(connection, "accounts")
    with database.transaction() as session:
        if session.get(Account, 1) is None:
            session.add(Account(id=1, cents=0))
    return database


def booked(home: Path) -> tuple[int, int, int]:
    """Return the sum of all money, and how many bookings there are, of how many payments."""
    database = open_accounts(home)
    with database.transaction() as session:
        cents = session.get_one(Account, 1).cents
        rows, unique = session.execute(select(func.count(), func.count(func.distinct(Booking.number)))).one()
    database.close()
    return cents, rows, unique


class Shuffled(Transport):
    """Delivers from a file, each line once, and dies between an effect and its acknowledgement.

    Args:
        deliveries: JSON lines of number and cents; numbers come again and again.
        offset: Where the acknowledged position is kept.
        dies_at: At which acknowledgement the process is killed, counted from 1; 0 for never.
    """

    capabilities = Capabilities(ordered=False)

    def __init__(self, deliveries: Path, offset: Path, dies_at: int) -> None:
        self._deliveries = deliveries
        self.offset = offset
        self.dies_at = dies_at

    def append(self, messages: Sequence[Message]) -> None:
        raise NotImplementedError

    def subscribe(self, group: str, types: Collection[str], heard: Callable[[], None] | None = None) -> Subscription:
        lines = self._deliveries.read_text().splitlines()
        return _FromFile(self, [(index, *json.loads(line)) for index, line in enumerate(lines)])

    def lags(self) -> Sequence[Lag]:
        return []

    def close(self) -> None:
        pass


class _FromFile(Subscription):
    def __init__(self, transport: Shuffled, rows: list[tuple[int, int, int]]) -> None:
        self._transport = transport
        self._rows = rows
        offset = transport.offset
        self._next = int(offset.read_text()) if offset.exists() else 0
        self._acknowledged = 0

    def receive(self, limit: int) -> Sequence[Message]:
        rows = self._rows[self._next : self._next + limit]
        self._next += len(rows)
        return [
            Message(
                f"id-{number}", "payments.paid", "",
                encode(Paid(number=number, cents=cents), f"id-{number}", "payments", CallContext()), index,
            )
            for index, number, cents in rows
        ]  # fmt: skip

    def acknowledge(self, messages: Sequence[Message]) -> None:
        self._acknowledged += 1
        if self._acknowledged == self._transport.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self._transport.offset.write_text(str(messages[-1].receipt + 1))

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def accounts_service(home: Path, dies_at: int) -> None:
    """Book everything that is delivered, then end."""
    database = open_accounts(home)
    consumer = Consumer(database, [book], Shuffled(home / "deliveries", home / "offset", dies_at))
    consumer.begin(after_a_death=(home / "offset").exists())
    while consumer.step(lambda: False, hurry=True):
        pass
    os._exit(0)
