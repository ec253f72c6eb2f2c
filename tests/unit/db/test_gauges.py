from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from decant.db import ModuleDatabase
from decant.observe.metrics import render


@pytest.fixture
def database(tmp_path: Path) -> Iterator[ModuleDatabase]:
    made = ModuleDatabase(
        tmp_path.name.replace("-", "_"), f"sqlite:///{tmp_path}/x.sqlite3", pool_size=2, max_overflow=1
    )
    yield made
    made.close()


def measured(database: ModuleDatabase, what: str) -> float:
    start = f'decant_db_pool_{what}{{module="{database.name}"}} '
    lines = render()[0].decode().splitlines()
    return float(next(line for line in lines if line.startswith(start)).removeprefix(start))


def test_connections_in_use_are_counted_while_a_call_holds_them(database: ModuleDatabase) -> None:
    with database.transaction() as session:
        session.execute(text("SELECT 1"))
        assert measured(database, "in_use") == 1
    assert measured(database, "in_use") == 0


def test_open_connections_are_counted_until_they_are_closed(database: ModuleDatabase) -> None:
    database.check()
    assert measured(database, "open") == 1
    database.close()
    assert measured(database, "open") == 0


def test_a_connection_that_comes_back_after_the_closing_is_counted_out(database: ModuleDatabase) -> None:
    session = database.session()
    session.execute(text("SELECT 1"))
    database.close()
    database.close_session(session, True)
    assert (measured(database, "open"), measured(database, "in_use")) == (0, 0)


def test_the_limit_says_how_many_may_be_open(database: ModuleDatabase) -> None:
    database.check()
    assert measured(database, "limit") == 3
