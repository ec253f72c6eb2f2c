"""A person adds a column and a table to a module that is in use: the revision is written, and goes up, down and up."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # each command is a process of its own
BOOKCLUB = Path(__file__).parents[3] / "examples" / "bookclub"
MORE = '''    shelf: Mapped[str | None] = mapped_column(String(20))


class LoanRow(Base):
    """Who has a book."""

    __tablename__ = "books_loan"

    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[str] = mapped_column(ForeignKey("books_book.id"), index=True)
'''


class Person:
    """Types commands in a copy of the book club."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}
        self.environ["DECANT_HOME"] = str(folder / "home")

    def db(self, *arguments: str, fails: bool = False) -> str:
        done = self.start_db(*arguments)
        out, err = done.communicate(timeout=60)
        assert (done.returncode != 0) == fails, out + err
        return out.strip()

    def start_db(self, *arguments: str) -> subprocess.Popen[str]:
        program = [sys.executable, "-c", "from decant.cli.main import main; main()", "db", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(program, cwd=self.folder, env=self.environ, text=True, **pipes)

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self.folder / "home" / "books.sqlite3")
        try:
            with connection:
                return connection.execute(statement).fetchall()
        finally:
            connection.close()


@pytest.fixture
def person(tmp_path: Path) -> Person:
    shutil.copytree(BOOKCLUB, tmp_path / "club", ignore=shutil.ignore_patterns(".decant", "__pycache__"))
    return Person(tmp_path / "club")


def test_a_column_and_a_table_more(person: Person) -> None:
    person.db("upgrade")
    person.sql("INSERT INTO books_book (id, title, author, reviews, stars_sum) VALUES ('1', 'Emma', 'Austen', 0, 0)")
    models = person.folder / "bookclub" / "books" / "models.py"
    models.write_text(models.read_text().replace("import String", "import ForeignKey, String").rstrip() + "\n" + MORE)
    assert "books: differs" in person.db("check", fails=True)

    written = Path(person.db("revision", "books", "-m", "loans", "--autogenerate")).read_text()
    assert "0001" in written
    assert "books_loan" in written
    assert "shelf" in written
    assert not any(other in written for other in ("outbox", "inbox", "idempotency", "reviews_", "alembic_"))

    assert "books: 0001" not in person.db("upgrade", "books")
    assert person.db("check", "books") == "books: in step"
    assert person.db("downgrade", "books") == "books: 0001"
    assert person.db("check", "books", fails=True).startswith("books: differs")
    person.db("upgrade", "books")
    assert person.db("check") == "books: in step\nreviews: in step"
    assert person.sql("SELECT title, shelf FROM books_book") == [("Emma", None)]


def test_processes_that_migrate_at_once_wait_for_each_other(person: Person, url: str) -> None:
    person.environ["DATABASE_URL"] = url
    started = [person.start_db("upgrade") for _ in range(4)]
    for process in started:
        assert process.communicate(timeout=60) == ("books: 0001\nreviews: 0001\n", "")
        assert process.returncode == 0
