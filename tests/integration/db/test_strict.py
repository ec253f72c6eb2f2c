"""What strict mode refuses because it could not work once the modules run apart, on three databases."""

from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from decant.db import PendingWritesError
from decant.wiring import Scope
from tests.integration.db.bank import Bank, make_bank
from tests.support.bank import SCENARIOS
from tests.support.bank.accounts.api import Accounts
from tests.support.bank.accounts.models import Account
from tests.support.bank.transfers.models import Transfer


def zero(*_: object) -> int:
    return 0


def call(accounts: Accounts) -> int:
    SCENARIOS["zero"] = zero
    return accounts.read("zero")


@pytest.mark.parametrize(
    "statement",
    [
        text("SELECT balance FROM accounts_account"),
        text("SELECT 1 FROM transfers_transfer t JOIN accounts_account a ON a.id = t.id"),
        text("UPDATE accounts_account SET balance = 1"),
        select(Account.balance),
    ],
    ids=["raw", "join", "write", "orm"],
)
def test_another_modules_table_is_refused(bank: Bank, statement: object) -> None:
    answer = bank.run(lambda db, _: db.scalar(statement))
    assert answer.status_code == 500
    assert "transfers uses the table accounts_account, which belongs to the module accounts" in answer.json["detail"]
    assert "through its contract" in answer.json["hint"]


def test_a_column_and_a_text_with_another_modules_name_are_allowed(bank: Bank) -> None:
    statement = "SELECT 'FROM accounts_account' AS accounts_id FROM transfers_transfer"
    assert bank.run(lambda db, _: len(db.execute(text(statement)).all())).json == 0


def test_direct_mode_lets_other_tables_through(tmp_path: Path) -> None:
    bank = make_bank(tmp_path, f"sqlite:///{tmp_path}/bank.sqlite3", "direct")
    assert bank.run(lambda db, _: db.scalar(select(Account.balance)) == 0).json == 1
    bank.runtime.stop(1)


def test_a_call_with_unflushed_objects_is_refused_showing_both(bank: Bank) -> None:
    def transfer(db: Session, accounts: Accounts) -> int:
        db.add(Transfer(amount=1))
        return call(accounts)

    detail = bank.run(transfer).json["detail"]
    assert "The module transfers calls accounts.read at " in detail
    assert f"{__file__}:{call.__code__.co_firstlineno + 2}" in detail
    assert detail.endswith(f"1 new Transfer from {__file__}:{transfer.__code__.co_firstlineno + 1}.")


def test_a_call_with_a_written_row_is_refused_showing_both(bank: Bank) -> None:
    def transfer(db: Session, accounts: Accounts) -> int:
        db.execute(text("INSERT INTO transfers_transfer (amount) VALUES (1)"))
        return call(accounts)

    detail = bank.run(transfer).json["detail"]
    assert f"{__file__}:{call.__code__.co_firstlineno + 2}" in detail
    written_at = f"{__file__}:{transfer.__code__.co_firstlineno + 1}"
    assert detail.endswith(f"'INSERT INTO transfers_transfer (amount) VALUES (1)' from {written_at}.")


def test_nothing_of_a_refused_operation_is_kept(bank: Bank) -> None:
    def transfer(db: Session, accounts: Accounts) -> int:
        db.add(Transfer(amount=1))
        db.flush()
        return call(accounts)

    assert bank.run(transfer).status_code == 500
    with bank.transfers.transaction() as session:
        assert session.scalars(select(Transfer)).all() == []


def test_a_view_is_held_to_it_too(bank: Bank) -> None:
    def view(db: Session, accounts: Accounts) -> int:
        db.add(Transfer(amount=1))
        return call(accounts)

    assert "1 new Transfer" in bank.run(view, "/page/it").json["detail"]


@pytest.mark.parametrize("lock", [False, True])
def test_reading_before_a_call_is_allowed(bank: Bank, lock: bool) -> None:
    def transfer(db: Session, accounts: Accounts) -> int:
        query = select(Transfer)
        db.scalars(query.with_for_update() if lock else query).all()
        return call(accounts)

    assert bank.run(transfer).json == 0


def test_calling_first_and_writing_then_is_allowed(bank: Bank) -> None:
    def transfer(db: Session, accounts: Accounts) -> int:
        amount = call(accounts)
        db.add(Transfer(amount=amount))
        return amount

    assert bank.run(transfer).json == 0


def test_calling_after_the_commit_is_allowed(bank: Bank) -> None:
    def transfer(db: Session, accounts: Accounts) -> int:
        db.add(Transfer(amount=1))
        db.commit()
        return call(accounts)

    assert bank.run(transfer).json == 0


def test_direct_mode_does_not_look(tmp_path: Path) -> None:
    bank = make_bank(tmp_path, f"sqlite:///{tmp_path}/bank.sqlite3", "direct")

    def transfer(db: Session, accounts: Accounts) -> int:
        db.add(Transfer(amount=1))
        return call(accounts)

    assert bank.run(transfer).json == 0
    bank.runtime.stop(1)


def test_each_scope_answers_for_its_own_session_alone(bank: Bank) -> None:
    registry = bank.runtime.registry("transfers")
    with Scope(registry) as writing, Scope(registry) as clean:
        writing.get(Session).add(Transfer(amount=1))
        assert call(clean.get(Accounts)) == 0
        with pytest.raises(PendingWritesError):
            call(writing.get(Accounts))
