import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from decant.db import ModuleDatabase, create_infrastructure, infrastructure_of, pending_writes
from decant.errors import SetupError
from decant.events import Outbox, publish
from decant.events.outbox import wake_on_commit
from tests.unit.events.club import ReviewPosted

OUTBOX = infrastructure_of("reviews").outbox


def ids(database: ModuleDatabase) -> list[str]:
    with database.transaction() as session:
        return list(session.scalars(select(OUTBOX.c.id).order_by(OUTBOX.c.seq)))


def test_an_event_is_committed_with_the_transaction(reviews: ModuleDatabase) -> None:
    with reviews.transaction() as session:
        event_id = publish(session, ReviewPosted(book_id="emma"))
        assert pending_writes(session)
    assert ids(reviews) == [event_id]


def test_an_event_is_rolled_back_with_the_transaction(reviews: ModuleDatabase) -> None:
    session = reviews.session()
    publish(session, ReviewPosted(book_id="emma"))
    reviews.close_session(session, False)
    assert ids(reviews) == []


def test_events_keep_their_order(reviews: ModuleDatabase) -> None:
    with reviews.transaction() as session:
        published = [publish(session, ReviewPosted(book_id="emma")) for _ in range(5)]
    assert ids(reviews) == published


def test_a_plain_session_writes_to_the_outbox_of_the_events_module() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        create_infrastructure(connection, "reviews")
    with Session(engine) as session:
        event_id = publish(session, ReviewPosted(book_id="emma"))
        assert session.scalars(select(OUTBOX.c.id)).all() == [event_id]
    engine.dispose()


def test_what_is_no_event_is_refused(reviews: ModuleDatabase) -> None:
    with reviews.transaction() as session, pytest.raises(SetupError, match="takes an Event, not dict"):
        publish(session, {"book_id": "emma"})  # type: ignore[arg-type]


def test_a_key_that_does_not_fit_is_refused(reviews: ModuleDatabase) -> None:
    with reviews.transaction() as session, pytest.raises(SetupError, match="201 characters"):
        publish(session, ReviewPosted(book_id="x" * 201))


class TestWaking:
    @pytest.fixture
    def rings(self) -> list[str]:
        return []

    @pytest.fixture(autouse=True)
    def listen(self, rings: list[str]):
        end = wake_on_commit("reviews", lambda: rings.append("ring"))
        yield
        end()

    def test_a_commit_wakes_the_relay(self, reviews: ModuleDatabase, rings: list[str]) -> None:
        with reviews.transaction() as session:
            publish(session, ReviewPosted(book_id="emma"))
            assert rings == []
        assert rings == ["ring"]

    def test_a_commit_without_event_does_not(self, reviews: ModuleDatabase, rings: list[str]) -> None:
        with reviews.transaction() as session:
            session.execute(select(OUTBOX))
        assert rings == []

    def test_the_release_of_a_savepoint_does_not(self, reviews: ModuleDatabase, rings: list[str]) -> None:
        with reviews.transaction() as session:
            with session.begin_nested():
                publish(session, ReviewPosted(book_id="emma"))
            assert rings == []
        assert rings == ["ring"]


def test_a_test_can_look_at_the_rows(reviews: ModuleDatabase) -> None:
    with reviews.transaction() as session:
        event_id = publish(session, ReviewPosted(book_id="emma", stars=4))
        (row,) = Outbox.rows(session)
    assert (row.id, row.event_type, row.key, row.state) == (event_id, "reviews.posted", "emma", "pending")
    assert row.payload == {"book_id": "emma", "stars": 4}


def test_a_plain_session_finds_the_only_outbox_whatever_the_type_begins_with() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        create_infrastructure(connection, "shelves")
    with Session(engine) as session:
        publish(session, ReviewPosted(book_id="emma"))
        assert [row.event_type for row in Outbox.rows(session)] == ["reviews.posted"]
    engine.dispose()


def test_a_plain_session_without_an_outbox_is_told_what_to_do() -> None:
    engine = create_engine("sqlite://")
    with Session(engine) as session, pytest.raises(SetupError, match="create_infrastructure"):
        publish(session, ReviewPosted(book_id="emma"))
    engine.dispose()
