"""A flask-smorest blueprint works unchanged beside typed operations, and is in the document."""

from __future__ import annotations

from typing import Any

import marshmallow
import pytest
from flask import Flask
from flask_smorest import Api, Blueprint, abort
from flask_smorest.error_handler import ErrorSchema
from werkzeug.exceptions import TooManyRequests

from decant.http import bind_app, operation
from decant.http.openapi import install_openapi
from decant.http.problem import install_problems
from decant.modules import Module
from decant.wiring import Registry

CONFIG = {"API_TITLE": "Pets", "API_VERSION": "1", "OPENAPI_VERSION": "3.0.3"}


class PetSchema(marshmallow.Schema):
    name = marshmallow.fields.String(required=True)
    age = marshmallow.fields.Integer(allow_none=True, validate=marshmallow.validate.Range(min=0))


def pets() -> Any:
    blueprint = Blueprint("pets", __name__, url_prefix="/pets", description="All kinds.")

    @blueprint.route("/", methods=["POST"])
    @blueprint.arguments(PetSchema)
    @blueprint.response(201, PetSchema)
    def add(pet: dict[str, Any]) -> dict[str, Any]:
        """Add a pet"""
        return pet

    @blueprint.route("/<int:pet_id>")
    @blueprint.response(200, PetSchema)
    def get(pet_id: int) -> dict[str, Any]:
        if pet_id == 429:
            raise TooManyRequests(retry_after=3)
        abort(404, message="No such pet")

    return blueprint


@pytest.fixture(params=["problems first", "smorest first"])
def app(request: pytest.FixtureRequest) -> Flask:
    app = Flask("shop")
    app.config.update(CONFIG)
    if request.param == "problems first":
        install_problems(app, expose=False)
    Api(app).register_blueprint(pets())
    if request.param == "smorest first":
        install_problems(app, expose=False)
    app.add_url_rule("/things", "things", operation(lambda: None), methods=["POST"])
    bind_app(app, Registry())
    install_openapi(app, title="Shop", version="1")
    return app


def test_its_views_answer_as_they_did(app: Flask) -> None:
    client = app.test_client()
    assert client.post("/pets/", json={"name": "Rex", "age": 3}).json == {"name": "Rex", "age": 3}
    assert client.post("/pets/", json={"age": -1}).status_code == 422


def test_its_own_errors_keep_their_shape_and_get_their_headers_back(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/pets/7").json == {"code": 404, "status": "Not Found", "message": "No such pet"}
    assert set(client.get("/pets/7").json) <= set(ErrorSchema().fields)
    assert client.get("/pets/429").headers["Retry-After"] == "3"


def test_every_other_path_answers_with_problems(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/nowhere").content_type == "application/problem+json"
    wrong_method = client.get("/things")
    assert wrong_method.content_type == "application/problem+json"
    assert "POST" in wrong_method.headers["Allow"]


def test_its_operations_are_in_the_document(app: Flask) -> None:
    document = app.test_client().get("/openapi.json").json
    add = document["paths"]["/pets/"]["post"]
    assert add["summary"] == "Add a pet"
    assert {"name": "pets", "description": "All kinds."} in document["tags"]
    pet = document["components"]["schemas"]["Pet"]
    assert pet["properties"]["age"]["type"] == ["integer", "null"]
    assert "/things" in document["paths"]


def test_its_operations_are_on_the_page(app: Flask) -> None:
    assert "Add a pet" in app.test_client().get("/docs").text


def test_a_blueprint_inside_a_module_works_and_is_in_the_document() -> None:
    app = Flask("shop")
    app.config.update(CONFIG)
    install_problems(app, expose=False)
    module = Module(__name__, name="shelter")
    module.register_blueprint(pets())
    app.register_blueprint(module)
    Api(app)
    install_openapi(app, title="Shop", version="1")
    client = app.test_client()
    assert client.post("/pets/", json={"name": "Rex"}).status_code == 201
    assert client.get("/pets/7").json["message"] == "No such pet"
    assert client.get("/openapi.json").json["paths"]["/pets/"]["post"]["tags"] == ["shelter.pets"]
