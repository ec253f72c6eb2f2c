"""What every transport of events must do: import it, subclass it, and give it a transport.

::

    class TestMine(TransportConformance):
        @pytest.fixture
        def connect(self) -> Connect:
            return lambda: MyTransport(url_of_an_empty_broker)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from decant.events import Message, Subscription, Transport
from tests.support.waiting import wait_until

Connect = Callable[[], Transport]
"""Connects to the same transport, as another process would."""

POSTED, DROPPED = "reviews.posted", "reviews.dropped"


def message(number: int, *, key: str = "emma", type_: str = POSTED) -> Message:
    return Message(f"id-{number}", type_, key, b'{"number": %d}' % number)


def ids(messages: Sequence[Message]) -> list[str]:
    return [found.id for found in messages]


class TransportConformance:
    """Subclass it with a fixture ``connect``."""

    WAIT_S = 10.0
    """How long messages may take to arrive."""

    @pytest.fixture
    def connect(self) -> Connect:
        raise NotImplementedError

    @pytest.fixture
    def transport(self, connect: Connect) -> Iterator[Transport]:
        made = connect()
        yield made
        made.close()

    @pytest.fixture
    def other(self, connect: Connect) -> Iterator[Transport]:
        made = connect()
        yield made
        made.close()

    @pytest.fixture
    def books(self, transport: Transport) -> Iterator[Subscription]:
        made = transport.subscribe("books", [POSTED])
        yield made
        made.close()

    def receive(self, subscription: Subscription, count: int, *, acknowledge: bool = True) -> list[Message]:
        """Receive until there are ``count`` messages."""
        got: list[Message] = []

        def enough() -> bool:
            got.extend(subscription.receive(100))
            return len(got) >= count

        wait_until(enough, within_s=self.WAIT_S, what=f"{count} messages")
        if acknowledge:
            subscription.acknowledge(got)
        return got

    def test_a_message_arrives_as_it_was_sent(self, transport: Transport, books: Subscription) -> None:
        sent = Message("id-1", POSTED, "Ключ ✓", b'{"data": "\\u0000 \xc3\xa9"}')
        transport.append([sent])
        (got,) = self.receive(books, 1)
        assert (got.id, got.type, got.key, got.payload) == (sent.id, sent.type, sent.key, sent.payload)

    def test_messages_with_one_key_arrive_in_the_order_of_append(
        self, transport: Transport, books: Subscription
    ) -> None:
        if not transport.capabilities.ordered:
            pytest.skip("does not promise order")
        for start in range(0, 300, 3):
            transport.append([message(number) for number in range(start, start + 3)])
        assert ids(self.receive(books, 300)) == [f"id-{number}" for number in range(300)]

    def test_nothing_to_receive_is_an_empty_answer_at_once(self, books: Subscription) -> None:
        assert list(books.receive(10)) == []

    def test_no_more_than_the_limit_is_received(self, transport: Transport, books: Subscription) -> None:
        transport.append([message(number) for number in range(5)])
        got = wait_until(lambda: books.receive(2), within_s=self.WAIT_S)
        assert len(got) <= 2

    def test_what_was_received_is_not_received_again_by_the_same_subscription(
        self, transport: Transport, books: Subscription
    ) -> None:
        transport.append([message(1), message(2)])
        self.receive(books, 2, acknowledge=False)
        assert list(books.receive(10)) == []

    def test_each_group_gets_every_message(self, transport: Transport, books: Subscription) -> None:
        mail = transport.subscribe("mail", [POSTED])
        transport.append([message(1)])
        assert ids(self.receive(books, 1)) == ids(self.receive(mail, 1)) == ["id-1"]
        mail.close()

    def test_only_the_wanted_types_arrive(self, transport: Transport, books: Subscription) -> None:
        transport.append([message(1, type_=DROPPED), message(2), message(3, type_=DROPPED), message(4)])
        assert ids(self.receive(books, 2)) == ["id-2", "id-4"]

    def test_what_is_acknowledged_does_not_come_again(self, transport: Transport, other: Transport) -> None:
        books = transport.subscribe("books", [POSTED])
        transport.append([message(1), message(2)])
        self.receive(books, 2)
        books.close()
        transport.append([message(3)])
        again = other.subscribe("books", [POSTED])
        assert ids(self.receive(again, 1)) == ["id-3"]
        again.close()

    def test_what_is_not_acknowledged_comes_again(self, transport: Transport, other: Transport) -> None:
        books = transport.subscribe("books", [POSTED])
        transport.append([message(1), message(2), message(3)])
        first, *_ = self.receive(books, 3, acknowledge=False)
        books.acknowledge([first])
        books.close()
        again = other.subscribe("books", [POSTED])
        assert set(ids(self.receive(again, 2))) >= {"id-2", "id-3"}
        again.close()

    def test_one_left_open_comes_again_whatever_was_acknowledged_after_it(
        self, transport: Transport, other: Transport
    ) -> None:
        books = transport.subscribe("books", [POSTED])
        transport.append([message(1), message(2), message(3)])
        _, *later = self.receive(books, 3, acknowledge=False)
        books.acknowledge(later)
        books.close()
        again = other.subscribe("books", [POSTED])
        assert "id-1" in ids(self.receive(again, 1))
        again.close()

    def test_a_subscription_that_was_never_closed_gives_its_messages_to_the_next(self, connect: Connect) -> None:
        dead = connect()
        lost = dead.subscribe("books", [POSTED])
        dead.append([message(1)])
        self.receive(lost, 1, acknowledge=False)
        dead.close()
        living = connect()
        again = living.subscribe("books", [POSTED])
        assert ids(self.receive(again, 1)) == ["id-1"]
        again.close()
        living.close()

    def test_messages_wait_for_a_group_that_is_away(self, transport: Transport) -> None:
        transport.subscribe("books", [POSTED]).close()
        transport.append([message(1)])
        back = transport.subscribe("books", [POSTED])
        assert ids(self.receive(back, 1)) == ["id-1"]
        back.close()

    def test_a_new_group_begins_with_the_oldest_message(self, transport: Transport) -> None:
        if not transport.capabilities.replays:
            pytest.skip("a new group begins with the next message")
        transport.append([message(1)])
        late = transport.subscribe("late", [POSTED])
        assert ids(self.receive(late, 1)) == ["id-1"]
        late.close()

    def test_a_message_that_is_appended_twice_is_there_once(self, transport: Transport, books: Subscription) -> None:
        if not transport.capabilities.deduplicates:
            pytest.skip("leaves duplicates to the inbox")
        transport.append([message(1), message(2)])
        transport.append([message(2), message(3)])
        assert ids(self.receive(books, 3)) == ["id-1", "id-2", "id-3"]

    def test_processes_and_threads_append_side_by_side(self, connect: Connect, books: Subscription) -> None:
        def append(start: int) -> None:
            own = connect()
            for number in range(start, start + 20):
                own.append([message(number)])
            own.close()

        threads = [threading.Thread(target=append, args=(start,)) for start in (0, 100, 200, 300)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(ids(self.receive(books, 80)))) == 80

    def test_a_large_message_arrives(self, transport: Transport, books: Subscription) -> None:
        payload = b'{"text": "' + b"x" * 900_000 + b'"}'
        transport.append([Message("id-1", POSTED, "", payload)])
        assert self.receive(books, 1)[0].payload == payload

    def test_the_lag_of_a_group_counts_what_is_left(self, transport: Transport, books: Subscription) -> None:
        transport.append([message(number) for number in range(5)])
        got = self.receive(books, 5, acknowledge=False)
        books.acknowledge(got[:2])
        books.flush()
        (found,) = (lag for lag in transport.lags() if lag.group == "books")
        assert found.rows == 3
        assert found.oldest_s >= 0
        books.acknowledge(got[2:])
        books.flush()
        (found,) = (lag for lag in transport.lags() if lag.group == "books")
        assert (found.rows, found.oldest_s) == (0, 0)

    def test_what_is_kept_can_be_looked_through(self, transport: Transport) -> None:
        if not transport.capabilities.browsable:
            with pytest.raises(NotImplementedError):
                transport.browse()
            return
        transport.append([message(number) for number in range(5)])
        everything = transport.browse()
        assert ids(everything) == [f"id-{number}" for number in range(5)]
        assert ids(transport.browse(after=everything[2].receipt)) == ["id-3", "id-4"]
        assert ids(transport.browse(limit=2, newest=True)) == ["id-3", "id-4"]

    def test_pruning_leaves_what_a_group_has_still_to_handle(self, transport: Transport, books: Subscription) -> None:
        transport.append([message(1), message(2)])
        while transport.prune():
            pass
        assert ids(self.receive(books, 2)) == ["id-1", "id-2"]

    def test_a_closed_transport_can_be_closed_again(self, transport: Transport) -> None:
        transport.close()
        transport.close()
