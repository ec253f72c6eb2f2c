from collections.abc import Iterator
from pathlib import Path

import pytest

from decant.db import ModuleDatabase, create_infrastructure, default_url
from decant.events import EmbeddedTransport
from tests.unit.events.club import Books


@pytest.fixture
def home() -> Iterator[Path]:
    # pytest's own folders have names too long for sockets in them
    import tempfile

    with tempfile.TemporaryDirectory(prefix="decant-") as folder:
        yield Path(folder)


def database_in(home: Path, name: str) -> ModuleDatabase:
    made = ModuleDatabase(name, default_url(home, name))
    with made.engine.begin() as connection:
        create_infrastructure(connection, name)
    return made


@pytest.fixture
def reviews(home: Path) -> Iterator[ModuleDatabase]:
    made = database_in(home, "reviews")
    yield made
    made.close()


@pytest.fixture
def books(home: Path) -> Iterator[ModuleDatabase]:
    made = database_in(home, "books")
    Books.metadata.create_all(made.engine)
    with made.transaction() as session:
        session.add(Books(id="emma", reviews=0))
    yield made
    made.close()


@pytest.fixture
def transport(home: Path) -> Iterator[EmbeddedTransport]:
    made = EmbeddedTransport(home / "events.sqlite3")
    yield made
    made.close()
