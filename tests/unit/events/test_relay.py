import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from decant.db import ModuleDatabase
from decant.events import EmbeddedTransport, Message, MessageRefused, Outbox, Relay, publish
from decant.events.metrics import OUTBOX_OLDEST, OUTBOX_ROWS
from tests.unit.events.club import ReviewPosted


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def post(reviews: ModuleDatabase, number: int = 1) -> list[str]:
    with reviews.transaction() as session:
        return [publish(session, ReviewPosted(book_id="emma", stars=stars)) for stars in range(number)]


def outbox(reviews: ModuleDatabase) -> Sequence[Outbox]:
    with reviews.transaction() as session:
        return Outbox.rows(session)


def hand_over(relay: Relay) -> None:
    while relay.step():
        pass
    relay.close()


def ids(transport: EmbeddedTransport) -> list[str]:
    return [message.id for message in transport.browse(limit=10_000)]


class Refusing(EmbeddedTransport):
    """Takes no message with these ids."""

    refused: frozenset[str] = frozenset()

    def hand_over(self, messages: Sequence[Message], announce: Callable[[], None]) -> None:
        for message in messages:
            if message.id in self.refused:
                raise MessageRefused(message.id, "it is too large")
        super().hand_over(messages, announce)


def test_more_than_a_batch_is_handed_over_in_order(reviews: ModuleDatabase, transport: EmbeddedTransport) -> None:
    published = post(reviews, 450)
    hand_over(Relay(reviews, transport))
    assert (ids(transport), outbox(reviews)) == (published, [])


def test_groups_are_woken_before_the_row_is_deleted(reviews: ModuleDatabase, transport: EmbeddedTransport) -> None:
    seen: list[tuple[list[str], int]] = []
    relay = Relay(reviews, transport, lambda: seen.append((ids(transport), len(outbox(reviews)))))
    published = post(reviews)
    hand_over(relay)
    assert seen == [(published, 1)]
    assert outbox(reviews) == []


def test_a_row_that_no_reader_could_read_is_parked_and_the_others_go_on(
    reviews: ModuleDatabase, transport: EmbeddedTransport
) -> None:
    broken, good = post(reviews, 2)
    with reviews.engine.begin() as connection:
        connection.execute(text("UPDATE reviews_outbox SET payload = x'00' WHERE id = :id"), {"id": broken})
    hand_over(Relay(reviews, transport))
    assert ids(transport) == [good]
    with reviews.engine.connect() as connection:
        (row,) = connection.execute(text("SELECT id, state, reason FROM reviews_outbox"))
    assert (row.id, row.state) == (broken, "parked")
    assert "not JSON" in row.reason


def test_a_message_that_the_transport_refuses_is_parked_and_the_others_go_on(
    reviews: ModuleDatabase, home: Path
) -> None:
    transport = Refusing(home / "events.sqlite3")
    published = post(reviews, 4)
    transport.refused = frozenset(published[1:3])
    hand_over(Relay(reviews, transport))
    assert ids(transport) == [published[0], published[3]]
    assert [(row.id, row.state) for row in outbox(reviews)] == [(one, "parked") for one in published[1:3]]
    transport.close()


def test_a_relay_that_dies_after_it_handed_over_does_it_again(
    reviews: ModuleDatabase, transport: EmbeddedTransport
) -> None:
    class Death(BaseException):
        pass

    def die() -> None:
        raise Death

    published = post(reviews, 3)
    with pytest.raises(Death):
        Relay(reviews, transport, die).step()
    assert len(outbox(reviews)) == 3
    hand_over(Relay(reviews, transport))
    assert (ids(transport), outbox(reviews)) == (published, [])


def test_a_full_disk_keeps_everything_in_the_outbox_until_there_is_room(
    reviews: ModuleDatabase, transport: EmbeddedTransport
) -> None:
    import sqlite3

    published = post(reviews, 200)
    log = transport.connection(durable=False)
    (pages,) = log.execute("PRAGMA page_count").fetchone()
    log.execute(f"PRAGMA max_page_count={pages + 2}")
    relay = Relay(reviews, transport)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        relay.step()
    assert (len(outbox(reviews)), ids(transport)) == (200, [])
    log.execute("PRAGMA max_page_count=100000")
    hand_over(relay)
    assert (ids(transport), outbox(reviews)) == (published, [])
    assert log.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_waits_and_since_when_is_measured(
    reviews: ModuleDatabase, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(reviews, 3)

    def gauges() -> tuple[Any, Any]:
        return OUTBOX_ROWS.child("reviews")._value.get(), OUTBOX_OLDEST.child("reviews")._value.get()

    relay = Relay(reviews, EmbeddedTransport(home / "events.sqlite3"))
    relay._measure()
    rows, oldest = gauges()
    assert rows == 3
    assert 0 <= oldest < 60
    hand_over(relay)
    monkeypatch.setattr(relay, "_measured", 0)
    relay._measure()
    assert gauges() == (0, 0)


def test_a_database_in_memory_has_a_relay_too(transport: EmbeddedTransport) -> None:
    from decant.db import create_infrastructure

    database = ModuleDatabase("reviews", "sqlite://")
    with database.engine.begin() as connection:
        create_infrastructure(connection, "reviews")
    published = post(database, 3)
    hand_over(Relay(database, transport))
    assert (ids(transport), outbox(database)) == (published, [])
    database.close()
