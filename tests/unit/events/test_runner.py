import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from decant.context import CallContext, current, use
from decant.db import ModuleDatabase, infrastructure_of, pending_writes
from decant.errors import SetupError, Unavailable
from decant.events import DeadLetter, EmbeddedTransport, EventRunner, Message, Participant, Retries, Retry, on, publish
from decant.wiring import Registry
from tests.support.waiting import wait_until
from tests.unit.events.club import Books, ReviewDropped, ReviewPosted, count, counted

Handler = Callable[..., None]
Make = Callable[..., EventRunner]
QUICK = Retry(attempts=3, outage_attempts=6, base_s=0.001, cap_s=0.002)


@pytest.fixture
def make(home: Path, books: ModuleDatabase, reviews: ModuleDatabase, transport: EmbeddedTransport) -> Iterator[Make]:
    made = []

    def runner(*handlers: Handler, registry: Registry | None = None, retry: Retry = QUICK) -> EventRunner:
        participants = [Participant(books, handlers, registry), Participant(reviews)]
        made.append(EventRunner(home, EmbeddedTransport(transport.path), participants, retry=retry))
        return made[-1]

    yield runner
    assert all([each.stop() for each in made])  # noqa: C419 - each one is stopped


def post(reviews: ModuleDatabase, book_id: str = "emma") -> str:
    with reviews.transaction() as session:
        return publish(session, ReviewPosted(book_id=book_id))


def letters(books: ModuleDatabase) -> Sequence[DeadLetter]:
    return Retries(books).letters(["parked"])


def lag(transport: EmbeddedTransport) -> int:
    return sum(found.rows for found in transport.lags() if found.group == "books")


def rows(database: ModuleDatabase, table: Any) -> Sequence[Any]:
    with database.transaction() as session:
        return session.execute(select(table)).all()


