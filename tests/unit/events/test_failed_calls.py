"""What a dead letter says of a call that failed in its handler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from decant.contracts import Contract, contract_of, direct_client
from decant.db import ModuleDatabase
from decant.events import EmbeddedTransport, EventRunner, Participant, Retries, Retry, on, publish
from decant.http.declare import post
from decant.wiring import Registry
from tests.unit.events.club import ReviewPosted


class Shelves(Contract, module="shelves"):
    @post("/shelves")
    def move(self, book_id: str) -> None: ...


class ShelfService(Shelves):
    def move(self, book_id: str) -> None:
        raise KeyError(book_id)


def test_a_dead_letter_says_which_way_a_call_went(
    home: Path, books: ModuleDatabase, reviews: ModuleDatabase, transport: EmbeddedTransport
) -> None:
    shelves: Any = direct_client(contract_of(Shelves), ShelfService, Registry())

    @on(ReviewPosted)
    def move(event: ReviewPosted) -> None:
        shelves.move(event.book_id)

    retry = Retry(attempts=2, base_s=0.001, cap_s=0.002)
    participants = [Participant(books, [move]), Participant(reviews)]
    runner = EventRunner(home, EmbeddedTransport(transport.path), participants, retry=retry)
    with reviews.transaction() as session:
        publish(session, ReviewPosted(book_id="emma", stars=5))
    try:
        runner.drain()
    finally:
        runner.stop()
    (letter,) = Retries(books).letters(["parked"])
    reason = str(letter.reason)
    assert "OperationFailed: shelves.move failed with an internal error: KeyError: 'emma'" in reason
    assert "[shelves.move (" in reason
    assert "test_failed_calls.py:" in reason
