"""Modules join an application of flask-smorest, and both keep their ways."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from flask import Flask

from decant import init_app

Shop = Callable[..., Path]
smorest = pytest.importorskip("flask_smorest")


def test_modules_join_an_application_of_flask_smorest(shop: Shop) -> None:
    root = shop().parent
    sys.path.insert(0, str(root))
    app = Flask("old", root_path=str(root))
    app.config.update(API_TITLE="Old", API_VERSION="1", OPENAPI_VERSION="3.0.3")
    api = smorest.Api(app)
    pets = smorest.Blueprint("pets", "pets", url_prefix="/pets")

    @pets.route("/")
    @pets.response(200)
    def list_pets() -> list[str]:
        return ["Harrekki"]

    api.register_blueprint(pets)
    init_app(app, [import_module("shop.catalog").module], prefix="/api", environ={})
    client = app.test_client()
    assert client.get("/pets/").json == ["Harrekki"]
    assert client.get("/api/products/p1").json == {"id": "p1", "price_cents": 1500}
    assert client.get("/pets/none").status_code == 404
    paths = client.get("/openapi.json").json["paths"]
    assert "/api/products/{product_id}" in paths
