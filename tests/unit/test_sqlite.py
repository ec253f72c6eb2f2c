import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from decant.sqlite import open_file

SCHEMA = "CREATE TABLE IF NOT EXISTS note (text TEXT);"


def test_a_new_file_and_its_folder_are_their_owners_alone(tmp_path: Path) -> None:
    open_file(tmp_path / "home" / "x.sqlite3", SCHEMA).close()
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "home" / "x.sqlite3").stat().st_mode & 0o777 == 0o600


def test_readers_and_a_writer_work_side_by_side(tmp_path: Path) -> None:
    writer, reader = (open_file(tmp_path / "x.sqlite3", SCHEMA) for _ in range(2))
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO note VALUES ('x')")
    assert reader.execute("SELECT count(*) FROM note").fetchone() == (0,)
    writer.execute("COMMIT")
    assert reader.execute("SELECT count(*) FROM note").fetchone() == (1,)
    writer.close()
    reader.close()


@pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
def test_what_is_flushed_to_the_disk_at_a_commit_is_chosen(tmp_path: Path, durable: bool, synchronous: int) -> None:
    connection = open_file(tmp_path / "x.sqlite3", durable=durable)
    assert connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)
    connection.close()


def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    failures: list[BaseException] = []
    together = threading.Barrier(16)

    def open_it() -> None:
        try:
            together.wait()
            open_file(tmp_path / "x.sqlite3", SCHEMA).close()
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_file_that_cannot_be_made_is_the_databases_own_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(sqlite3.OperationalError, match=r"File exists|Not a directory"):
        open_file(tmp_path / "file" / "x.sqlite3")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite3").write_bytes(b"not a database at all" * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        open_file(tmp_path / "x.sqlite3")


def test_a_second_connection_does_not_take_the_locks_of_the_first(tmp_path: Path) -> None:
    # POSIX forgets all locks of a process on a file when the process closes any descriptor of it.
    path, wal = tmp_path / "log.sqlite3", tmp_path / "log.sqlite3-wal"
    first = open_file(path, "CREATE TABLE IF NOT EXISTS t (x);")
    first.execute("INSERT INTO t VALUES (1)")
    second = open_file(path)
    visit = f"import sqlite3; db = sqlite3.connect({str(path)!r}); db.execute('SELECT * FROM t').fetchall(); db.close()"
    subprocess.run([sys.executable, "-c", visit], check=True, timeout=30)
    assert wal.exists(), "the visitor thought that it was alone, and deleted the log that the others go on writing"
    first.execute("INSERT INTO t VALUES (2)")
    with closing(sqlite3.connect(path)) as fresh:
        assert fresh.execute("SELECT count(*) FROM t").fetchone() == (2,)
    first.close()
    second.close()