class TestDrained:
    def test_an_event_reaches_the_handler(self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase) -> None:
        post(reviews)
        make(count).drain()
        assert counted(books) == 1

    def test_a_delivered_event_leaves_the_outbox(self, make: Make, reviews: ModuleDatabase) -> None:
        post(reviews)
        make(count).drain()
        assert rows(reviews, infrastructure_of("reviews").outbox) == []

    def test_a_redelivered_event_is_applied_once(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase, transport: EmbeddedTransport
    ) -> None:
        post(reviews)
        runner = make(count)
        runner.drain()
        assert runner.stop()
        with transport.writing() as log:
            log.execute("DELETE FROM offsets")  # as after a crash before the acknowledgement
        make(count).drain()
        assert counted(books) == 1

    def test_a_relay_that_dies_before_it_deletes_hands_over_once(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase, transport: EmbeddedTransport
    ) -> None:
        post(reviews)
        (row,) = rows(reviews, infrastructure_of("reviews").outbox)
        transport.append([Message(row.id, row.type, row.key, row.payload)])
        make(count).drain()
        assert counted(books) == 1

    def test_an_event_committed_late_under_a_lower_number_is_not_lost(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase
    ) -> None:
        runner = make(count)
        first, second = post(reviews), post(reviews)
        outbox = infrastructure_of("reviews").outbox
        with reviews.transaction() as session:
            late = session.execute(select(outbox).where(outbox.c.id == first)).one()
            session.execute(outbox.delete().where(outbox.c.id == first))
        runner.drain()
        with reviews.transaction() as session:
            session.execute(outbox.insert().values(**late._mapping))
        runner.drain()
        assert (counted(books), first != second) == (2, True)

    def test_events_of_unknown_types_are_passed_over(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase, transport: EmbeddedTransport
    ) -> None:
        with reviews.transaction() as session:
            publish(session, ReviewDropped(book_id="emma"))
        post(reviews)
        make(count).drain()
        assert (counted(books), lag(transport), letters(books)) == (1, 0, [])

    def test_events_arrive_in_order(self, make: Make, reviews: ModuleDatabase) -> None:
        seen = []

        @on(ReviewPosted)
        def note(event: ReviewPosted) -> None:
            seen.append(event.stars)

        with reviews.transaction() as session:
            for stars in range(250):
                publish(session, ReviewPosted(book_id="emma", stars=stars))
        make(note).drain()
        assert seen == list(range(250))

    def test_several_handlers_of_one_event_are_one_transaction(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase
    ) -> None:
        @on(ReviewPosted)
        def fail(event: ReviewPosted) -> None:
            raise ValueError("no")

        post(reviews)
        make(count, fail).drain()
        assert counted(books) == 0

    def test_a_handler_gets_what_it_asks_for(self, make: Make, reviews: ModuleDatabase) -> None:
        class Shelf:
            pass

        seen: list[object] = []

        def note(event: ReviewPosted, db: Session, shelf: Shelf) -> None:
            seen.extend([event, db.info["decant.module"], shelf])

        note.__annotations__ = {"event": ReviewPosted, "db": Session, "shelf": Shelf, "return": None}
        registry = Registry()
        shelf = Shelf()
        registry.add_value(Shelf, shelf)
        post(reviews)
        make(on(ReviewPosted)(note), registry=registry).drain()
        assert seen == [ReviewPosted(book_id="emma"), "books", shelf]

    def test_a_handler_that_asks_for_the_unknown_is_refused_when_wired(self, make: Make) -> None:
        @on(ReviewPosted)
        def bad(event: ReviewPosted, path: Path) -> None: ...

        with pytest.raises(SetupError, match="nothing provides its parameter `path: Path`"):
            make(bad)

    def test_a_handler_runs_in_the_publishers_trace(self, make: Make, reviews: ModuleDatabase) -> None:
        seen: list[CallContext] = []

        @on(ReviewPosted)
        def note(event: ReviewPosted) -> None:
            seen.append(current.get())

        with use(CallContext(trace_id="a" * 32, span_id="b" * 16)):
            event_id = post(reviews)
        make(note).drain()
        (context,) = seen
        assert (context.trace_id, context.request_id, context.caller.service) == ("a" * 32, event_id, "reviews")
        assert context.span_id != "b" * 16
        assert context.deadline is not None

    def test_nothing_is_pending_when_a_handler_begins_so_that_it_may_call_other_modules(
        self, make: Make, reviews: ModuleDatabase
    ) -> None:
        seen = []

        @on(ReviewPosted)
        def note(event: ReviewPosted, db: Session) -> None:
            seen.append(pending_writes(db))

        post(reviews)
        make(note).drain()
        assert seen == [False]


class TestFailures:
    @pytest.fixture(autouse=True)
    def quiet(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.CRITICAL)

    def test_a_failed_event_is_tried_again(self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase) -> None:
        tries = []

        @on(ReviewPosted)
        def shaky(event: ReviewPosted, db: Session) -> None:
            count(event, db)
            tries.append(event)
            if len(tries) < 3:
                raise ValueError("not yet")

        post(reviews)
        make(shaky).drain()
        assert (len(tries), counted(books)) == (3, 1)

    def test_poison_becomes_a_dead_letter_with_its_reason_and_the_queue_moves_on(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase, transport: EmbeddedTransport
    ) -> None:
        @on(ReviewPosted)
        def picky(event: ReviewPosted, db: Session) -> None:
            if event.book_id == "poison":
                raise ValueError("cannot stomach this")
            count(event, db)

        poison = post(reviews, "poison")
        post(reviews)
        make(picky).drain()
        (letter,) = letters(books)
        assert (letter.message.id, letter.attempts) == (poison, 3)
        assert letter.reason == "builtins.ValueError: cannot stomach this"
        assert (counted(books), lag(transport)) == (1, 0)

    def test_an_outage_is_waited_out_for_longer_than_a_bug(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase, transport: EmbeddedTransport
    ) -> None:
        tries = []

        @on(ReviewPosted)
        def remote(event: ReviewPosted) -> None:
            tries.append(event)
            if len(tries) < 6:
                raise Unavailable("no answer")

        post(reviews)
        make(remote).drain()
        assert (len(tries), letters(books)) == (6, [])

    @pytest.mark.parametrize("payload", [b"\xff rubbish", b"{}", b'{"specversion":"1.0"}'])
    def test_an_unreadable_message_is_parked_at_once(
        self, make: Make, books: ModuleDatabase, transport: EmbeddedTransport, payload: bytes
    ) -> None:
        transport.append([Message("id-1", "reviews.posted", "", payload)])
        make(count).drain()
        (letter,) = letters(books)
        assert (letter.attempts, letter.message.payload) == (1, payload)
        assert "UnreadableEvent" in letter.reason

    def test_a_write_that_the_database_refuses_is_rolled_back_whole(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase, transport: EmbeddedTransport
    ) -> None:
        @on(ReviewPosted)
        def double(event: ReviewPosted, db: Session) -> None:
            count(event, db)
            db.add(Books(id="emma", reviews=0))  # exists; found out at the flush, after the handler

        post(reviews)
        make(double).drain()
        assert (counted(books), len(letters(books))) == (0, 1)
        assert rows(books, infrastructure_of("books").inbox) == []


