"""What a failing event holds up, what is kept of it, and how it comes back."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from decant.db import DatabaseUnavailable, ModuleDatabase, infrastructure_of
from decant.errors import Unavailable
from decant.events import (
    Consumer,
    DeadLetter,
    EmbeddedTransport,
    Event,
    EventRunner,
    Message,
    Participant,
    Retries,
    Retry,
    on,
    publish,
)  # fmt: skip
from decant.events.consumer import DIED
from decant.events.metrics import EVENTS
from decant.wiring import Registry
from tests.support.waiting import wait_until
from tests.unit.events.club import ReviewPosted, count, counted

Make = Callable[..., EventRunner]
QUICK = Retry(attempts=3, outage_attempts=6, base_s=0.001, cap_s=0.002)


class Death(BaseException):
    """Stands for a SIGKILL: nothing catches it, nothing is written after it."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.fixture
def make(home: Path, books: ModuleDatabase, reviews: ModuleDatabase, transport: EmbeddedTransport) -> Iterator[Make]:
    made = []

    def runner(*handlers: Callable[..., None], retry: Retry = QUICK, registry: Registry | None = None) -> EventRunner:
        participants = [Participant(books, handlers, registry), Participant(reviews)]
        made.append(EventRunner(home, EmbeddedTransport(transport.path), participants, retry=retry))
        return made[-1]

    yield runner
    for each in made:
        each.stop()


def post(reviews: ModuleDatabase, *books: str) -> None:
    with reviews.transaction() as session:
        for stars, book_id in enumerate(books):
            publish(session, ReviewPosted(book_id=book_id, stars=stars))


def parked(books: ModuleDatabase) -> list[DeadLetter]:
    return list(Retries(books).letters(["parked"]))


class Picky:
    """Fails for some books, and remembers what it took, in order."""

    def __init__(self, *bad: str) -> None:
        self.bad = set(bad)
        self.taken: list[tuple[str, int]] = []
        self.tries = 0
        self.handler = on(ReviewPosted)(self.handle)

    @property
    def handle(self) -> Callable[..., None]:
        def handle(event: ReviewPosted, db: Session) -> None:
            if event.book_id in self.bad:
                self.tries += 1
                raise ValueError("cannot stomach this")
            self.taken.append((event.book_id, event.stars))

        return handle


def test_a_failing_event_holds_up_its_own_key_alone(make: Make, reviews: ModuleDatabase) -> None:
    picky = Picky("bad")
    runner = make(picky.handler, retry=Retry(attempts=99, base_s=60, cap_s=60))
    runner.start()
    post(reviews, "bad", "emma", "bad", "dune", "bad", "emma")
    wait_until(lambda: picky.taken == [("emma", 1), ("dune", 3), ("emma", 5)])
    assert picky.tries <= 2  # together with the others, and then by itself


def test_what_waits_behind_a_failing_event_comes_after_it_and_in_order(
    make: Make, reviews: ModuleDatabase, books: ModuleDatabase
) -> None:
    picky = Picky("bad")
    runner = make(picky.handler, retry=Retry(attempts=99, base_s=0.01, cap_s=0.01))
    runner.start()
    post(reviews, *["bad"] * 150)
    wait_until(lambda: picky.tries > 2)
    picky.bad.clear()
    wait_until(lambda: len(picky.taken) == 150)
    assert picky.taken == [("bad", stars) for stars in range(150)]
    wait_until(lambda: Retries(books).letters() == [])


def test_once_it_is_parked_its_key_goes_on(make: Make, reviews: ModuleDatabase, books: ModuleDatabase) -> None:
    taken = []

    @on(ReviewPosted)
    def first_is_poison(event: ReviewPosted) -> None:
        if event.stars == 0:
            raise ValueError("no")
        taken.append(event.stars)

    post(reviews, "emma", "emma", "emma")
    make(first_is_poison).drain()
    assert taken == [1, 2]
    assert [letter.attempts for letter in parked(books)] == [3]


