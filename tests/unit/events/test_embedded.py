import sqlite3
import threading
from pathlib import Path

import pytest

from decant.events import EmbeddedTransport, Message


def message(number: int) -> Message:
    return Message(f"id-{number}", "reviews.posted", "emma", b"{}")


def read(transport: EmbeddedTransport, group: str = "books") -> list[str]:
    return [found.id for found in transport.read(group, 100)]


def test_messages_come_in_the_order_in_which_they_were_appended(transport: EmbeddedTransport) -> None:
    transport.append([message(2), message(1)])
    transport.append([message(3)])
    assert read(transport) == ["id-2", "id-1", "id-3"]


def test_a_message_that_is_appended_twice_is_there_once(transport: EmbeddedTransport) -> None:
    transport.append([message(1), message(2)])
    transport.append([message(2), message(3)])
    assert read(transport) == ["id-1", "id-2", "id-3"]


def test_what_is_acknowledged_is_not_read_again(transport: EmbeddedTransport) -> None:
    transport.append([message(1), message(2)])
    transport.acknowledge("books", transport.read("books", 1)[0].position)
    assert read(transport) == ["id-2"]


def test_an_old_acknowledgement_does_not_turn_the_group_back(transport: EmbeddedTransport) -> None:
    transport.append([message(1), message(2)])
    first, second = transport.read("books", 2)
    transport.acknowledge("books", second.position)
    transport.acknowledge("books", first.position)
    assert read(transport) == []


def test_each_group_reads_everything(transport: EmbeddedTransport) -> None:
    transport.append([message(1)])
    transport.acknowledge("books", transport.read("books", 1)[0].position)
    assert read(transport, "mail") == ["id-1"]


def test_a_parked_message_is_kept_with_its_reason_and_passed_over(transport: EmbeddedTransport) -> None:
    transport.append([message(1), message(2)])
    transport.park("books", transport.read("books", 1)[0], "it broke", 5)
    (letter,) = transport.parked("books")
    assert (letter.message.id, letter.reason, letter.attempts) == ("id-1", "it broke", 5)
    assert read(transport) == ["id-2"]
    assert transport.parked("mail") == []
    assert len(transport.parked()) == 1


def test_the_lag_counts_what_is_left(transport: EmbeddedTransport) -> None:
    transport.append([message(number) for number in range(5)])
    transport.acknowledge("books", transport.read("books", 2)[-1].position)
    assert transport.lag("books") == 3


def test_positions_are_never_used_again(transport: EmbeddedTransport) -> None:
    transport.append([message(1)])
    (first,) = transport.read("books", 1)
    with sqlite3.connect(transport.path) as connection:
        connection.execute("DELETE FROM log")
    connection.close()
    transport.append([message(2)])
    assert transport.read("books", 1)[0].position > first.position


def test_threads_append_side_by_side(transport: EmbeddedTransport) -> None:
    def append(start: int) -> None:
        for number in range(start, start + 20):
            transport.append([message(number)])

    threads = [threading.Thread(target=append, args=(start,)) for start in (0, 100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read(transport)) == 80


def test_a_new_log_remembers_what_an_old_one_wrote(home: Path) -> None:
    first = EmbeddedTransport(home / "events.sqlite3")
    first.append([message(1)])
    first.close()
    second = EmbeddedTransport(home / "events.sqlite3")
    assert read(second) == ["id-1"]
    second.close()


def test_a_closed_transport_opens_again(transport: EmbeddedTransport) -> None:
    transport.append([message(1)])
    transport.close()
    assert read(transport) == ["id-1"]


@pytest.mark.parametrize("limit", [1, 2])
def test_no_more_than_the_limit_is_read(transport: EmbeddedTransport, limit: int) -> None:
    transport.append([message(1), message(2), message(3)])
    assert len(transport.read("books", limit)) == limit
