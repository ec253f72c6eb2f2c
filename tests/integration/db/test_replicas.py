"""Reading from a replica: explicit, refused for writes, and the same without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from decant import init_app
from decant.db import DatabaseUnavailable, ModuleDatabase, ReadOnlySessionError, ReadSession
from decant.service import Runtime
from tests.support.bank import accounts
from tests.support.bank.accounts.models import Account, Base


def fill(url: str, balance: int) -> None:
    database = ModuleDatabase("accounts", url)
    Base.metadata.create_all(database.engine)
    with database.transaction() as session:
        session.add(Account(id=1, balance=balance))
    database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def two_urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A primary with a balance of 1 and, to tell them apart, a replica with a balance of 2."""
    if request.param == "sqlite":
        urls = f"sqlite:///{tmp_path}/primary.sqlite3", f"sqlite:///{tmp_path}/replica.sqlite3"
        admin = None
    else:
        import psycopg

        primary: str = request.getfixturevalue("postgres_url")
        urls = primary, f"{primary}_replica"
        admin = psycopg.connect(primary.replace("+psycopg", ""), autocommit=True)
        admin.execute(f"CREATE DATABASE {primary.rpartition('/')[2]}_replica")
    for balance, url in enumerate(urls, 1):
        fill(url, balance)
    yield urls
    if admin is not None:
        admin.execute(f"DROP DATABASE {urls[1].rpartition('/')[2]} WITH (FORCE)")
        admin.close()


@pytest.fixture(params=["replica", "primary"])
def database(request: pytest.FixtureRequest, two_urls: tuple[str, str]) -> Iterator[ModuleDatabase]:
    made = ModuleDatabase("accounts", two_urls[0], replica_url=two_urls[1] if request.param == "replica" else None)
    yield made
    made.close()


def balance(session: Session) -> int | None:
    return session.scalar(select(Account.balance))


def runtime_with(folder: Path, **environ: str) -> Runtime:
    app = Flask("bank", root_path=str(folder))
    return init_app(app, [accounts.module], environ={"DECANT_HOME": str(folder), **environ})


def seen_by(runtime: Runtime) -> tuple[int | None, int | None]:
    with runtime.registry("accounts").open() as scope:
        seen = balance(scope.get(Session)), balance(scope.get(ReadSession))
    runtime.stop(1)
    return seen


@pytest.mark.parametrize("common", [False, True])
def test_a_read_session_reads_from_the_replica_that_a_setting_names(
    two_urls: tuple[str, str], tmp_path: Path, common: bool
) -> None:
    prefix = "" if common else "ACCOUNTS_"
    names = f"{prefix}DATABASE_URL", f"{prefix}DATABASE_REPLICA_URL"
    assert seen_by(runtime_with(tmp_path, **dict(zip(names, two_urls, strict=True)))) == (1, 2)


def test_without_a_replica_it_reads_from_the_primary(two_urls: tuple[str, str], tmp_path: Path) -> None:
    assert seen_by(runtime_with(tmp_path, DATABASE_URL=two_urls[0])) == (1, 1)


def test_the_common_replica_is_not_that_of_a_modules_own_database(two_urls: tuple[str, str], tmp_path: Path) -> None:
    environ = {"ACCOUNTS_DATABASE_URL": two_urls[0], "DATABASE_REPLICA_URL": two_urls[1]}
    assert seen_by(runtime_with(tmp_path, **environ)) == (1, 1)


@pytest.mark.parametrize(
    "write",
    [
        lambda db: db.execute(update(Account).values(balance=9)),
        lambda db: db.execute(text("UPDATE accounts_account SET balance = 9")),
        lambda db: db.connection().exec_driver_sql("DELETE FROM accounts_account"),
        lambda db: db.scalars(select(Account).with_for_update()).all(),
        lambda db: (db.add(Account(id=7, balance=9)), db.flush()),
        lambda db: (db.add(Account(id=7, balance=9)), db.commit()),
        lambda db: (setattr(db.get(Account, 1), "balance", 9), db.flush()),
        lambda db: (db.delete(db.get(Account, 1)), db.scalar(select(func.count()).select_from(Account))),
    ],
    ids=["core", "text", "driver", "lock", "add", "commit", "change", "delete"],
)
def test_writing_is_refused_with_and_without_a_replica(database: ModuleDatabase, write: Any) -> None:
    session = database.read_session()
    before = balance(session)
    with pytest.raises(ReadOnlySessionError, match="The module accounts writes through a ReadSession"):
        write(session)
    database.close_read_session(session, False)
    session = database.read_session()
    assert balance(session) == before
    database.close_read_session(session, True)


def test_changes_that_would_be_lost_are_told_at_the_end(database: ModuleDatabase) -> None:
    session = database.read_session()
    session.add(Account(id=7, balance=9))
    with pytest.raises(ReadOnlySessionError, match="changes to Account"):
        database.close_read_session(session, True)


def test_the_ordinary_session_still_writes(database: ModuleDatabase) -> None:
    reading = database.read_session()
    assert balance(reading)
    database.close_read_session(reading, True)
    with database.transaction() as session:
        session.execute(update(Account).values(balance=5))
    with database.transaction() as session:
        assert balance(session) == 5


def test_a_replica_that_cannot_be_reached_is_unavailable_and_the_primary_serves_on(
    two_urls: tuple[str, str], tmp_path: Path
) -> None:
    away = "postgresql://postgres@127.0.0.1:1/none"
    runtime = runtime_with(tmp_path, DATABASE_URL=two_urls[0], DATABASE_REPLICA_URL=away)
    with pytest.raises(DatabaseUnavailable, match="cannot be reached"), runtime.registry("accounts").open() as scope:
        balance(scope.get(ReadSession))
    with runtime.registry("accounts").open() as scope:
        assert balance(scope.get(Session)) == 1
    runtime.stop(1)
