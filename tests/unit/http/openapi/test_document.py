"""The OpenAPI document says what the application does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from pydantic import BaseModel, Field

from decant.errors import AuthenticationError, DomainError, SetupError, ValidationError
from decant.http import bind_app, operation
from decant.http.openapi import build_document, describe, document_of, install_openapi
from decant.wiring import Registry
from tests.support.library_api import create_library


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return document_of(create_library())


def one(document: dict[str, Any], operation_id: str) -> dict[str, Any]:
    for item in document["paths"].values():
        for found in item.values():
            if found["operationId"] == operation_id:
                return dict(found)
    raise AssertionError(f"no {operation_id} in {list(document['paths'])}")


def parameter(document: dict[str, Any], operation_id: str, name: str) -> dict[str, Any]:
    return next(dict(found) for found in one(document, operation_id)["parameters"] if found["name"] == name)


class Gone(DomainError, code="shop.gone", status=410):
    """It left the shop."""

    since: int


class Empty(ValidationError, code="shop.empty", status=409):
    """There is nothing in it."""


class Thing(BaseModel):
    name: str
    size: int = Field(1, ge=0)


@dataclass
class Box:
    """A box."""

    width: int


def described(**views: Any) -> dict[str, Any]:
    """Return the document of an application with one POST view per name."""
    app = Flask("shop")
    for name, view in views.items():
        app.add_url_rule(f"/{name}", name, view, methods=["POST"])
    bind_app(app, Registry())
    return build_document(app, title="Shop", version="1")


def test_references_all_lead_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    wanted = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert wanted == set(document["components"]["schemas"])


def test_two_applications_have_the_same_document() -> None:
    assert json.dumps(document_of(create_library())) == json.dumps(document_of(create_library()))


def test_path_variables_are_in_braces_and_required(document: dict[str, Any]) -> None:
    assert "/books/{book_id}" in document["paths"]
    found = parameter(document, "get_book", "book_id")
    assert (found["in"], found["required"]) == ("path", True)
    assert found["schema"] == {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}


def test_converters_narrow_their_variables(document: dict[str, Any]) -> None:
    assert parameter(document, "odd", "colour")["schema"]["enum"] == ["red", "green"]
    assert parameter(document, "odd", "key")["schema"]["format"] == "uuid"
    assert parameter(document, "odd", "name")["schema"]["pattern"] == r"^[^/\u0000]+$"


def test_integers_have_64_bits_and_texts_no_nul() -> None:
    def take(thing: Thing) -> None: ...

    schema = described(take=operation(take))["components"]["schemas"]["Thing"]
    assert schema["properties"]["size"]["maximum"] == 2**63 - 1
    assert schema["properties"]["size"]["minimum"] == 0
    assert schema["properties"]["name"]["pattern"] == r"^[^\u0000]*$"


def test_unknown_fields_are_refused_in_requests_and_allowed_in_answers() -> None:
    def take(thing: Thing) -> Thing: ...

    schemas = described(take=operation(take))["components"]["schemas"]
    assert schemas["ThingInput"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["Thing"]


def test_a_dataclass_is_closed_too() -> None:
    def take(box: Box) -> None: ...

    assert described(take=operation(take))["components"]["schemas"]["Box"]["additionalProperties"] is False


def test_several_parameters_are_the_keys_of_one_required_body(document: dict[str, Any]) -> None:
    body = one(document, "lend")["requestBody"]
    name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert body["required"] is True
    assert document["components"]["schemas"][name]["required"] == ["order_id", "lines"]


def test_a_models_fields_are_the_query_parameters(document: dict[str, Any]) -> None:
    genre = parameter(document, "list_books", "genre")
    assert genre["schema"]["items"]["enum"] == ["novel", "poetry", "science"]
    assert "required" not in genre
    assert parameter(document, "list_books", "limit")["schema"]["default"] == 20


def test_an_optional_parameter_has_no_null(document: dict[str, Any]) -> None:
    assert parameter(document, "list_books", "since")["schema"] == {"type": "string", "format": "date"}


def test_a_docstrings_args_describe_the_parameters(document: dict[str, Any]) -> None:
    assert parameter(document, "list_books", "q")["description"] == "Words that the title has."


def test_a_docstring_is_summary_description_and_result(document: dict[str, Any]) -> None:
    assert one(document, "list_books")["summary"] == "List books"
    assert one(document, "list_books")["description"].startswith("Newest last.")
    assert one(document, "add_book")["responses"]["201"]["description"] == "The book, with its number."


def test_creation_has_a_location_and_reading_an_entity_tag(document: dict[str, Any]) -> None:
    assert "Location" in one(document, "add_book")["responses"]["201"]["headers"]
    assert "ETag" in one(document, "get_book")["responses"]["200"]["headers"]
    assert "304" in one(document, "get_book")["responses"]


def test_nothing_is_204_without_content(document: dict[str, Any]) -> None:
    assert one(document, "remove_book")["responses"]["204"] == {"description": "No Content"}


def test_an_optional_result_is_200_or_204_and_never_null(document: dict[str, Any]) -> None:
    responses = one(document, "latest_loan")["responses"]
    assert "204" in responses
    assert responses["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Loan"}


def test_answers_come_as_json_and_xml(document: dict[str, Any]) -> None:
    responses = one(document, "get_book")["responses"]
    assert list(responses["200"]["content"]) == ["application/json", "application/xml"]
    assert list(responses["404"]["content"]) == ["application/problem+json", "application/problem+xml"]


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("list_books", {"400", "404", "422", "500"}),
        ("add_book", {"400", "409", "413", "415", "422", "500"}),
        ("get_book", {"400", "404", "422", "500"}),
        ("latest_loan", {"400", "422", "500"}),
    ],
)
def test_every_error_that_can_come_is_documented(document: dict[str, Any], name: str, errors: set[str]) -> None:
    assert {status for status in one(document, name)["responses"] if status >= "400"} == errors


def test_a_declared_error_has_a_schema_with_its_code_and_fields() -> None:
    def take(thing: Thing) -> None: ...

    found = described(take=operation(errors=(Gone,))(take))
    assert found["paths"]["/take"]["post"]["responses"]["410"]["description"] == "It left the shop."
    schema = found["components"]["schemas"]["Gone"]
    assert schema["properties"]["code"]["const"] == "shop.gone"
    assert schema["properties"]["since"]["type"] == "integer"
    assert {"code", "status", "since"} <= set(schema["required"])


def test_an_error_of_validation_may_list_fields() -> None:
    def take(thing: Thing) -> None: ...

    found = described(take=operation(errors=(Empty,))(take))
    assert "errors" in found["components"]["schemas"]["Empty"]["properties"]


def test_two_errors_of_one_status_are_alternatives() -> None:
    class Taken(DomainError, code="shop.taken", status=409):
        """Somebody has it."""

    def take(thing: Thing) -> None: ...

    response = described(take=operation(errors=(Taken, Empty))(take))["paths"]["/take"]["post"]["responses"]["409"]
    assert len(response["content"]["application/problem+json"]["schema"]["anyOf"]) == 2


def test_signing_in_is_asked_for_where_it_is_declared(document: dict[str, Any]) -> None:
    assert one(document, "me")["security"] == [{"bearer": []}]
    assert "WWW-Authenticate" in one(document, "me")["responses"]["401"]["headers"]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert "security" not in one(document, "get_book")


def test_a_refused_password_is_no_demand_to_sign_in() -> None:
    class WrongPassword(AuthenticationError, code="shop.wrong-password"):
        """The password is wrong."""

    def login(thing: Thing) -> None: ...

    assert "security" not in described(login=operation(errors=(WrongPassword,))(login))["paths"]["/login"]["post"]


def test_one_view_for_two_methods_gets_two_ids() -> None:
    app = Flask("shop")

    @app.route("/things", methods=["PUT", "POST"])
    @operation
    def save(thing: Thing) -> None: ...

    bind_app(app, Registry())
    item = build_document(app, title="Shop", version="1")["paths"]["/things"]
    assert len({found["operationId"] for found in item.values()}) == 2


def test_only_what_is_included_is_in_the_document() -> None:
    found = build_document(create_library(), title="L", version="1", include=lambda one: one.rule == "/me")
    assert list(found["paths"]) == ["/me", "/export.csv"]


def test_the_document_is_served_with_an_entity_tag() -> None:
    client = create_library().test_client()
    first = client.get("/openapi.json")
    assert first.content_type == "application/json"
    assert client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_routes_of_before_the_first_request_are_all_there() -> None:
    app = Flask("shop")
    install_openapi(app, title="Shop", version="2", servers=("https://api.example.com",), docs=None)
    app.add_url_rule("/late", "late", operation(lambda: None), methods=["POST"])
    bind_app(app, Registry())
    document = app.test_client().get("/openapi.json").json
    assert "/late" in document["paths"]
    assert document["info"] == {"title": "Shop", "version": "2"}
    assert document["servers"] == [{"url": "https://api.example.com"}]
    assert app.test_client().get("/docs").status_code == 404


def test_any_json_is_described_without_nul_and_huge_integers(document: dict[str, Any]) -> None:
    anything = document["components"]["schemas"]["EverythingInput"]["properties"]["anything"]
    assert anything["$ref"] == "#/components/schemas/JsonValue"


def test_a_type_without_a_schema_is_a_clear_error() -> None:
    app = Flask("shop")

    @app.get("/odd")
    @describe(responses={200: {"description": "Odd", "content": {"a/b": {"schema": Callable[[], int]}}}})
    def odd() -> str:
        return ""

    with pytest.raises(SetupError, match="API document"):
        build_document(app, title="Shop", version="1")
