import threading

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import OperationalError

from decant.db import ModuleDatabase, effect_of, pending_writes
from tests.unit.db.shelf import Book


@pytest.mark.parametrize(
    ("statement", "effect"),
    [
        ("SELECT 1", "read"),
        ("  select 1", "read"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "read"),
        ("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", "write"),
        ("INSERT INTO t VALUES (1)", "write"),
        ("CREATE TABLE t (x)", "write"),
        ("SAVEPOINT a", "write"),
        ("PRAGMA user_version", "none"),
        ("ROLLBACK TO a", "none"),
        ("-- hidden\nDELETE FROM t", "write"),
    ],
)
def test_statements_are_told_apart(statement: str, effect: str) -> None:
    assert effect_of(statement) == effect


def test_a_reader_that_turns_into_a_writer_waits_for_another_writer(database: ModuleDatabase) -> None:
    wrote = threading.Event()

    def write() -> None:
        with database.transaction() as other:
            other.add(Book(title="Persuasion"))
            other.flush()
            wrote.set()
            threading.Event().wait(0.05)  # holds the lock while the reader asks for it

    writer = threading.Thread(target=write)
    with database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Book)) == 0
        writer.start()
        assert wrote.wait(5)
        session.add(Book(title="Emma"))
        session.flush()
        assert session.scalar(select(func.count()).select_from(Book)) == 2
    writer.join()


def test_a_transaction_that_only_reads_sees_one_state(database: ModuleDatabase) -> None:
    with database.transaction() as reader:
        assert reader.scalar(select(func.count()).select_from(Book)) == 0
        with database.transaction() as writer:
            writer.add(Book(title="Emma"))
        assert reader.scalar(select(func.count()).select_from(Book)) == 0


def test_reading_for_update_takes_the_lock(database: ModuleDatabase) -> None:
    with database.transaction() as first:
        first.scalars(select(Book).with_for_update()).all()
        with database.transaction() as second, pytest.raises(OperationalError, match="locked"):
            second.scalars(select(Book).with_for_update()).all()


def test_getting_one_row_for_update_takes_the_lock(database: ModuleDatabase) -> None:
    with database.transaction() as first:
        first.get(Book, 1, with_for_update=True)
        with database.transaction() as second, pytest.raises(OperationalError, match="locked"):
            second.execute(text("INSERT INTO shelf_book (title) VALUES ('Emma')"))


def test_readers_do_not_wait_for_a_writer(database: ModuleDatabase) -> None:
    with database.transaction() as writer:
        writer.add(Book(title="Emma"))
        writer.flush()
        with database.transaction() as reader:
            assert reader.scalar(select(func.count()).select_from(Book)) == 0


def test_a_savepoint_rolls_back_alone(database: ModuleDatabase) -> None:
    with database.transaction() as session:
        session.add(Book(title="Emma"))
        inner = session.begin_nested()
        session.add(Book(title="Sanditon"))
        inner.rollback()
    with database.transaction() as session:
        assert session.scalars(select(Book.title)).all() == ["Emma"]


def test_a_failed_ddl_transaction_leaves_nothing(database: ModuleDatabase) -> None:
    with database.engine.connect() as connection:
        connection.execute(text("CREATE TABLE shelf_half (x)"))
        with pytest.raises(OperationalError):
            connection.execute(text("NONSENSE"))
        connection.rollback()
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM sqlite_master WHERE name = 'shelf_half'")) == 0


def test_autocommit_is_left_alone(database: ModuleDatabase) -> None:
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM"))
        connection.execute(insert(Book.__table__), {"title": "Emma"})
    with database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Book)) == 1


def test_after_autocommit_the_connection_has_transactions_again(database: ModuleDatabase) -> None:
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT 1"))
    with database.engine.connect() as connection:
        connection.execute(insert(Book.__table__), {"title": "Emma"})
        connection.rollback()
        assert connection.scalar(select(func.count()).select_from(Book)) == 0


class TestPendingWrites:
    def test_an_unused_session_has_none(self, database: ModuleDatabase) -> None:
        with database.transaction() as session:
            assert not pending_writes(session)

    def test_reading_is_not_writing(self, database: ModuleDatabase) -> None:
        with database.transaction() as session:
            session.scalars(select(Book)).all()
            assert not pending_writes(session)

    def test_an_added_object_is_one_before_it_is_flushed(self, database: ModuleDatabase) -> None:
        with database.transaction() as session:
            session.add(Book(title="Emma"))
            assert pending_writes(session)

    def test_a_flushed_object_is_one_until_the_commit(self, database: ModuleDatabase) -> None:
        with database.transaction() as session:
            session.add(Book(title="Emma"))
            session.flush()
            assert pending_writes(session)
            session.commit()
            assert not pending_writes(session)

    def test_raw_sql_counts(self, database: ModuleDatabase) -> None:
        with database.transaction() as session:
            session.execute(text("INSERT INTO shelf_book (title) VALUES ('Emma')"))
            assert pending_writes(session)

    def test_the_next_transaction_of_a_session_begins_clean(self, database: ModuleDatabase) -> None:
        with database.transaction() as session:
            session.add(Book(title="Emma"))
            session.commit()
            session.scalars(select(Book)).all()
            assert not pending_writes(session)
