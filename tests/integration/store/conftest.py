from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from decant import init_app
from decant.service import Runtime
from tests.acceptance.running import STORE

sys.path.insert(0, str(STORE))
Open = Callable[..., Runtime]
SERVERS = [
    pytest.param("sqlite"),
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("mariadb", marks=pytest.mark.mariadb),
]


@pytest.fixture(params=SERVERS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite3'}"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def open_shop(database_url: str, tmp_path: Path) -> Iterator[Open]:
    """Return what opens a shop with a catalogue and carts, and nothing else."""
    from store.cart import module as cart
    from store.catalog import module as catalog

    opened: list[Runtime] = []

    def open_shop(**settings: str) -> Runtime:
        environ = {"DECANT_HOME": str(tmp_path), "DATABASE_URL": database_url, **settings}
        runtime = init_app(Flask("shop"), modules=[catalog, cart], environ=environ)
        opened.append(runtime)
        runtime.migrate()
        runtime.seed()
        return runtime

    yield open_shop
    for runtime in opened:
        runtime.stop(1)
