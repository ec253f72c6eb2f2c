"""A database that cannot answer: 503 with ``Retry-After``, nothing half done, and well again by itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from decant.db import DatabaseUnavailable
from decant.events import EmbeddedTransport, Event, EventRunner, Participant, Retries, on
from tests.integration.db.bank import Bank, make_bank
from tests.support.bank import SCENARIOS
from tests.support.bank.accounts.api import Accounts
from tests.support.bank.accounts.models import Account
from tests.support.forwarder import Forwarder


def add_one(db: Session, *_: object) -> int:
    db.execute(update(Account).values(balance=Account.balance + 1))
    return 1


def refused(answer: Any, why: str) -> bool:
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "1"), answer.get_data(as_text=True)
    assert answer.json["code"] == "database-unavailable"
    assert why in answer.json["detail"]
    return True


@pytest.fixture(
    params=[pytest.param("postgres", marks=pytest.mark.postgres), pytest.param("mariadb", marks=pytest.mark.mariadb)]
)
def server_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def forwarder(server_url: str) -> Iterator[Forwarder]:
    url = make_url(server_url)
    with Forwarder(f"{url.host}:{url.port}") as made:
        yield made


def through(forwarder: Forwarder, url: str) -> str:
    return make_url(url).set(port=forwarder.port).render_as_string()


@pytest.mark.parametrize("mode", ["direct", "strict"])
def test_a_server_that_is_down_at_the_start_is_found_later(
    forwarder: Forwarder, server_url: str, tmp_path: Path, mode: Any
) -> None:
    make_bank(tmp_path, server_url).runtime.stop(1)
    bank = make_bank(tmp_path, through(forwarder, server_url), mode, tables=False)
    assert refused(bank.run(add_one, "/accounts/set/it"), "The database of module accounts cannot be reached.")
    forwarder.restore()
    assert bank.run(add_one, "/accounts/set/it").json == 1
    bank.runtime.stop(1)


def test_a_server_that_goes_away_between_requests_and_comes_back(
    forwarder: Forwarder, server_url: str, tmp_path: Path
) -> None:
    forwarder.restore()
    bank = make_bank(tmp_path, through(forwarder, server_url))
    forwarder.cut()
    assert refused(bank.run(add_one, "/accounts/set/it"), "cannot be reached")
    forwarder.restore()
    assert bank.run(add_one, "/accounts/set/it").json == 1
    assert bank.balance() == 1
    bank.runtime.stop(1)


def test_a_server_that_goes_away_in_the_middle_leaves_nothing_half_done(
    forwarder: Forwarder, server_url: str, tmp_path: Path
) -> None:
    forwarder.restore()
    bank = make_bank(tmp_path, through(forwarder, server_url))

    def interrupted(db: Session) -> int:
        add_one(db)
        forwarder.cut()
        return add_one(db)

    assert refused(bank.run(interrupted, "/accounts/set/it"), "cannot be reached")
    forwarder.restore()
    assert bank.balance() == 0
    bank.runtime.stop(1)


def test_a_server_that_goes_away_before_the_commit_leaves_open_whether_it_was_done(
    forwarder: Forwarder, server_url: str, tmp_path: Path
) -> None:
    forwarder.restore()
    bank = make_bank(tmp_path, through(forwarder, server_url))
    session = bank.accounts.session()
    add_one(session)
    forwarder.cut()
    with pytest.raises(DatabaseUnavailable) as caught:
        bank.accounts.close_session(session, True)
    assert (caught.value.reason, caught.value.may_have_run) == ("unreachable", True)
    forwarder.restore()
    assert bank.run(add_one, "/accounts/set/it").json == 1
    bank.runtime.stop(1)


def test_the_operations_own_error_is_not_hidden_by_a_lost_connection(
    forwarder: Forwarder, server_url: str, tmp_path: Path
) -> None:
    forwarder.restore()
    bank = make_bank(tmp_path, through(forwarder, server_url))

    def wrong(db: Session) -> int:
        add_one(db)
        forwarder.cut()
        raise LookupError("the real reason")

    with pytest.raises(LookupError, match="the real reason"), bank.runtime.registry("accounts").open() as scope:
        wrong(scope.get(Session))
    bank.runtime.stop(1)


@pytest.fixture
def kind(url: str) -> str:
    return make_url(url).get_backend_name().replace("postgresql", "postgres").replace("mysql", "mariadb")


def with_option(url: str, option: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{option}"


def read_only(url: str, kind: str) -> str:
    options = {
        "sqlite": f"{url.replace('sqlite:///', 'sqlite:///file:')}?mode=ro&uri=true",
        "postgres": with_option(url, "options=-c%20default_transaction_read_only%3Don"),
        "mariadb": with_option(url, "init_command=SET%20SESSION%20TRANSACTION%20READ%20ONLY"),
    }
    return options[kind]


def test_a_read_only_database_is_read_and_not_written(bank: Bank, url: str, kind: str, tmp_path: Path) -> None:
    other = make_bank(tmp_path, read_only(url, kind), tables=False)
    assert other.run(lambda db: len(db.execute(text("SELECT 1 FROM accounts_account")).all()), "/accounts/read/it").json
    assert refused(other.run(add_one, "/accounts/set/it"), "read-only")
    assert bank.balance() == 0
    other.runtime.stop(1)


def impatient(bank: Bank, url: str, kind: str, path: Path) -> Bank:
    if kind == "sqlite":
        made = make_bank(path, url, tables=False)
        event.listen(made.accounts.engine, "connect", lambda found, _: found.execute("PRAGMA busy_timeout=50").close())
        return made
    options = {
        "postgres": "options=-c%20lock_timeout%3D50",
        "mariadb": "init_command=SET%20innodb_lock_wait_timeout%3D1",
    }
    return make_bank(path, with_option(url, options[kind]), tables=False)


def test_a_lock_that_another_writer_keeps_is_given_up_on(bank: Bank, url: str, kind: str, tmp_path: Path) -> None:
    other = impatient(bank, url, kind, tmp_path)
    with bank.accounts.transaction() as session:
        add_one(session)
        assert refused(other.run(add_one, "/accounts/set/it"), "is locked by another writer")
    assert other.run(add_one, "/accounts/set/it").json == 1
    assert bank.balance() == 2
    other.runtime.stop(1)


def test_a_full_database_keeps_nothing_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    bank = make_bank(tmp_path, f"sqlite:///{tmp_path}/bank.sqlite3")
    bank.accounts.close()
    limit = ["PRAGMA max_page_count=1"]
    event.listen(bank.accounts.engine, "connect", lambda found, _: found.execute(limit[0]).close())

    def grow(db: Session) -> int:
        add_one(db)
        db.add_all([Account(id=number, balance=0) for number in range(2, 5000)])
        return 1

    assert refused(bank.run(grow, "/accounts/set/it"), "has no room left")
    assert bank.balance() == 0
    bank.accounts.close()
    assert bank.run(grow, "/accounts/set/it").json == 1
    bank.runtime.stop(1)


def test_a_caller_in_the_same_process_gets_the_typed_error(tmp_path: Path) -> None:
    bank = make_bank(tmp_path, "postgresql://127.0.0.1:1/none", "direct", tables=False)
    SCENARIOS["it"] = add_one
    with pytest.raises(DatabaseUnavailable) as caught:
        bank.runtime.client(Accounts).set("it")
    assert (caught.value.module, caught.value.may_have_run) == ("accounts", False)
    assert isinstance(caught.value.__cause__, OperationalError)


def test_a_view_answers_503_too(tmp_path: Path) -> None:
    bank = make_bank(tmp_path, "mariadb://root@127.0.0.1:1/none", tables=False)
    assert refused(bank.run(lambda db, _: db.scalar(text("SELECT 1")), "/page/it"), "module transfers cannot be")


def test_a_wrong_statement_stays_the_operations_own_failure(bank: Bank) -> None:
    assert bank.run(lambda db: db.scalar(text("SELECT nonsense")), "/accounts/set/it").status_code == 500


def test_an_operation_may_handle_the_error_itself(tmp_path: Path) -> None:
    bank = make_bank(tmp_path, "postgresql://127.0.0.1:1/none", tables=False)

    def careful(db: Session) -> int:
        try:
            return add_one(db)
        except OperationalError:
            return -1

    assert bank.run(careful, "/accounts/set/it").json == -1


class Counted(Event, type="accounts.counted"):
    pass


@on(Counted)
def count(_event: Counted, db: Session) -> None:
    add_one(db)


def test_a_handler_waits_for_its_database(forwarder: Forwarder, server_url: str, tmp_path: Path) -> None:
    from decant.db import create_infrastructure
    from decant.events import publish

    forwarder.restore()
    bank = make_bank(tmp_path, through(forwarder, server_url))
    with bank.accounts.engine.begin() as connection:
        create_infrastructure(connection, "accounts")
    transport = EmbeddedTransport(tmp_path / "log.sqlite3")
    runner = EventRunner(tmp_path, transport, [Participant(bank.accounts, [count])])
    with bank.accounts.transaction() as session:
        publish(session, Counted())
    runner.drain()
    assert (bank.balance(), Retries(bank.accounts).letters()) == (1, [])
    runner.stop()
    transport.close()
    bank.runtime.stop(1)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_the_password_is_never_told(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bank = make_bank(tmp_path, f"{kind}://bob:hunter2@127.0.0.1:1/none", tables=False)
    with caplog.at_level(logging.DEBUG):
        answer = bank.run(add_one, "/accounts/set/it")
        health = bank.client.get("/health/ready")
    told = answer.get_data(as_text=True) + health.get_data(as_text=True) + caplog.text
    assert answer.status_code == 503
    assert "hunter2" not in told


def test_a_database_that_does_not_exist_is_named_as_missing(server_url: str, tmp_path: Path) -> None:
    url = make_url(server_url).set(database="decant_no_such_database").render_as_string(hide_password=False)
    bank = make_bank(tmp_path, url, tables=False)
    assert refused(bank.run(add_one, "/accounts/set/it"), "module accounts does not exist on its server")
    bank.runtime.stop(1)


def test_a_refused_login_is_told_as_such(server_url: str, tmp_path: Path) -> None:
    url = make_url(server_url).set(username="decant_nobody", password="hunter2").render_as_string(hide_password=False)
    bank = make_bank(tmp_path, url, tables=False)
    assert refused(bank.run(add_one, "/accounts/set/it"), "module accounts refused the login")
    bank.runtime.stop(1)


def test_a_file_in_a_folder_that_cannot_be_made_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bank = make_bank(tmp_path, f"sqlite:///{tmp_path}/file/bank.sqlite3", tables=False)
    assert refused(bank.run(add_one, "/accounts/set/it"), "cannot be reached")
    (tmp_path / "file").unlink()
    assert bank.accounts.check() is None
    bank.runtime.stop(1)
