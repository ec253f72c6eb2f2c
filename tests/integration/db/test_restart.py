"""Transactions that the database gives up for another one's sake: real conflicts on real servers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from decant.context import deadline
from decant.db import DatabaseUnavailable
from decant.errors import Unavailable
from tests.integration.db.bank import Bank, make_bank
from tests.support.bank import SCENARIOS
from tests.support.bank.accounts.api import Accounts
from tests.support.bank.accounts.models import Account

SERIALIZABLE = "?options=-c%20default_transaction_isolation%3Dserializable"


class Rival:
    """Adds to the balance while it is being changed elsewhere, as often as it is told."""

    def __init__(self, bank: Bank, times: int) -> None:
        self.bank = bank
        self.left = times
        self.tries = 0

    def add_one(self, db: Session) -> int:
        """Add 1 to the balance; the rival is faster, so that this transaction cannot be kept."""
        self.tries += 1
        balance = db.scalars(select(Account.balance)).one()
        if self.left:
            self.left -= 1
            with self.bank.accounts.transaction() as rival:
                rival.execute(update(Account).values(balance=Account.balance + 100))
        db.execute(update(Account).values(balance=balance + 1))
        return balance + 1


@pytest.fixture(params=["direct", "strict"])
def serial_bank(request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path) -> Iterator[Bank]:
    bank = make_bank(tmp_path, postgres_url + SERIALIZABLE, request.param)
    yield bank
    bank.runtime.stop(1)
    SCENARIOS.clear()


def test_a_serialization_failure_is_tried_again_for_an_idempotent_operation(serial_bank: Bank) -> None:
    rival = Rival(serial_bank, 2)
    assert serial_bank.run(rival.add_one, "/accounts/set/it").json == 201
    assert (rival.tries, serial_bank.balance()) == (3, 201)


def test_a_call_within_the_process_is_tried_again_likewise(serial_bank: Bank) -> None:
    rival = Rival(serial_bank, 2)
    SCENARIOS["it"] = rival.add_one
    assert serial_bank.runtime.client(Accounts).set("it") == 201
    assert rival.tries == 3


def test_a_read_is_tried_again(serial_bank: Bank) -> None:
    rival = Rival(serial_bank, 1)
    assert serial_bank.run(rival.add_one, "/accounts/read/it").json == 101


def test_what_is_not_idempotent_runs_once(serial_bank: Bank) -> None:
    rival = Rival(serial_bank, 1)
    answer = serial_bank.run(rival.add_one, "/accounts/once/it")
    assert (answer.status_code, answer.json["code"]) == (503, "database-unavailable")
    assert "another one changed the same rows" in answer.json["detail"]
    assert (rival.tries, serial_bank.balance()) == (1, 100)


def test_tries_are_bounded(serial_bank: Bank) -> None:
    rival = Rival(serial_bank, 1000)
    answer = serial_bank.run(rival.add_one, "/accounts/set/it")
    assert (answer.status_code, answer.headers["Retry-After"], rival.tries) == (503, "1", 5)


def test_a_caller_does_not_multiply_the_tries(serial_bank: Bank) -> None:
    rival = Rival(serial_bank, 1000)
    SCENARIOS["inner"] = rival.add_one
    outer = serial_bank.runtime.client(Accounts)
    answer = serial_bank.run(lambda db, accounts: outer.set("inner"), "/page/it")
    assert (answer.status_code, rival.tries) == (503, 5)


def test_no_try_begins_after_the_deadline(serial_bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decant.contracts.restart.FIRST_PAUSE_S", 1e6)  # the pause would outlast the deadline
    rival = Rival(serial_bank, 1000)
    SCENARIOS["it"] = rival.add_one
    with deadline(10), pytest.raises(Unavailable):
        serial_bank.runtime.client(Accounts).set("it")
    assert rival.tries == 1


def test_a_failure_at_the_commit_is_tried_again_and_known_not_to_have_run(serial_bank: Bank) -> None:
    """Two transactions that each read what the other one writes: PostgreSQL finds out at the second commit."""
    with serial_bank.accounts.transaction() as session:
        session.add(Account(id=2, balance=0))
    tries = []

    def skewed(db: Session) -> int:
        tries.append(db.scalars(select(Account.balance).where(Account.id == 2)).one())
        db.execute(update(Account).where(Account.id == 1).values(balance=7))
        if len(tries) == 1:
            with serial_bank.accounts.transaction() as rival:
                rival.scalars(select(Account.balance).where(Account.id == 1)).one()
                rival.execute(update(Account).where(Account.id == 2).values(balance=9))
        return len(tries)

    assert serial_bank.run(skewed, "/accounts/set/it").json == 2
    assert tries == [0, 9]


def cross(bank: Bank, both_hold: threading.Barrier) -> Callable[[int, int], Callable[[Session], int]]:
    def scenario(first: int, second: int) -> Callable[[Session], int]:
        waits = [True]

        def change(db: Session) -> int:
            add = text("UPDATE accounts_account SET balance = balance + 1 WHERE id = :id")
            db.execute(add, {"id": first})
            if waits:
                waits.clear()
                both_hold.wait(10)
            db.execute(add, {"id": second})
            return 1

        return change

    return scenario


@pytest.mark.parametrize(
    "kind", [pytest.param("mariadb", marks=pytest.mark.mariadb), pytest.param("postgres", marks=pytest.mark.postgres)]
)
def test_a_deadlock_is_tried_again(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    bank = make_bank(tmp_path, request.getfixturevalue(f"{kind}_url"))
    with bank.accounts.transaction() as session:
        session.add(Account(id=2, balance=0))
    scenario = cross(bank, threading.Barrier(2))
    SCENARIOS.update(there=scenario(1, 2), back=scenario(2, 1))
    answers = []
    askers = [
        threading.Thread(target=lambda name=name: answers.append(bank.app.test_client().put(f"/accounts/set/{name}")))
        for name in ("there", "back")
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [answer.status_code for answer in answers] == [200, 200]
    with bank.accounts.transaction() as session:
        assert session.scalars(select(Account.balance)).all() == [2, 2]
    bank.runtime.stop(1)


def test_a_conflict_within_a_transaction_of_ones_own_is_typed(postgres_url: str, tmp_path: Path) -> None:
    bank = make_bank(tmp_path, postgres_url + SERIALIZABLE)
    with pytest.raises(DatabaseUnavailable) as caught, bank.accounts.transaction() as session:
        Rival(bank, 1).add_one(session)
    assert (caught.value.reason, caught.value.may_have_run) == ("conflict", False)
    bank.runtime.stop(1)
