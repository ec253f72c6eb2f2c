"""One process of the book club, to be killed: ``publish`` writes reviews for ever, ``count`` counts them.

Run as ``python club_process.py HOME publish|count``; it says ``ready`` when it works, and SIGTERM ends it in order.
"""

import signal
import sys
import time
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from decant.db import ModuleBase, ModuleDatabase, create_infrastructure, default_url
from decant.events import EmbeddedTransport, Event, EventRunner, Participant, on, publish


class ReviewBase(ModuleBase, DeclarativeBase, module="reviews"):
    pass


class Review(ReviewBase):
    id: Mapped[int] = mapped_column(primary_key=True)


class BookBase(ModuleBase, DeclarativeBase, module="books"):
    pass


class Book(BookBase):
    id: Mapped[str] = mapped_column(primary_key=True)
    reviews: Mapped[int]


class Seen(BookBase):
    """Which review was counted; twice the same would break the primary key's promise."""

    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int]


class ReviewPosted(Event, type="reviews.posted", key="book_id"):
    review_id: int
    book_id: str


@on(ReviewPosted)
def count(event: ReviewPosted, db: Session) -> None:
    db.add(Seen(review_id=event.review_id))
    db.execute(update(Book).where(Book.id == event.book_id).values(reviews=Book.reviews + 1))


def open_reviews(home: Path) -> ModuleDatabase:
    return _open(home, "reviews", ReviewBase)


def open_books(home: Path) -> ModuleDatabase:
    return _open(home, "books", BookBase)


def _open(home: Path, name: str, base: type[DeclarativeBase]) -> ModuleDatabase:
    database = ModuleDatabase(name, default_url(home, name))
    with database.engine.begin() as connection:
        base.metadata.create_all(connection)
        create_infrastructure(connection, name)
    return database


def main(home: Path, role: str) -> None:
    transport = EmbeddedTransport(home / "events.sqlite3")
    database = open_reviews(home) if role == "publish" else open_books(home)
    participant = Participant(database, [count] if role == "count" else [])
    runner = EventRunner(home, transport, [participant])
    runner.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0 if runner.stop(5) else 1))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        if role == "publish":
            with database.transaction() as session:
                review = Review()
                session.add(review)
                session.flush()
                publish(session, ReviewPosted(review_id=review.id, book_id="emma"))
        time.sleep(0.001)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
