"""The contract between the pages and the catalogue: written by whoever asks, replayed against whoever answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from store.catalog.api import Catalog, Product
from store.catalog.models import ProductRow

from decant import create_app
from decant.auth import ServiceTokens, load_or_create_key
from decant.rpc.client import SERVICE_TOKEN_HEADER
from decant.service import Runtime, runtime_of
from examples.store.tests.conftest import ROOT
from tests.support.pacts import Pact, Verifier
from tests.support.served import serving

CONTRACT = ROOT / "contracts" / "web-gateway-catalog.json"
BOOK = {"id": "p1", "name": "Book", "price_cents": 1500, "stock": 10}


def expectations() -> Pact:
    pact = Pact("web-gateway", "catalog").with_specification("V3")
    asked = pact.upon_receiving("a request for product p1").given("product p1 exists")
    asked.with_request("GET", "/products/p1").will_respond_with(200).with_body(BOOK, content_type="application/json")
    return pact


@contextmanager
def pages(home: Path, catalog_url: str) -> Iterator[Flask]:
    """Yield the service with the pages, which asks for the catalogue at an address."""
    environ = {"DECANT_HOME": str(home), "CATALOG_SERVICE_URL": catalog_url}
    app = create_app("web", "services", ROOT / "decant.toml", environ=environ)
    yield app
    runtime_of(app).stop(1)


def without_versions(contract: dict[str, Any]) -> dict[str, Any]:
    """Return a contract without the versions of the library that wrote it."""
    return contract | {"metadata": {"pactSpecification": contract["metadata"]["pactSpecification"]}}


def test_the_pages_ask_for_a_product_as_the_contract_says(tmp_path: Path) -> None:
    pact = expectations()
    with pact.serve("127.0.0.1") as catalog, pages(tmp_path, str(catalog.url)) as app:
        answer = app.test_client().get("/products/p1", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert "Book" in answer.text
    assert "€15.00" in answer.text


def test_the_client_understands_what_the_contract_answers(tmp_path: Path) -> None:
    with expectations().serve("127.0.0.1") as catalog, pages(tmp_path, str(catalog.url)) as app:
        product = runtime_of(app).client(Catalog).get_product("p1")
    assert product == Product(id="p1", name="Book", price_cents=1500, stock=10)


def test_the_contract_in_the_repository_is_what_the_pages_expect(tmp_path: Path) -> None:
    pact = expectations()
    with pact.serve("127.0.0.1") as catalog, pages(tmp_path, str(catalog.url)) as app:
        runtime_of(app).client(Catalog).get_product("p1")
    pact.write_file(tmp_path, overwrite=True)
    written = json.loads((tmp_path / CONTRACT.name).read_text())
    kept = json.loads(CONTRACT.read_text()) if CONTRACT.exists() else None
    if kept is None or without_versions(kept) != without_versions(written):
        CONTRACT.write_text((tmp_path / CONTRACT.name).read_text())
        pytest.fail(
            f"The expectations changed: {CONTRACT.relative_to(ROOT)} is written anew; look at it and commit it."
        )


def test_a_consumer_that_asks_otherwise_does_not_pass(tmp_path: Path) -> None:
    with (
        pytest.raises(Exception, match=r"[Mm]ismatch"),
        expectations().serve("127.0.0.1", verbose=False) as catalog,
        pages(tmp_path, str(catalog.url)) as app,
    ):
        app.test_client().get("/products/p2")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Flask]:
    """Make the catalogue's service, by itself and with nothing on its shelves."""
    app = create_app("catalog", "services", ROOT / "decant.toml", environ={"DECANT_HOME": str(tmp_path)})
    runtime_of(app).migrate()
    yield app
    runtime_of(app).stop(1)


def replay(app: Flask, stock: int = 10, path: str = "") -> None:
    """Ask the catalogue what the contract asks, as the pages' service does: with its token, or below the public prefix.

    Raises:
        RuntimeError: When an answer is not the contract's.
    """
    runtime = runtime_of(app)
    tokens = ServiceTokens(load_or_create_key(runtime.plan.home / "keys" / "services.pem"), "web")
    with serving(app) as url, serving(states(runtime, stock)) as states_url:
        verifier = Verifier("catalog", host="127.0.0.1").add_transport(url=url + path).add_source(CONTRACT)
        if not path:
            verifier.add_custom_header(SERVICE_TOKEN_HEADER, tokens.issue("catalog"))
        verifier.state_handler(states_url, body=True).set_coloured_output(enabled=False).verify()


def states(runtime: Runtime, stock: int) -> Flask:
    """Return what brings the catalogue into the contract's state; the library's own way leaves a socket open."""
    app = Flask("states")

    @app.post("/")
    def arrange() -> str:
        assert request.get_json()["state"] == "product p1 exists"
        with runtime.databases["catalog"].transaction() as session:
            row = ProductRow(id="p1", position=1, category="books", art="book", price_cents=1500, stock=stock)
            row.name, row.description = "Book", ""
            session.add(row)
        return ""

    return app


def test_the_catalogue_answers_other_services_as_the_contract_says(catalog: Flask) -> None:
    replay(catalog)


def test_the_catalogue_answers_the_public_as_the_contract_says(catalog: Flask) -> None:
    replay(catalog, path="/api")


def test_a_provider_that_answers_otherwise_does_not_pass(catalog: Flask) -> None:
    with pytest.raises(RuntimeError):
        replay(catalog, stock=9)
