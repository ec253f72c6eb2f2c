"""The documentation page as values: what a reader gets to see of a document."""

from __future__ import annotations

from typing import Any

import pytest

from decant.http.docs.page import Entry, make_page
from decant.http.docs.schema import Schemas
from decant.http.docs.text import coloured, inline, prose
from decant.http.openapi import document_of
from tests.support.library_api import create_library

BASE = "http://127.0.0.1:8000"


def schemas(**components: Any) -> Schemas:
    return Schemas({"components": {"schemas": components}})


def entry(**operation: Any) -> Entry:
    path = operation.pop("path", "/things/{id}")
    method = operation.pop("method", "get")
    return make_page({"paths": {path: {method: {"responses": {}} | operation}}}, base_url=BASE).groups[0].entries[0]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "string"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"type": "array", "items": {"type": "integer"}}, "array of integer"),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}, "array of integer, string"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "map of integer"),
        ({"enum": ["a", 3]}, "string or integer"),
        ({"const": 404}, "404"),
        ({"$ref": "#/components/schemas/Thing"}, "Thing"),
        ({"$ref": "#/nowhere"}, "any"),
        ({}, "any"),
    ],
)
def test_a_type_is_told_in_words(schema: dict[str, Any], words: str) -> None:
    assert schemas(Thing={"type": "object", "properties": {}}).type_of(schema) == words


@pytest.mark.parametrize(
    ("schema", "notes"),
    [
        ({"type": "string", "minLength": 1, "maxLength": 80}, ("1 to 80 characters",)),
        ({"type": "string", "minLength": 1}, ("at least 1 character",)),
        ({"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}, ()),
        ({"type": "integer", "minimum": 1, "maximum": 99, "default": 1}, ("1 to 99", "default 1")),
        ({"type": "number", "minimum": 0.0}, ("at least 0",)),
        ({"type": "string", "default": ""}, ()),
        ({"type": "boolean", "default": False}, ("default false",)),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2}, ("one of a, b", "at most 2 items")),
    ],
)
def test_limits_are_told_in_short_notes(schema: dict[str, Any], notes: tuple[str, ...]) -> None:
    assert schemas().row("x", schema, required=False).notes == notes


def test_members_of_members_follow_deeper() -> None:
    inner = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    outer = {
        "type": "object",
        "properties": {"makers": {"type": "array", "items": {"$ref": "#/components/schemas/In"}}},
    }
    rows = list(schemas(In=inner).rows(outer))
    assert [(row.name, row.depth, row.required) for row in rows] == [("makers", 0, False), ("name", 1, True)]


def test_a_schema_that_contains_itself_ends() -> None:
    reader = schemas(Node={"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}}})
    assert len(list(reader.rows({"$ref": "#/components/schemas/Node"}))) == 1
    assert "next" in reader.example({"$ref": "#/components/schemas/Node"})


def test_an_example_is_the_authors_or_made_up() -> None:
    schema = {
        "type": "object",
        "properties": {
            "title": {"type": "string", "examples": ["The Waves"]},
            "day": {"type": "string", "format": "date"},
            "size": {"type": "integer", "exclusiveMinimum": 3},
            "kind": {"enum": ["a", "b"]},
            "more": {"type": "object", "additionalProperties": {"type": "boolean"}},
        },
    }
    assert schemas().example(schema) == {
        "title": "The Waves",
        "day": "2026-01-31",
        "size": 4,
        "kind": "a",
        "more": {"key": True},
    }


def test_curl_has_the_path_the_query_and_the_headers_of_what_is_required() -> None:
    one = entry(
        parameters=[
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "examples": ["a b/c"]}},
            {"name": "n", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 2}},
            {"name": "X-Why", "in": "header", "required": True, "schema": {"type": "string"}},
            {"name": "more", "in": "query", "schema": {"type": "string"}},
        ]
    )
    assert one.curl == f"curl '{BASE}/things/a%20b%2Fc?n=2' \\\n  -H 'X-Why: string'"


def test_curl_has_the_body_quoted_for_the_shell() -> None:
    body = {"content": {"application/json": {"example": {"name": "it's"}}}}
    one = entry(method="post", path="/things", requestBody=body, security=[{"bearer": []}])
    assert '-H "Authorization: Bearer $TOKEN"' in one.curl
    assert """-d '{"name": "it'"'"'s"}'""" in one.curl


def test_errors_are_apart_from_other_answers() -> None:
    one = entry(responses={"200": {"description": "Here"}, "304": {"description": ""}, "404": {"description": "Gone"}})
    assert [answer.status for answer in one.successes] == ["200", "304"]
    assert [answer.status for answer in one.errors] == ["404"]


def test_a_search_needs_all_its_words() -> None:
    document = document_of(create_library())
    assert make_page(document, base_url=BASE, query="book remove").count == 1
    assert make_page(document, base_url=BASE, query="unicorn").groups == ()


def test_text_is_escaped_and_marked_up() -> None:
    assert (
        prose("One <b>.\n\n- `a`\n- *b*") == "<p>One &lt;b&gt;.</p><ul><li><code>a</code></li><li><em>b</em></li></ul>"
    )
    assert inline("``x < 1`` and **y**") == "<code>x &lt; 1</code> and <strong>y</strong>"


def test_json_is_coloured_and_escaped() -> None:
    assert coloured('{"a": "<script>", "b": -1.5, "c": null}') == (
        '{<span class="j-key">&#34;a&#34;</span>: <span class="j-string">&#34;&lt;script&gt;&#34;</span>, '
        '<span class="j-key">&#34;b&#34;</span>: <span class="j-number">-1.5</span>, '
        '<span class="j-key">&#34;c&#34;</span>: <span class="j-word">null</span>}'
    )