class TestRunning:
    def test_a_commit_sets_everything_in_motion(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase
    ) -> None:
        make(count).start()
        post(reviews)
        wait_until(lambda: counted(books) == 1)

    def test_what_was_left_behind_is_picked_up_at_the_start(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase
    ) -> None:
        post(reviews)
        make(count).start()
        wait_until(lambda: counted(books) == 1)

    def test_two_runners_do_not_double_anything(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase
    ) -> None:
        first, second = make(count), make(count)
        first.start()
        second.start()
        for _ in range(20):
            post(reviews)
        wait_until(lambda: counted(books) == 20)
        at_work = [*first.working.values(), *second.working.values()]
        assert sum(at_work) == 3  # two relays, one consumer, each in one runner

    def test_when_the_one_that_works_stops_another_takes_over(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase
    ) -> None:
        first, second = make(count), make(count)
        first.start()
        wait_until(lambda: all(first.working.values()))
        second.start()
        first.stop()
        post(reviews)
        wait_until(lambda: counted(books) == 1)

    def test_stopping_does_not_wait_for_the_next_try(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase, transport: EmbeddedTransport
    ) -> None:
        tried = threading.Event()

        @on(ReviewPosted)
        def fail(event: ReviewPosted) -> None:
            tried.set()
            raise ValueError("no")

        runner = make(fail, retry=Retry(base_s=60, cap_s=60))
        runner.start()
        post(reviews)
        assert tried.wait(10)
        began = time.monotonic()
        assert runner.stop()
        assert time.monotonic() - began < 5
        assert (len(Retries(books).letters(["waiting"])), letters(books)) == (1, [])

    def test_it_waits_for_a_handler_no_longer_than_its_grace(self, make: Make, reviews: ModuleDatabase) -> None:
        begun, release = threading.Event(), threading.Event()

        @on(ReviewPosted)
        def slow(event: ReviewPosted) -> None:
            begun.set()
            release.wait(10)

        runner = make(slow)
        runner.start()
        post(reviews)
        assert begun.wait(10)
        assert not runner.stop(grace_s=0.05)
        release.set()

    def test_a_database_that_is_not_migrated_yet_is_waited_for(
        self, make: Make, reviews: ModuleDatabase, books: ModuleDatabase, caplog: pytest.LogCaptureFixture
    ) -> None:
        with reviews.engine.begin() as connection:
            connection.execute(text("ALTER TABLE reviews_outbox RENAME TO reviews_later"))
        make(count).start()
        wait_until(lambda: "relay-reviews stands still" in caplog.text)
        with reviews.engine.begin() as connection:
            connection.execute(text("ALTER TABLE reviews_later RENAME TO reviews_outbox"))
        post(reviews)
        wait_until(lambda: counted(books) == 1)
