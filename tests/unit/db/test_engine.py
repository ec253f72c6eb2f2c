import multiprocessing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from decant.db import ModuleDatabase, engine_for
from tests.unit.db.shelf import Base, Book, Note


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 200)]
)
def test_every_sqlite_connection_is_set_up_for_safety(database: ModuleDatabase, pragma: str, value: object) -> None:
    with database.engine.connect() as connection:
        assert connection.scalar(text(f"PRAGMA {pragma}")) == value


def test_foreign_keys_are_checked(database: ModuleDatabase) -> None:
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.add(Note(book_id=404))


def test_the_folder_of_an_sqlite_file_is_made(tmp_path: Path) -> None:
    engine = engine_for(f"sqlite:///{tmp_path}/deep/down/x.sqlite3")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()


def test_a_database_in_memory_is_one_database() -> None:
    memory = ModuleDatabase("shelf", "sqlite://")
    Base.metadata.create_all(memory.engine)
    with memory.transaction() as session:
        session.add(Book(title="Emma"))
    with memory.transaction() as session:
        assert session.get(Book, 1) is not None
    memory.close()


def _open(path: str) -> None:
    engine = engine_for(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS t (x)"))
    engine.dispose()


def test_several_processes_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_open, args=(str(tmp_path / "new.sqlite3"),)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
