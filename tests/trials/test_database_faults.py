"""A disk that is full, a database that is read-only or gone: refused, nothing damaged, well again by itself (R32)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import event, func, insert, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from tests.integration.db.bank import Bank, make_bank
from tests.support.bank import SCENARIOS
from tests.support.bank.accounts.models import Account
from tests.support.forwarder import Forwarder
from tests.support.trials import dice, record, trials

pytestmark = pytest.mark.trials
ROWS = 600
"""Rows that a payment leaves behind: more than fit into what is free in the file's last page."""

WELL = {
    "sqlite": ("PRAGMA max_page_count=1073741823", "PRAGMA query_only=0"),
    "postgres": ("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",),
    "mariadb": ("SET SESSION TRANSACTION READ WRITE",),
}
READ_ONLY = {
    "sqlite": "PRAGMA query_only=1",
    "postgres": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}
FULL = "PRAGMA max_page_count=1"  # SQLite takes the file's present size for it


@dataclass
class Sick:
    """A bank whose database can be made ill.

    Attributes:
        paid: How many payments were answered as done.
    """

    bank: Bank
    kind: str
    forwarder: Forwarder | None
    paid: int = 0
    illness: tuple[str, ...] = ()
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        event.listen(self.bank.accounts.engine, "checkout", self._infect)

    def _infect(self, connection: Any, *_: Any) -> None:
        cursor = connection.cursor()
        for statement in (*WELL[self.kind], *self.illness):
            cursor.execute(statement)
        cursor.close()
        if self.kind != "sqlite":
            connection.commit()

    def falls_ill(self, how: str) -> None:
        if how == "unreachable":
            assert self.forwarder is not None
            self.forwarder.cut()
        else:
            self.illness = (FULL if how == "full" else READ_ONLY[self.kind],)

    def is_repaired(self) -> None:
        self.illness = ()
        if self.forwarder is not None:
            self.forwarder.cut()
            self.forwarder.restore()

    def pay(self, between: Callable[[Session], None] = lambda db: None) -> Any:
        """Move 1 from an account to another, and leave rows behind."""

        def payment(db: Session) -> int:
            db.execute(update(Account).where(Account.id == 1).values(balance=Account.balance - 1))
            between(db)
            first = (db.scalar(select(func.max(Account.id))) or 0) + 1
            db.execute(insert(Account), [{"id": first + number, "balance": 0} for number in range(ROWS)])
            db.execute(update(Account).where(Account.id == 2).values(balance=Account.balance + 1))
            return 1

        answer = self.bank.run(payment, "/accounts/once/it")
        self.paid += answer.status_code < 300
        return answer

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong.append(what)

    def examine(self) -> None:
        """Look for harm."""
        with self.bank.accounts.transaction() as session:
            if self.kind == "sqlite":
                self.expect(session.scalar(text("PRAGMA integrity_check")) == "ok", "the file is damaged")
            one, two = session.scalars(select(Account.balance).where(Account.id <= 2).order_by(Account.id)).all()
            rows = session.scalar(select(func.count()).select_from(Account))
        self.expect((one, two) == (-self.paid, self.paid), f"{self.paid} payments, balances {one} and {two}")
        self.expect(rows == 2 + ROWS * self.paid, f"{self.paid} payments, {rows} rows")


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def sick(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sick]:
    with _url(request, tmp_path) as (url, forwarder):
        bank = make_bank(tmp_path, url)
        with bank.accounts.transaction() as session:
            session.add(Account(id=2, balance=0))
        yield Sick(bank, request.param, forwarder)
        SCENARIOS.clear()
        bank.runtime.stop(1)


@contextmanager
def _url(request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[str, Forwarder | None]]:
    if request.param == "sqlite":
        yield f"sqlite:///{folder}/bank.sqlite3", None
        return
    url = make_url(request.getfixturevalue(f"{request.param}_url"))
    with Forwarder(f"{url.host}:{url.port}") as forwarder:
        forwarder.restore()
        yield url.set(port=forwarder.port).render_as_string(hide_password=False), forwarder


def one_illness(sick: Sick, random: Random) -> None:
    """Fall ill before a payment or in the middle of one, be asked some more, be repaired."""
    how = random.choice(["full", "read-only"] if sick.kind == "sqlite" else ["read-only", "unreachable"])
    answers = []
    if random.random() < 0.5 and how != "read-only":
        answers.append(sick.pay(lambda db: _in_the_middle(sick, how, db)))
    else:
        sick.falls_ill(how)
    answers += [sick.pay() for _ in range(random.randint(1, 3))]
    for answer in answers:
        retry = answer.headers.get("Retry-After")
        sick.expect(
            (answer.status_code, answer.json.get("code"), retry) == (503, "database-unavailable", "1"),
            f"{how}: {answer.status_code} {answer.get_data(as_text=True)[:200]}",
        )
    sick.is_repaired()
    sick.examine()
    sick.expect(sick.pay().status_code == 200, f"{how}: still refused after the repair")
    sick.examine()


def _in_the_middle(sick: Sick, how: str, db: Session) -> None:
    sick.falls_ill(how)
    if how == "full":
        db.execute(text(FULL))


def test_a_database_that_cannot_write_refuses_and_recovers(sick: Sick) -> None:
    count = trials(50)
    for number in range(count):
        one_illness(sick, dice(f"database-faults-{sick.kind}-{number}"))
    record(
        requirement="R32",
        promised="a database that is full, read-only or gone makes 503 with Retry-After, harms nothing, and recovers",
        tried="SQLite full and read-only; PostgreSQL and MariaDB read-only and cut off; before and amid a transaction; "
        "then repaired",
        count=count,
        failures=sick.wrong,
    )