def test_events_without_a_key_hold_nobody_up(make: Make, books: ModuleDatabase, reviews: ModuleDatabase) -> None:
    class Ticked(Event, type="reviews.ticked"):
        number: int

    taken = []

    @on(Ticked)
    def tick(event: Ticked) -> None:
        if event.number == 0:
            raise ValueError("no")
        taken.append(event.number)

    tick.__annotations__ = {"event": Ticked}
    runner = make(tick, retry=Retry(attempts=99, base_s=60, cap_s=60))
    with reviews.transaction() as session:
        for number in range(3):
            publish(session, Ticked(number=number))
    runner.start()
    wait_until(lambda: taken == [1, 2])
    wait_until(lambda: len(Retries(books).letters(["waiting"])) == 1)


def test_attempts_outlive_a_restart(make: Make, reviews: ModuleDatabase, books: ModuleDatabase) -> None:
    picky = Picky("bad")
    post(reviews, "bad")
    for attempt in (1, 2):
        runner = make(picky.handler, retry=Retry(attempts=3, base_s=60, cap_s=60))
        runner.start()
        wait_until(lambda attempt=attempt: [letter.attempts for letter in Retries(books).letters()] == [attempt])
        assert runner.stop()
        assert (picky.tries, parked(books)) == (attempt, [])
    make(picky.handler).drain()
    assert (picky.tries, len(parked(books))) == (3, 1)


def test_an_event_that_kills_the_process_is_parked_in_the_end(
    home: Path, reviews: ModuleDatabase, books: ModuleDatabase, transport: EmbeddedTransport
) -> None:
    deaths = []

    @on(ReviewPosted)
    def deadly(event: ReviewPosted, db: Session) -> None:
        if event.book_id == "deadly":
            deaths.append(event)
            raise Death
        count(event, db)

    post(reviews, "emma", "deadly", "emma")
    runner = EventRunner(home, EmbeddedTransport(transport.path), [Participant(reviews)])
    runner.drain()
    runner.stop()
    for life in range(10):
        consumer = Consumer(books, [deadly], transport, retry=QUICK)
        consumer.begin(after_a_death=life > 0)
        try:
            while consumer.step(lambda: False, hurry=True):
                pass
        except Death:
            continue
        break
    assert (counted(books), len(deaths)) == (2, 4)  # one death before anybody could know, then the three attempts
    (letter,) = parked(books)
    assert (letter.reason, letter.attempts) == (DIED, 3)


def test_a_dead_letter_says_why_and_where_and_no_secret(
    make: Make, reviews: ModuleDatabase, books: ModuleDatabase
) -> None:
    @on(ReviewPosted)
    def leak(event: ReviewPosted) -> None:
        raise ValueError("cannot reach postgresql://bob:hunter2@db/shop with Bearer abcdef123456")

    post(reviews, "emma")
    make(leak).drain()
    (letter,) = parked(books)
    assert letter.reason is not None
    assert letter.traceback is not None
    assert letter.reason.startswith("builtins.ValueError: cannot reach postgresql://bob:")
    assert "in leak" in letter.traceback
    assert "hunter2" not in letter.reason + letter.traceback
    assert "abcdef123456" not in letter.reason + letter.traceback
    assert letter.first_at <= letter.last_at


def test_a_dead_letter_that_is_put_back_is_handled(make: Make, reviews: ModuleDatabase, books: ModuleDatabase) -> None:
    picky = Picky("bad")
    runner = make(picky.handler)
    post(reviews, "bad", "emma")
    runner.drain()
    assert len(parked(books)) == 1
    picky.bad.clear()
    assert Retries(books).replay() == 1
    runner.drain()
    assert picky.taken == [("emma", 1), ("bad", 0)]
    assert Retries(books).letters() == []


def test_one_that_fails_among_many_of_one_transaction_fails_alone(
    make: Make, reviews: ModuleDatabase, books: ModuleDatabase
) -> None:
    @on(ReviewPosted)
    def sometimes(event: ReviewPosted, db: Session) -> None:
        count(event, db)
        if event.stars % 10 == 7:
            raise ValueError("no")

    with reviews.transaction() as session:
        for stars in range(100):
            publish(session, ReviewPosted(book_id="emma", stars=stars))
    make(sometimes).drain()
    assert (counted(books), len(parked(books))) == (90, 10)


