"""The new modules answer as the old application did, at the same paths."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from decant import create_app
from decant.service import runtime_of

ROOT = Path(__file__).parents[1]


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FlaskClient, FlaskClient]]:
    monkeypatch.setenv("LEGACY_DATABASE", str(tmp_path / "legacy.db"))
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    from old.app import create_app as create_old

    old = create_old().test_client()
    app = create_app("*", config=ROOT / "decant.toml", environ={"DECANT_HOME": str(tmp_path / "home")})
    runtime = runtime_of(app)
    runtime.migrate()
    runtime.seed()
    yield old, app.test_client()
    runtime.stop(2)


@pytest.mark.parametrize("path", ["/users", "/users/7", "/users/7/orders", "/orders/2"])
def test_what_is_read_is_the_same(clients: tuple[FlaskClient, FlaskClient], path: str) -> None:
    old, new = (client.get(path) for client in clients)
    assert (old.status_code, old.json) == (new.status_code, new.json)


@pytest.mark.parametrize("path", ["/users/99", "/orders/99", "/users/x"])
def test_what_is_unknown_is_so_in_both(clients: tuple[FlaskClient, FlaskClient], path: str) -> None:
    assert [client.get(path).status_code for client in clients] == [404, 404]


def test_an_order_is_taken_by_both(clients: tuple[FlaskClient, FlaskClient]) -> None:
    old, new = (client.post("/orders", json={"user_id": 1, "item": "a map"}) for client in clients)
    assert (old.status_code, old.json) == (new.status_code, new.json)
    assert [client.post("/orders", json={"user_id": 99, "item": "a map"}).status_code for client in clients] == [
        404,
        404,
    ]


@pytest.mark.parametrize("path", ["/", "/about"])
def test_the_pages_have_the_same_heading(clients: tuple[FlaskClient, FlaskClient], path: str) -> None:
    old, new = (client.get(path).text.partition("<h1>")[2].partition("</h1>")[0] for client in clients)
    assert old == new
