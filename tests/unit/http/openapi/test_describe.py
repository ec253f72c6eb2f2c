"""Plain views that describe themselves, and documents of other libraries, are in the document."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.views import MethodView
from pydantic import BaseModel

from decant.errors import SetupError
from decant.http.openapi import add_openapi_source, build_document, describe


class Row(BaseModel):
    id: int


def document(app: Flask) -> dict[str, Any]:
    return build_document(app, title="Shop", version="1")


def test_a_described_view_has_its_variables_and_its_docstring() -> None:
    app = Flask("shop")

    @app.get("/rows/<int:row_id>")
    @describe(responses={200: {"description": "A row", "content": {"application/json": {"schema": Row}}}})
    def row(row_id: int) -> dict[str, int]:
        """Get a row.

        Rows never change.
        """
        return {"id": row_id}

    found = document(app)
    operation = found["paths"]["/rows/{row_id}"]["get"]
    assert (operation["operationId"], operation["summary"], operation["description"]) == (
        "row",
        "Get a row",
        "Rows never change.",
    )
    assert operation["parameters"][0]["schema"]["minimum"] == 0
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/Row"
    assert app.test_client().get("/rows/3").json == {"id": 3}


def test_a_view_that_says_nothing_is_not_in_the_document() -> None:
    app = Flask("shop")
    app.add_url_rule("/quiet", view_func=lambda: "")
    assert document(app)["paths"] == {}


def test_each_method_has_its_own_description() -> None:
    app = Flask("shop")

    @app.route("/form", methods=["GET", "POST"])
    @describe({"get": {"summary": "See the form"}, "post": {"summary": "Send the form"}})
    def form() -> str:
        return ""

    item = document(app)["paths"]["/form"]
    assert [item[method]["summary"] for method in ("get", "post")] == ["See the form", "Send the form"]
    assert item["get"]["operationId"] != item["post"]["operationId"]


def test_a_class_based_view_is_described_by_method() -> None:
    app = Flask("shop")

    class Rows(MethodView):
        @describe(tags=["rows"])
        def get(self) -> str:
            """List rows."""
            return ""

        def delete(self) -> str:
            return ""

    app.add_url_rule("/rows", view_func=Rows.as_view("rows"))
    assert list(document(app)["paths"]["/rows"]) == ["get"]


def test_an_unknown_field_is_refused_at_declaration() -> None:
    with pytest.raises(SetupError, match="sumary"):
        describe(sumary="typo")


def test_another_document_is_merged() -> None:
    app = Flask("shop")
    other = {
        "openapi": "3.0.3",
        "tags": [{"name": "legacy", "description": "From before."}],
        "paths": {
            "/old": {"get": {"tags": ["legacy"], "operationId": "old", "responses": {"200": {"description": ""}}}}
        },
        "components": {"schemas": {"Old": {"type": "string", "nullable": True}}},
    }
    add_openapi_source(app, lambda: other)
    found = document(app)
    assert found["paths"]["/old"]["get"]["operationId"] == "old"
    assert found["tags"] == [{"name": "legacy", "description": "From before."}]
    assert found["components"]["schemas"]["Old"] == {"type": ["string", "null"]}
    assert other["openapi"] == "3.0.3"


def test_components_whose_names_clash_are_prefixed() -> None:
    app = Flask("shop")

    @app.get("/row")
    @describe(responses={200: {"description": "", "content": {"application/json": {"schema": Row}}}})
    def row() -> str:
        return ""

    reference = {"$ref": "#/components/schemas/Row"}
    response = {"200": {"description": "", "content": {"application/json": {"schema": reference}}}}
    source = {
        "paths": {"/old": {"get": {"responses": response}}},
        "components": {"schemas": {"Row": {"type": "string"}}},
    }
    add_openapi_source(app, lambda: source, name="legacy")
    found = document(app)
    content = found["paths"]["/old"]["get"]["responses"]["200"]["content"]["application/json"]
    assert content["schema"]["$ref"] == "#/components/schemas/legacy.Row"
    assert found["components"]["schemas"]["legacy.Row"] == {"type": "string"}
    assert found["components"]["schemas"]["Row"]["type"] == "object"


def test_an_address_of_ours_is_not_replaced() -> None:
    app = Flask("shop")
    app.add_url_rule("/row", "row", describe(summary="Ours")(lambda: ""))
    add_openapi_source(app, lambda: {"paths": {"/row": {"get": {"summary": "Theirs", "responses": {}}}}})
    assert document(app)["paths"]["/row"]["get"]["summary"] == "Ours"
