"""Several relays of one module at once, on servers that lock rows."""

import json
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from decant.db import ModuleDatabase, create_infrastructure
from decant.events import EmbeddedTransport, Event, Message, Outbox, Relay, publish
from tests.support.waiting import wait_until

KEYS, PER_KEY, RELAYS = 7, 60, 3


class Counted(Event, type="reviews.counted", key="book"):
    book: str
    number: int


class Slow(EmbeddedTransport):
    """Takes its time, so that relays overtake each other where they can."""

    def hand_over(self, messages: Sequence[Message], announce: Callable[[], None]) -> None:
        threading.Event().wait(random.uniform(0, 0.01))
        super().hand_over(messages, announce)


@pytest.fixture(
    params=[
        pytest.param("postgres_url", marks=pytest.mark.postgres),
        pytest.param("mariadb_url", marks=pytest.mark.mariadb),
    ]
)
def reviews(request: pytest.FixtureRequest) -> Iterator[ModuleDatabase]:
    database = ModuleDatabase("reviews", request.getfixturevalue(request.param))
    with database.engine.begin() as connection:
        create_infrastructure(connection, "reviews")
    yield database
    database.close()


def test_relays_side_by_side_lose_nothing_and_keep_the_order_of_each_key(
    reviews: ModuleDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decant.events.relay.BATCH", 10)
    transport = Slow(tmp_path / "events.sqlite3")
    stopping = threading.Event()
    wrong: list[BaseException] = []

    def work() -> None:
        relay = Relay(reviews, transport)
        try:
            while not stopping.is_set():
                relay.step()
        except BaseException as error:  # noqa: BLE001
            wrong.append(error)

    def write(key: int) -> None:
        for number in range(PER_KEY):
            with reviews.transaction() as session:
                publish(session, Counted(book=f"book-{key}", number=number))

    relays = [threading.Thread(target=work) for _ in range(RELAYS)]
    writers = [threading.Thread(target=write, args=(key,)) for key in range(KEYS)]
    for thread in (*relays, *writers):
        thread.start()
    for thread in writers:
        thread.join()

    def empty() -> bool:
        with reviews.transaction() as session:
            return not Outbox.rows(session)

    try:
        wait_until(lambda: wrong or empty(), within_s=30)
    finally:
        stopping.set()
        for thread in relays:
            thread.join()
    assert wrong == []
    delivered = transport.browse(limit=10_000)
    for key in range(KEYS):
        mine = [message.payload for message in delivered if message.key == f"book-{key}"]
        assert [json.loads(payload)["data"]["number"] for payload in mine] == list(range(PER_KEY))
    transport.close()
