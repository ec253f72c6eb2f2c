"""What a call's deadline means for its database work."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from decant.context import EMPTY, current, deadline, use
from decant.db import DatabaseUnavailable, ModuleDatabase
from decant.errors import DeadlineExceeded
from tests.integration.db.bank import Bank
from tests.support.bank import SCENARIOS
from tests.support.bank.accounts.api import Accounts
from tests.support.bank.accounts.models import Account


@contextmanager
def time_over() -> Iterator[None]:
    with use(current.get().replace(deadline=time.monotonic())):
        yield


def add_one(db: Session) -> int:
    db.execute(update(Account).values(balance=Account.balance + 1))
    return 1


def test_no_statement_begins_once_the_time_is_over(bank: Bank) -> None:
    session = bank.accounts.session()
    add_one(session)
    with time_over(), pytest.raises(DeadlineExceeded, match="before a statement of module accounts began") as caught:
        add_one(session)
    assert (caught.value.status, caught.value.may_have_run) == (504, True)
    bank.accounts.close_session(session, False)
    assert bank.balance() == 0


def test_no_commit_begins_once_the_time_is_over(bank: Bank) -> None:
    session = bank.accounts.session()
    add_one(session)
    with time_over(), pytest.raises(DeadlineExceeded, match="before the commit of module accounts began"):
        bank.accounts.close_session(session, True)
    assert bank.balance() == 0


def test_a_commit_of_the_operations_own_is_refused_too_and_the_session_goes_on(bank: Bank) -> None:
    session = bank.accounts.session()
    add_one(session)
    with time_over(), pytest.raises(DeadlineExceeded):
        session.commit()
    session.rollback()
    add_one(session)
    bank.accounts.close_session(session, True)
    assert bank.balance() == 1


def test_what_was_read_in_time_may_be_returned_late(bank: Bank) -> None:
    session = bank.accounts.session()
    assert session.scalar(select(Account.balance)) == 0
    with time_over():
        bank.accounts.close_session(session, True)


def test_a_transaction_can_always_be_rolled_back(bank: Bank) -> None:
    session = bank.accounts.session()
    add_one(session)
    with time_over():
        session.rollback()
        bank.accounts.close_session(session, False)
    assert bank.balance() == 0


def test_a_savepoint_can_always_be_rolled_back(bank: Bank) -> None:
    session = bank.accounts.session()
    add_one(session)
    savepoint = session.begin_nested()
    add_one(session)
    with time_over():
        savepoint.rollback()
    bank.accounts.close_session(session, True)
    assert bank.balance() == 1


@pytest.mark.parametrize("mode", ["direct", "strict"])
def test_an_operation_whose_time_is_over_fails_and_changes_nothing(bank: Bank, mode: str) -> None:
    def slow(db: Session) -> int:
        add_one(db)
        threading.Event().wait(0.06)
        return 1

    SCENARIOS["it"] = slow
    with deadline(0.05), pytest.raises(DeadlineExceeded):
        bank.runtime.client(Accounts).set("it")
    assert bank.balance() == 0


def test_nobody_waits_for_a_lock_beyond_the_deadline(bank: Bank) -> None:
    with bank.accounts.transaction() as session:
        add_one(session)
        started = time.monotonic()
        with deadline(0.2), pytest.raises((DatabaseUnavailable, DeadlineExceeded)), bank.accounts.transaction() as late:
            add_one(late)
        waited = time.monotonic() - started
    seconds = 1.0 if "mysql" in str(bank.accounts.url) else 0.2  # MariaDB counts whole ones
    assert seconds - 0.05 <= waited < seconds + 1.0
    assert bank.balance() == 1


def test_a_short_deadline_leaves_later_calls_their_patience(bank: Bank) -> None:
    limit = {
        "sqlite": "SELECT timeout FROM pragma_busy_timeout",
        "postgresql": "SELECT current_setting('lock_timeout')",
        "mysql": "SELECT @@innodb_lock_wait_timeout",
    }[bank.accounts.url.get_backend_name()]

    def patience() -> str:
        with bank.accounts.transaction() as session:
            session.execute(text("SELECT 1"))
            return str(session.scalar(text(limit)))

    usual = patience()
    with deadline(0.5), bank.accounts.transaction() as session:
        add_one(session)
    assert patience() == usual
    with deadline(60):
        assert patience() == usual


def test_nobody_waits_for_a_connection_beyond_the_deadline(url: str) -> None:
    database = ModuleDatabase("accounts", url, pool_size=1, max_overflow=0, pool_timeout_s=30)
    with database.transaction() as session:
        session.execute(text("SELECT 1"))
        started = time.monotonic()
        with deadline(0.1), pytest.raises(DatabaseUnavailable, match="no free connection"):
            database.check()
        assert time.monotonic() - started < 5
    database.close()


def test_work_without_a_deadline_is_left_alone(bank: Bank) -> None:
    with time_over(), use(EMPTY), bank.accounts.transaction() as session:
        add_one(session)
    assert bank.balance() == 1
