import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from decant.db import ModuleDatabase
from decant.events import EmbeddedTransport, EventRunner, Participant, Retries, publish
from tests.integration.events import club_process as club
from tests.support.waiting import wait_until

KILLS = 10


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="decant-") as folder:
        yield Path(folder)


class Club:
    """The two processes, started again whenever one is killed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.processes: dict[str, subprocess.Popen[str]] = {}

    def start(self, role: str) -> None:
        command = [sys.executable, "-m", "tests.integration.events.club_process", str(self.home), role]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.processes[role] = process
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    def kill(self, role: str) -> None:
        process = self.processes.pop(role)
        process.kill()
        process.communicate()

    def kill_all(self) -> None:
        for role in tuple(self.processes):
            self.kill(role)


@pytest.fixture
def club_of(home: Path) -> Iterator[Club]:
    running = Club(home)
    yield running
    running.kill_all()


def number(database: ModuleDatabase, what: object) -> int:
    with database.transaction() as session:
        return session.scalar(select(what)) or 0  # type: ignore[call-overload]


@pytest.mark.timeout(120)
def test_however_often_processes_are_killed_no_event_is_lost_or_counted_twice(home: Path, club_of: Club) -> None:
    reviews, books = club.open_reviews(home), club.open_books(home)
    with books.transaction() as session:
        session.add(club.Book(id="emma", reviews=0))
    dice = random.Random(20)
    posted = func.count(club.Review.id)
    club_of.start("publish")
    club_of.start("count")
    for _ in range(KILLS):
        before = number(reviews, posted)
        wait_until(lambda before=before: number(reviews, posted) > before + 5, what="reviews to be published")
        time.sleep(dice.uniform(0, 0.1))  # so that the kill hits any moment of the work
        role = dice.choice(["publish", "count"])
        club_of.kill(role)
        club_of.start(role)
    club_of.kill_all()

    transport = EmbeddedTransport(home / "events.sqlite3")
    EventRunner(home, transport, [Participant(reviews), Participant(books, [club.count])]).drain()
    total = number(reviews, posted)
    assert total > KILLS * 5
    assert number(books, club.Book.reviews) == total
    assert number(books, func.count(func.distinct(club.Seen.review_id))) == total
    assert number(books, func.count(club.Seen.id)) == total
    assert Retries(books).letters() == []
    transport.close()
    reviews.close()
    books.close()


def test_a_commit_in_one_process_wakes_the_handler_in_another(home: Path, club_of: Club) -> None:
    reviews, books = club.open_reviews(home), club.open_books(home)
    with books.transaction() as session:
        session.add(club.Book(id="emma", reviews=0))
    club_of.start("count")
    transport = EmbeddedTransport(home / "events.sqlite3")
    here = EventRunner(home, transport, [Participant(reviews)])
    here.start()
    began = time.monotonic()
    for review in range(1, 6):
        with reviews.transaction() as session:
            publish(session, club.ReviewPosted(review_id=review, book_id="emma"))
        wait_until(lambda review=review: number(books, club.Book.reviews) == review, what="the count", every_s=0.002)
    assert time.monotonic() - began < 3, "each event waited for the poll, a second or so"
    assert here.stop()
    transport.close()
    reviews.close()
    books.close()


def test_a_process_that_is_asked_to_end_does_so_within_its_grace_and_leaves_the_rest_to_the_next(
    home: Path, club_of: Club
) -> None:
    reviews, books = club.open_reviews(home), club.open_books(home)
    with books.transaction() as session:
        session.add(club.Book(id="emma", reviews=0))
    with reviews.transaction() as session:
        for review in range(1, 2001):
            publish(session, club.ReviewPosted(review_id=review, book_id="emma"))
    transport = EmbeddedTransport(home / "events.sqlite3")
    here = EventRunner(home, transport, [Participant(reviews)])
    here.drain()
    club_of.start("count")
    wait_until(lambda: number(books, club.Book.reviews) > 0, what="the first events", every_s=0.001)
    process = club_of.processes.pop("count")
    began = time.monotonic()
    process.terminate()
    assert process.wait(10) == 0
    assert time.monotonic() - began < 5
    process.communicate()
    before = number(books, club.Book.reviews)
    assert (home / "locks" / "consumer-books.lock").read_bytes() == b"", "the lock was given back"
    after = EventRunner(home, EmbeddedTransport(transport.path), [Participant(books, [club.count])])
    after.drain()
    assert 0 < before <= 2000
    assert number(books, func.count(func.distinct(club.Seen.review_id))) == number(books, club.Book.reviews) == 2000
    assert after.stop()
    assert here.stop()
    reviews.close()
    books.close()
