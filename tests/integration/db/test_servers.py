"""What a module's database promises, on real servers as on SQLite."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from decant.db import DatabaseUnavailable, Migrations, ModuleBase, ModuleDatabase, create_infrastructure, pending_writes
from decant.db.locks import migration_lock
from decant.events import EmbeddedTransport, Event, EventRunner, Participant, Retries, on, publish

MODULE = "bank"


class Base(ModuleBase, DeclarativeBase, module=MODULE):
    pass


class Account(Base):
    id: Mapped[int] = mapped_column(primary_key=True)
    balance: Mapped[int]


class Paid(Event, type=f"{MODULE}.paid", key="account"):
    account: int
    amount: int


@on(Paid)
def book(event: Paid, db: Session) -> None:
    account = db.get(Account, event.account, with_for_update=True)
    assert account is not None
    account.balance += event.amount


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ModuleDatabase]:
    embedded = f"sqlite:///{tmp_path}/{MODULE}.sqlite3"
    url = embedded if request.param == "sqlite" else request.getfixturevalue(f"{request.param}_url")
    made = ModuleDatabase(MODULE, url)
    yield made
    made.close()


@pytest.fixture
def tables(database: ModuleDatabase) -> None:
    with database.engine.begin() as connection:
        Base.metadata.create_all(connection)
        create_infrastructure(connection, MODULE)
    with database.transaction() as session:
        session.add(Account(id=1, balance=0))


def balance(database: ModuleDatabase) -> int:
    with database.transaction() as session:
        return session.scalar(select(Account.balance)) or 0


def test_it_answers_its_health_check(database: ModuleDatabase) -> None:
    database.check()


@pytest.mark.usefixtures("tables")
def test_a_failed_transaction_leaves_nothing(database: ModuleDatabase) -> None:
    session = database.session()
    session.add(Account(id=2, balance=1))
    session.flush()
    database.close_session(session, False)
    with database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Account)) == 1


@pytest.mark.usefixtures("tables")
def test_written_rows_are_seen_as_pending(database: ModuleDatabase) -> None:
    with database.transaction() as session:
        session.scalars(select(Account)).all()
        assert not pending_writes(session)
        session.execute(text(f"UPDATE {MODULE}_account SET balance = 3"))
        assert pending_writes(session)


@pytest.mark.usefixtures("tables")
def test_reading_for_update_keeps_concurrent_changes_apart(database: ModuleDatabase) -> None:
    def pay() -> None:
        for _ in range(10):
            with database.transaction() as session:
                account = session.get(Account, 1, with_for_update=True)
                assert account is not None
                account.balance += 1

    threads = [threading.Thread(target=pay) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert balance(database) == 40


def test_it_migrates_and_finds_itself_in_step(database: ModuleDatabase, tmp_path: Path) -> None:
    migrations = Migrations(database, tmp_path / "migrations", Base.metadata)
    migrations.revision("first tables", autogenerate=True)
    revision = migrations.upgrade()
    assert revision is not None
    assert migrations.current() == revision
    assert migrations.upgrade() == revision
    assert migrations.differences() == []


def test_several_starters_migrate_once(database: ModuleDatabase, tmp_path: Path) -> None:
    migrations = Migrations(database, tmp_path / "migrations", Base.metadata)
    migrations.revision("first tables", autogenerate=True)
    stands: list[str | None] = []
    starters = [threading.Thread(target=lambda: stands.append(migrations.upgrade())) for _ in range(3)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert len(stands) == 3
    assert len(set(stands)) == 1


def test_the_migration_lock_keeps_others_out(database: ModuleDatabase) -> None:
    with (
        database.engine.connect() as first,
        database.engine.connect() as second,
        migration_lock(first, MODULE, 1),
        pytest.raises(DatabaseUnavailable, match="locked"),
        migration_lock(second, MODULE, 0.1),
    ):
        pass


@pytest.mark.usefixtures("tables")
def test_events_travel_and_are_applied_once(database: ModuleDatabase, tmp_path: Path) -> None:
    transport = EmbeddedTransport(tmp_path / "events.sqlite3")
    runner = EventRunner(tmp_path, transport, [Participant(database, [book])])
    with database.transaction() as session:
        for _ in range(20):
            publish(session, Paid(account=1, amount=2))
    runner.drain()
    runner.stop()
    with transport.writing() as log:
        log.execute("DELETE FROM offsets")
    runner = EventRunner(tmp_path, transport, [Participant(database, [book])])
    runner.drain()
    assert (balance(database), Retries(database).letters()) == (40, [])
    runner.stop()
    transport.close()


@pytest.mark.mariadb
def test_an_unreachable_mariadb_is_unavailable() -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
        ModuleDatabase(MODULE, "mariadb://root@127.0.0.1:1/test").check()


@pytest.mark.postgres
def test_a_postgres_connection_that_the_server_cut_is_replaced(postgres_url: str) -> None:
    database = ModuleDatabase(MODULE, postgres_url, pool_size=1)
    with database.engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    other = ModuleDatabase("other", postgres_url)
    with other.engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    database.check()
    database.close()
    other.close()


@pytest.mark.postgres
def test_a_missing_postgres_database_is_told_as_such(postgres_url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="does not exist on its server"):
        ModuleDatabase(MODULE, postgres_url + "_not").check()


@pytest.mark.postgres
def test_plain_urls_work_without_naming_a_driver(postgres_url: str) -> None:
    database = ModuleDatabase(MODULE, postgres_url.replace("postgresql+psycopg:", "postgres:"))
    database.check()
    database.close()
