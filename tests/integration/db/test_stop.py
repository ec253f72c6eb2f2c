"""A service that stops while a request runs."""

import threading

from sqlalchemy import update
from sqlalchemy.orm import Session

from tests.integration.db.bank import Bank
from tests.support.bank.accounts.models import Account


def test_a_request_that_runs_while_the_service_stops_keeps_its_connection(bank: Bank) -> None:
    working, stopped = threading.Event(), threading.Event()

    def slow(db: Session) -> int:
        db.execute(update(Account).values(balance=1))
        working.set()
        assert stopped.wait(10)
        db.execute(update(Account).values(balance=Account.balance + 1))
        return 1

    answers = []
    asking = threading.Thread(target=lambda: answers.append(bank.run(slow, "/accounts/set/it")))
    asking.start()
    assert working.wait(10)
    bank.runtime.stop(1)
    stopped.set()
    asking.join()
    assert [answer.status_code for answer in answers] == [200]
    assert bank.balance() == 2
