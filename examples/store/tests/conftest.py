from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from decant import create_app
from decant.db import create_infrastructure, engine_for
from decant.service import runtime_of

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """Make the whole shop in one process, with data of its own."""
    app = create_app(config=ROOT / "decant.toml", environ={"DECANT_HOME": str(tmp_path)})
    app.testing = True
    runtime = runtime_of(app)
    runtime.migrate()
    runtime.seed()
    yield app
    runtime.stop(1)


@pytest.fixture
def auth_db() -> Iterator[Session]:
    from store.auth.models import Base

    yield from session_of("auth", Base)


@pytest.fixture
def users_db() -> Iterator[Session]:
    from store.users.models import Base

    yield from session_of("users", Base)


@pytest.fixture
def catalog_db() -> Iterator[Session]:
    from store.catalog.models import Base

    yield from session_of("catalog", Base)


@pytest.fixture
def cart_db() -> Iterator[Session]:
    from store.cart.models import Base

    yield from session_of("cart", Base)


def session_of(module: str, base: type) -> Iterator[Session]:
    """Yield a session of an empty database in memory."""
    engine = engine_for("sqlite://")  # of the toolkit: what a savepoint holds can be rolled back
    with engine.connect() as connection:
        base.metadata.create_all(connection)  # type: ignore[attr-defined]
        create_infrastructure(connection, module)
        connection.commit()
        with Session(connection, expire_on_commit=False) as session:
            yield session
    engine.dispose()