def test_many_events_share_a_transaction_unless_a_handler_may_call_another_module(
    make: Make, reviews: ModuleDatabase, books: ModuleDatabase
) -> None:
    class Shelf:
        pass

    sessions: list[list[object]] = [[], []]

    @on(ReviewPosted)
    def near(event: ReviewPosted, db: Session) -> None:
        sessions[0].append(db.get_transaction())

    def far(event: ReviewPosted, db: Session, shelf: Shelf) -> None:
        sessions[1].append(db.get_transaction())

    far.__annotations__ = {"event": ReviewPosted, "db": Session, "shelf": Shelf}
    registry = Registry()
    registry.add_value(Shelf, Shelf())
    for handler in (near, on(ReviewPosted)(far)):
        post(reviews, *["emma"] * 10)
        runner = make(handler, registry=registry)
        runner.drain()
        runner.stop()
    assert [len(set(map(id, seen))) for seen in sessions] == [1, len(set(map(id, sessions[1])))]
    assert len({id(found) for found in sessions[1]}) > 1


def test_an_outage_of_another_service_holds_up_what_needs_it_alone(make: Make, reviews: ModuleDatabase) -> None:
    taken = []

    @on(ReviewPosted)
    def remote(event: ReviewPosted) -> None:
        if event.book_id == "remote":
            raise Unavailable("no answer")
        taken.append(event.book_id)

    make(remote, retry=Retry(base_s=60, cap_s=60)).start()
    post(reviews, "remote", "emma")
    wait_until(lambda: taken == ["emma"])


def test_a_stop_between_events_leaves_the_rest_to_the_next(
    make: Make, reviews: ModuleDatabase, books: ModuleDatabase
) -> None:
    class Gate:
        pass

    begun, release = threading.Event(), threading.Event()

    def slow(event: ReviewPosted, db: Session, gate: Gate) -> None:
        count(event, db)
        begun.set()
        release.wait(10)

    slow.__annotations__ = {"event": ReviewPosted, "db": Session, "gate": Gate}
    registry = Registry()
    registry.add_value(Gate, Gate())
    runner = make(on(ReviewPosted)(slow), registry=registry)
    post(reviews, *["emma"] * 5)
    runner.start()
    assert begun.wait(10)
    stopper = threading.Thread(target=runner.stop)
    stopper.start()
    wait_until(lambda: all(worker._stopping.is_set() for worker in runner._workers))
    release.set()
    stopper.join()
    assert counted(books) == 1
    make(count).drain()
    assert counted(books) == 5


def test_a_message_redelivered_while_it_waits_is_not_tried_beside_its_turn(
    make: Make, reviews: ModuleDatabase, books: ModuleDatabase, transport: EmbeddedTransport
) -> None:
    picky = Picky("bad")
    post(reviews, "bad")
    runner = make(picky.handler)
    runner.drain()
    runner.stop()
    with transport.writing() as log:
        log.execute("DELETE FROM offsets")
    make(picky.handler).drain()
    assert (picky.tries, len(parked(books))) == (3, 1)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\xff", "The message is not JSON"),
        (
            b'{"specversion":"1.0","id":"x","source":"/r","type":"reviews.posted","data":{}}',
            "arrived with the envelope",
        ),
        (
            b'{"specversion":"1.0","id":"id-1","source":"/r","type":"reviews.posted","data":{}}',
            "book_id: Field required",
        ),
        (
            b'{"specversion":"1.0","id":"id-1","source":"/r","type":"reviews.posted","schemaversion":9,"data":{}}',
            "published as version 9, this service knows 1",
        ),
    ],
)
def test_what_cannot_be_read_is_parked_at_once_with_the_reason(
    make: Make, books: ModuleDatabase, transport: EmbeddedTransport, payload: bytes, reason: str
) -> None:
    transport.append([Message("id-1", "reviews.posted", "", payload)])
    make(count).drain()
    (letter,) = parked(books)
    assert reason in str(letter.reason)
    assert (letter.attempts, letter.message.payload) == (1, payload)


def test_one_that_waits_for_a_handler_that_is_gone_is_parked(
    make: Make, reviews: ModuleDatabase, books: ModuleDatabase
) -> None:
    class Other(Event, type="reviews.other"):
        pass

    @on(Other)
    def other(event: Other) -> None: ...

    other.__annotations__ = {"event": Other}
    runner = make(Picky("bad").handler, retry=Retry(attempts=9, base_s=60, cap_s=60))
    runner.start()
    post(reviews, "bad")
    wait_until(lambda: Retries(books).letters())
    runner.stop()
    make(other).drain()
    (letter,) = parked(books)
    assert "The module books has no handler for reviews.posted" in str(letter.reason)


