import time
from pathlib import Path

import pytest

from decant.events import EmbeddedTransport, Message, Subscription


def message(number: int) -> Message:
    return Message(f"id-{number}", "reviews.posted", "emma", b"{}")


def kept(transport: EmbeddedTransport) -> list[str]:
    return [found.id for found in transport.browse(limit=1_000_000)]


def read_all(subscription: Subscription) -> None:
    while got := subscription.receive(1000):
        subscription.acknowledge(got)
    subscription.flush()


@pytest.fixture
def small(home: Path) -> EmbeddedTransport:
    return EmbeddedTransport(home / "events.sqlite3", keep_s=0, keep_rows=0)


def test_positions_are_never_used_again(transport: EmbeddedTransport) -> None:
    transport.append([message(1)])
    (first,) = transport.browse()
    with transport.writing() as connection:
        connection.execute("DELETE FROM log")
    transport.append([message(2)])
    assert transport.browse()[0].receipt > first.receipt


def test_what_is_handed_over_can_be_received_at_once_and_is_durable_at_the_end(transport: EmbeddedTransport) -> None:
    books = transport.subscribe("books", ["reviews.posted"])
    committed: list[str] = []
    transport.connection(durable=True).set_trace_callback(committed.append)
    received: list[Message] = []

    def announced() -> None:
        assert "COMMIT" not in committed
        received.extend(books.receive(10))

    transport.hand_over([message(1)], announced)
    assert [found.id for found in received] == ["id-1"]
    assert committed[-1] == "COMMIT"
    assert transport.connection(durable=True).execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_group_goes_on_behind_messages_that_are_not_for_it(transport: EmbeddedTransport) -> None:
    books = transport.subscribe("books", ["other.type"])
    transport.append([message(number) for number in range(3)])
    read_all(books)
    assert [lag.rows for lag in transport.lags()] == [0]


def test_positions_are_written_down_now_and_then_and_not_for_every_message(
    transport: EmbeddedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = transport.subscribe("books", ["reviews.posted"])
    transport.append([message(1)])
    books.acknowledge(books.receive(10))
    assert transport.lags()[0].rows == 1
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 1)
    books.receive(10)
    assert transport.lags()[0].rows == 0


class TestPruning:
    def test_what_every_group_is_done_with_goes(self, small: EmbeddedTransport) -> None:
        books, mail = small.subscribe("books", ["reviews.posted"]), small.subscribe("mail", ["reviews.posted"])
        small.append([message(number) for number in range(3)])
        read_all(books)
        mail.acknowledge(mail.receive(2))
        mail.flush()
        assert small.prune() == 2
        assert kept(small) == ["id-2"]
        small.close()

    def test_it_stays_for_a_while(self, transport: EmbeddedTransport) -> None:
        transport.append([message(1)])
        assert transport.prune() == 0

    def test_no_more_than_so_many_stay(self, home: Path) -> None:
        log = EmbeddedTransport(home / "events.sqlite3", keep_rows=2)
        log.append([message(number) for number in range(5)])
        assert log.prune() == 3
        assert kept(log) == ["id-3", "id-4"]
        log.close()

    def test_without_groups_age_alone_decides(self, small: EmbeddedTransport) -> None:
        small.append([message(1)])
        assert small.prune() == 1
        small.close()

    def test_a_wide_log_is_pruned_a_piece_at_a_time(self, small: EmbeddedTransport) -> None:
        small.append([message(number) for number in range(5000)])
        assert small.prune() < 5000
        while small.prune():
            pass
        assert kept(small) == []
        small.close()

    def test_a_clock_that_was_set_back_keeps_messages_and_loses_none(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = EmbeddedTransport(home / "events.sqlite3", keep_s=60)
        log.append([message(1)])
        real = time.time()
        monkeypatch.setattr(time, "time", lambda: real - 3600)
        assert (log.prune(), log.lags()) == (0, [])
        books = log.subscribe("books", ["reviews.posted"])
        assert log.lags()[0].oldest_s == 0
        monkeypatch.setattr(time, "time", lambda: real + 3600)
        assert log.prune() == 0, "books has not had it"
        read_all(books)
        assert log.prune() == 1
        log.close()
