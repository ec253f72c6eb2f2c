from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from decant import create_app
from decant.db import create_infrastructure
from decant.service import runtime_of

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """Make the whole club in one process, with data of its own."""
    app = create_app(config=ROOT / "decant.toml", environ={"DECANT_HOME": str(tmp_path)})
    app.testing = True
    runtime = runtime_of(app)
    runtime.migrate()
    runtime.seed()
    yield app
    runtime.stop(1)


@pytest.fixture
def books_db() -> Iterator[Session]:
    from bookclub.books.models import Base

    yield from session_of("books", Base)


@pytest.fixture
def reviews_db() -> Iterator[Session]:
    from bookclub.reviews.models import Base

    yield from session_of("reviews", Base)


def session_of(module: str, base: type) -> Iterator[Session]:
    """Yield a plain session of an empty database in memory."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        base.metadata.create_all(connection)  # type: ignore[attr-defined]
        create_infrastructure(connection, module)
        with Session(connection) as session:
            yield session
    engine.dispose()