def test_what_becomes_of_events_is_counted(make: Make, reviews: ModuleDatabase) -> None:
    def counts() -> dict[str, float]:
        return {
            outcome: EVENTS.child("books", "reviews.posted", outcome)._value.get()
            for outcome in ("handled", "failed", "parked")
        }

    before = counts()
    post(reviews, "bad", "emma", "emma")
    make(Picky("bad").handler).drain()
    assert {outcome: value - before[outcome] for outcome, value in counts().items()} == {
        "handled": 2, "failed": 3, "parked": 1,
    }  # fmt: skip


def test_a_long_outage_leaves_events_in_the_transport(
    make: Make, reviews: ModuleDatabase, books: ModuleDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decant.events.consumer.MOST_KEYS_WAITING", 5)
    monkeypatch.setattr("decant.events.consumer.BATCH", 5)

    @on(ReviewPosted)
    def remote(event: ReviewPosted) -> None:
        raise Unavailable("no answer")

    runner = make(remote, retry=Retry(base_s=60, cap_s=60))
    post(reviews, *[f"book-{number}" for number in range(30)])
    runner.start()
    wait_until(lambda: len(Retries(books).letters()) == 5)
    runner.stop()
    assert runner.transport.lags()[0].rows == 25


def test_a_transaction_of_several_events_ends_after_some_time(
    make: Make, reviews: ModuleDatabase, books: ModuleDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decant.events.handling.LONGEST_S", 0)
    commits = []

    @on(ReviewPosted)
    def note(event: ReviewPosted, db: Session) -> None:
        count(event, db)
        commits.append(db.get_transaction())

    post(reviews, *["emma"] * 10)
    make(note).drain()
    assert counted(books) == 10
    assert all(first is not second for first, second in itertools.pairwise(commits))


def test_inboxes_forget_what_was_handled_long_ago_and_nothing_else(
    make: Make, reviews: ModuleDatabase, books: ModuleDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = infrastructure_of("books").inbox

    def known() -> int:
        with books.engine.connect() as connection:
            return len(connection.execute(select(inbox)).all())

    monkeypatch.setattr("decant.events.consumer.PRUNED_AT_ONCE", 2)
    now = time.time_ns()
    with monkeypatch.context() as earlier:
        earlier.setattr(time, "time", lambda: now / 1e9 - 15 * 86400)
        earlier.setattr(time, "time_ns", lambda: now - 15 * 86400 * 10**9)
        post(reviews, *["emma"] * 5)
        runner = make(count)
        runner.drain()
    post(reviews, *["emma"] * 2)
    runner.drain()
    assert known() == 7
    runner.stop()
    runner = make(count)
    runner.drain()
    assert known() == 5
    for _ in range(3):
        runner.drain()
    assert (known(), counted(books)) == (2, 7)


def test_a_modules_own_database_that_is_full_is_no_events_fault(
    make: Make, reviews: ModuleDatabase, books: ModuleDatabase
) -> None:
    full = [True]

    @on(ReviewPosted)
    def note(event: ReviewPosted, db: Session) -> None:
        count(event, db)
        if full[0]:
            raise DatabaseUnavailable("books", "full")

    post(reviews, "emma", "emma")
    runner = make(note)
    for _ in range(QUICK.outage_attempts + 1):
        with pytest.raises(DatabaseUnavailable, match="no room left"):
            runner.drain()
    assert Retries(books).letters() == []
    full[0] = False
    runner.drain()
    assert counted(books) == 2


def test_a_full_module_database_loses_nothing_and_recovers(
    make: Make, reviews: ModuleDatabase, books: ModuleDatabase
) -> None:
    def limit(pages: int) -> None:
        for _ in range(3):
            with books.engine.connect() as connection:
                connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    post(reviews, *["emma"] * 300)
    with books.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
    limit(pages + 1)
    runner = make(count)
    with pytest.raises(DatabaseUnavailable, match="no room left"):
        runner.drain()
    limit(1_000_000)
    runner.drain()
    assert (counted(books), Retries(books).letters()) == (300, [])
