import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session

from decant.db import DatabaseUnavailable, ModuleDatabase
from decant.wiring import Registry
from tests.unit.db.shelf import Book


def count(database: ModuleDatabase) -> int:
    with database.transaction() as session:
        return session.scalar(select(func.count()).select_from(Book)) or 0


def test_a_session_says_whose_it_is(database: ModuleDatabase) -> None:
    with database.transaction() as session:
        assert session.info["decant.module"] == "shelf"


def test_a_scope_commits_when_it_succeeds(database: ModuleDatabase) -> None:
    registry = Registry()
    registry.add_factory(Session, lambda scope: database.session(), close=database.close_session)
    with registry.open() as scope:
        scope.get(Session).add(Book(title="Emma"))
    assert count(database) == 1


def test_a_scope_rolls_back_when_it_fails(database: ModuleDatabase) -> None:
    registry = Registry()
    registry.add_factory(Session, lambda scope: database.session(), close=database.close_session)
    scope = registry.open()
    scope.get(Session).add(Book(title="Emma"))
    scope.get(Session).flush()
    scope.close(False)
    assert count(database) == 0


def test_an_unused_session_touches_no_connection(database: ModuleDatabase) -> None:
    begun = []
    event.listen(database.engine, "begin", begun.append)
    database.close_session(database.session(), True)
    assert begun == []


def test_a_session_is_used_again_without_its_objects(database: ModuleDatabase) -> None:
    first = database.session()
    first.add(Book(title="Emma"))
    database.close_session(first, True)
    second = database.session()
    assert second is first
    assert list(second) == []
    database.close_session(second, True)


def test_objects_left_after_the_users_own_commit_are_dropped(database: ModuleDatabase) -> None:
    session = database.session()
    book = Book(title="Emma")
    session.add(book)
    session.commit()
    database.close_session(session, True)
    assert list(session) == []


def test_results_can_be_read_after_the_commit(database: ModuleDatabase) -> None:
    with database.transaction() as session:
        book = Book(title="Emma")
        session.add(book)
    assert book.title == "Emma"


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(ModuleDatabase("shelf", "postgresql://u:secret@h/d"))


def test_a_healthy_database_passes_its_check(database: ModuleDatabase) -> None:
    database.check()


def test_an_unreachable_database_fails_its_check_with_503() -> None:
    database = ModuleDatabase("shelf", "postgresql://postgres@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable, match="cannot be reached") as caught:
        database.check()
    assert (caught.value.status, caught.value.reason) == (503, "unreachable")
    assert caught.value.headers() == {"Retry-After": "1"}


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite3").write_bytes(b"not a database at all" * 100)
    database = ModuleDatabase("shelf", f"sqlite:///{tmp_path}/x.sqlite3")
    with pytest.raises(DatabaseUnavailable, match="damaged"):
        database.check()


def test_a_commit_without_an_answer_may_have_run(database: ModuleDatabase) -> None:
    def fail(connection: object) -> None:
        import sqlite3

        from sqlalchemy.exc import OperationalError

        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR_WRITE"
        raise OperationalError("COMMIT", None, error)

    event.listen(database.engine, "commit", fail)
    session = database.session()
    session.add(Book(title="Emma"))
    with pytest.raises(DatabaseUnavailable) as caught:
        database.close_session(session, True)
    assert caught.value.may_have_run


def test_a_forked_child_makes_its_own_connections(database: ModuleDatabase) -> None:
    parents = database.engine
    kept = database.session()
    database.close_session(kept, True)
    child = os.fork()
    if child == 0:
        new = database.session()
        new.execute(text("INSERT INTO shelf_book (title) VALUES ('child')"))
        same = new is kept or database.engine is parents
        database.close_session(new, True)
        os._exit(1 if same else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert count(database) == 1


def test_closing_leaves_a_session_in_use_alone(database: ModuleDatabase) -> None:
    session = database.session()
    session.add(Book(title="Emma"))
    session.flush()
    database.close()
    session.add(Book(title="Persuasion"))
    database.close_session(session, True)
    assert count(database) == 2


def test_a_connection_that_was_in_use_while_closing_is_closed_when_it_comes_back(database: ModuleDatabase) -> None:
    session = database.session()
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    database.close()
    database.close_session(session, True)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_idle_connections_are_closed_at_once(database: ModuleDatabase) -> None:
    with database.transaction() as session:
        connection = session.connection().connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    database.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_a_session_from_before_the_closing_is_not_kept(database: ModuleDatabase) -> None:
    before = database.session()
    database.close()
    database.close_session(before, True)
    assert database.session() is not before


def test_a_database_in_memory_is_not_taken_from_its_user() -> None:
    database = ModuleDatabase("shelf", "sqlite://")
    with database.transaction() as session:
        session.execute(text("CREATE TABLE shelf_book (id INTEGER PRIMARY KEY, title TEXT)"))
        database.close()
        assert session.scalar(select(func.count()).select_from(Book)) == 0
