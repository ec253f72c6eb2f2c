"""A request becomes arguments, or one answer that names everything that is wrong with it."""

from __future__ import annotations

import datetime as dt
import enum
import io
import json
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from flask import Response
from flask.typing import ResponseReturnValue
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr, TypeAdapter, ValidationError

from decant.http import Email, Header, Page, Paging, Query, operation
from tests.support.operations import faults, serve


class Line(BaseModel):
    sku: str
    qty: int = Field(ge=1, le=99)


class Order(BaseModel):
    id: int
    lines: list[Line] = []
    note: str | None = None
    weight: float = 1.0
    secret: SecretStr = SecretStr("")


class Colour(enum.Enum):
    red = "red"
    blue = "blue"


class Filter(BaseModel):
    q: str | None = None
    limit: int = Field(20, ge=1, le=100)
    colours: list[Colour] = []
    since: dt.date | None = Field(None, alias="from")


Seen = dict[str, Any]


@operation
def place(order: Order) -> Seen:
    return {"id": order.id, "lines": len(order.lines)}


@operation
def keys(order_id: str, lines: list[Line], gift: bool = False) -> Seen:
    return {"order_id": order_id, "gift": gift}


@operation
def maybe(order: Order | None = None) -> Seen:
    return {"order": order is not None}


@operation
def search(wanted: Filter) -> Seen:
    return wanted.model_dump(mode="json")


def posted(view: Any, data: Any, **request: Any) -> Any:
    request.setdefault("content_type", "application/json")
    return serve(view, method="POST").post("/", data=data, **request)


def queried(kind: Any, query: str, **environ: Any) -> Any:
    def view(q) -> Seen:
        return {"q": repr(q)}

    view.__annotations__["q"] = kind
    return serve(operation(view)).get("/", query_string=query, **environ)


# What is malformed


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"   ",
        b"nothing",
        b'{"id": 1}}',
        b'{"id": 1}\xff',
        b'{"id": 1, "note": "\xff"}',
        b'{"id": 1, "note": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"[" * 1000,
        b'{"id": 1, "weight": NaN}',
        b'{"id": 1, "weight": -Infinity}',
        b'{"id": 1, "note": "a\0b"}',
        "{}".encode("utf-16"),
    ],
)
def test_a_body_that_is_not_json_is_400(body) -> None:
    response = posted(place, body)
    assert (response.status_code, response.content_type) == (400, "application/problem+json")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", "application/x-www-form-urlencoded"])
def test_another_content_type_is_415(content_type) -> None:
    assert posted(place, b'{"id": 1}', content_type=content_type).status_code == 415


def test_another_character_set_is_415() -> None:
    assert posted(place, b'{"id": 1}', content_type="application/json; charset=latin-1").status_code == 415


def test_a_compressed_body_is_415() -> None:
    assert posted(place, b"\x1f\x8b", headers={"Content-Encoding": "gzip"}).status_code == 415


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=UTF-8", "application/vnd.shop+json"]
)
def test_json_types_are_accepted(content_type) -> None:
    assert posted(place, b'{"id": 1}', content_type=content_type).status_code == 200


def test_a_body_beyond_the_limit_is_413() -> None:
    client = serve(place, method="POST", MAX_CONTENT_LENGTH=100)
    assert client.post("/", data=b" " * 101, content_type="application/json").status_code == 413


def test_a_chunked_body_beyond_the_limit_is_413() -> None:
    client = serve(place, method="POST", MAX_CONTENT_LENGTH=100)
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_TYPE": "application/json"}
    response = client.post("/", input_stream=io.BytesIO(b" " * 200), environ_overrides=chunked)
    assert response.status_code == 413


# What is well-formed and wrong


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"body.id": "missing"}),
        ({"id": True}, {"body.id": "int_type"}),
        ({"id": 1.5}, {"body.id": "int_type"}),
        ({"id": 1e20}, {"body.id": "int_type"}),
        ({"id": "1"}, {"body.id": "int_type"}),
        ({"id": None}, {"body.id": "int_type"}),
        ({"id": 2**63}, {"body.id": "int_parsing_size"}),
        ({"id": -(2**63) - 1}, {"body.id": "int_parsing_size"}),
        ({"id": 10**400}, {"body.id": "int_parsing_size"}),
        ({"id": 1, "weight": 10**30}, {"body.weight": "int_parsing_size"}),
        ({"id": 1, "note": "a\0"}, {"body.note": "nul_character"}),
        ({"id": 1, "extra": 1}, {"body.extra": "extra_forbidden"}),
        ({"id": 1, "a\0b": 1}, {"body.a\0b": "extra_forbidden", "body.ab": "nul_character"}),
        ([], {"body": "model_type"}),
        (None, {"body": "model_type"}),
        (
            {"id": "x", "lines": [{"sku": 1, "qty": 0}, {"qty": 5}], "note": 5},
            {
                "body.id": "int_type",
                "body.lines.0.sku": "string_type",
                "body.lines.0.qty": "greater_than_equal",
                "body.lines.1.sku": "missing",
                "body.note": "string_type",
            },
        ),
    ],
)
def test_every_wrong_field_of_a_body_is_named(body, wrong) -> None:
    assert faults(posted(place, json.dumps(body))) == wrong


def test_a_number_that_is_no_finite_float_is_refused() -> None:
    assert faults(posted(place, b'{"id": 1, "weight": 1e400}')) == {"body.weight": "finite_number"}


def test_the_largest_integers_of_64_bits_are_accepted() -> None:
    for number in (2**63 - 1, -(2**63)):
        assert posted(place, json.dumps({"id": number})).json["id"] == number


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert posted(place, rb'{"id": 1, "note": "\\u0000"}').status_code == 200


def test_every_location_is_named_at_once() -> None:
    def view(key: str, limit: Annotated[int, Query()], x: Annotated[int, Header()], order: Order) -> Seen:
        return {}

    client = serve(operation(view), "/<key>", "POST")
    response = client.post("/%00?limit=a&more=1", json={}, headers={"x": "b"})
    assert faults(response) == {
        "path.key": "nul_character",
        "query.limit": "int_parsing",
        "query.more": "extra_forbidden",
        "header.x": "int_parsing",
        "body.id": "missing",
    }


def test_a_secret_is_never_echoed() -> None:
    response = posted(place, json.dumps({"id": "hunter2", "secret": ["hunter2"]}))
    assert faults(response) == {"body.id": "int_type", "body.secret": "string_type"}
    assert b"hunter2" not in response.data


def test_a_body_full_of_faults_gets_a_bounded_answer() -> None:
    response = posted(place, json.dumps({"id": 1, "lines": [0] * 5000}))
    assert len(response.json["errors"]) == 1000
    assert "5000 fields are wrong; the first 1000 are listed" in response.json["detail"]


def test_an_unknown_field_is_ignored_between_services() -> None:
    response = posted(place, b'{"id": 1, "new": 1}', environ_overrides={"decant.internal": True})
    assert response.status_code == 200


def test_an_unknown_query_parameter_is_ignored_between_services() -> None:
    assert queried(int, "q=1&new=1", environ_overrides={"decant.internal": True}).status_code == 200


def test_several_parameters_are_read_from_the_keys_of_the_body() -> None:
    body = {"order_id": "o1", "lines": [{"sku": "a", "qty": 1}], "gift": True}
    assert posted(keys, json.dumps(body)).json == {"order_id": "o1", "gift": True}


def test_a_key_with_a_default_may_be_absent() -> None:
    assert posted(keys, b'{"order_id": "o1", "lines": []}').json == {"order_id": "o1", "gift": False}


def test_wrong_keys_of_the_body_are_named() -> None:
    wrong = {"body.order_id": "missing", "body.lines": "list_type", "body.x": "extra_forbidden"}
    assert faults(posted(keys, b'{"lines": {}, "x": 1}')) == wrong


def test_an_optional_body_may_be_absent() -> None:
    client = serve(maybe, method="POST")
    assert client.post("/").json == {"order": False}
    assert client.post("/", json=None, data=b"null", content_type="application/json").json == {"order": False}
    assert client.post("/", json={"id": 1}).json == {"order": True}


def test_the_body_of_an_operation_without_one_is_ignored() -> None:
    assert serve(search).get("/", data=b"{broken").status_code == 200


# Text: query, path, header


@pytest.mark.parametrize("text", ["1_000", " 5", "5 ", "+5", "5.0", "", "٣", "0x1", "01", "-0", "1e3", "true"])
def test_what_json_does_not_call_an_integer_is_none_in_a_query(text) -> None:
    response = serve(operation(_int_view)).get("/", query_string={"q": text})
    assert faults(response) == {"query.q": "int_parsing"}


def _int_view(q: int) -> int:
    return q


@pytest.mark.parametrize("text", ["1", "True", "yes", "on", ""])
def test_only_true_and_false_are_booleans(text) -> None:
    assert faults(queried(bool, f"q={text}")) == {"query.q": "bool_parsing"}


@pytest.mark.parametrize("text", ["nan", "inf", "1_0", ".5", "5.", " 1", ""])
def test_what_json_does_not_call_a_number_is_none_in_a_query(text) -> None:
    assert faults(queried(float, f"q={text}")) == {"query.q": "float_parsing"}


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        (int, str(2**63), "int_parsing_size"),
        (int, "9" * 5000, "int_parsing_size"),
        (float, "1e999", "finite_number"),
        (str, "a%00b", "nul_character"),
        (Decimal, "1_000", "decimal_parsing"),
        (dt.datetime, "0", "datetime_parsing"),
        (dt.date, "1700000000", "date_parsing"),
        (dt.time, "5", "time_parsing"),
        (dt.timedelta, "5", "duration_parsing"),
        (uuid.UUID, "x", "uuid_parsing"),
        (Colour, "green", "enum"),
        (Literal["a", "b"], "c", "literal_error"),
        (Annotated[int, Field(ge=1)], "0", "greater_than_equal"),
        (Annotated[str, Field(max_length=2)], "abc", "string_too_long"),
        (Email, "nobody", "string_pattern_mismatch"),
    ],
)
def test_a_wrong_text_is_named_with_its_code(kind, text, code) -> None:
    assert faults(queried(kind, f"q={text}")) == {"query.q": code}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "-5", -5),
        (int, str(2**63 - 1), 2**63 - 1),
        (float, "5", 5.0),
        (float, "-1.5e3", -1500.0),
        (bool, "true", True),
        (str, "a+b%2Bc%20%C3%A9", "a b+c é"),
        (str, "", ""),
        (Decimal, "1.50", Decimal("1.50")),
        (dt.date, "2026-11-21", dt.date(2026, 11, 21)),
        (dt.timedelta, "PT90S", dt.timedelta(seconds=90)),
        (Colour, "red", Colour.red),
        (Email, "ann@shop.local", "ann@shop.local"),
        (int | None, "5", 5),
        (list[int], "1&q=2", [1, 2]),
        (set[Colour], "red&q=blue&q=red", {Colour.red, Colour.blue}),
        (tuple[str, ...], "a&q=b", ("a", "b")),
    ],
)
def test_a_text_is_read_as_its_type(kind, text, value) -> None:
    assert queried(kind, f"q={text}").json == {"q": repr(value)}


def test_the_elements_of_a_list_are_validated_one_by_one() -> None:
    assert faults(queried(list[int], "q=1&q=x&q=2&q=")) == {"query.q.1": "int_parsing", "query.q.3": "int_parsing"}


def test_a_list_keeps_its_own_constraints() -> None:
    assert faults(queried(Annotated[list[int], Field(max_length=1)], "q=1&q=2")) == {"query.q": "too_long"}


@pytest.mark.parametrize("kind", [int, str, Colour])
def test_a_scalar_that_is_given_twice_is_refused(kind) -> None:
    assert "repeated" in faults(queried(kind, "q=1&q=2")).values()


def test_a_parameter_that_is_missing_is_named() -> None:
    assert faults(queried(int, "")) == {"query.q": "missing"}


@pytest.mark.parametrize(("kind", "value"), [(int | None, None), (list[int], []), (list[int] | None, None)])
def test_absence_is_none_for_an_optional_and_empty_for_a_list(kind, value) -> None:
    assert queried(kind, "").json == {"q": repr(value)}


def test_an_unknown_query_parameter_is_refused_at_the_edge() -> None:
    assert faults(queried(int, "q=1&z=2")) == {"query.z": "extra_forbidden"}


@pytest.mark.parametrize("kind", [Response, ResponseReturnValue])
def test_a_page_takes_what_links_to_it_add(kind) -> None:
    def page(q: str = ""):
        return Response(f"found {q}")

    page.__annotations__["return"] = kind
    client = serve(operation(page))
    assert client.get("/?q=cup&utm_source=mail&fbclid=").text == "found cup"
    assert faults(client.get("/?q=cup&q=lamp&utm_source=mail")) == {"query.q": "repeated"}


def test_a_query_that_is_not_utf8_is_400() -> None:
    assert queried(str, "q=%ff").status_code == 400


def test_a_query_of_thousands_of_parameters_is_400() -> None:
    assert queried(str, "&".join(["q=1"] * 2000)).status_code == 400


def test_raw_utf8_in_a_query_is_read() -> None:
    environ = {"QUERY_STRING": "q=é".encode().decode("latin-1")}
    assert serve(operation(_str_view)).get("/", environ_overrides=environ).json == "é"


def _str_view(q: str) -> str:
    return q


def test_the_fields_of_a_model_are_query_parameters() -> None:
    response = serve(search).get("/?q=book&colours=red&colours=blue&from=2026-01-01")
    assert response.json == {"q": "book", "limit": 20, "colours": ["red", "blue"], "since": "2026-01-01"}


def test_a_model_without_its_parameters_has_its_defaults() -> None:
    assert serve(search).get("/").json == {"q": None, "limit": 20, "colours": [], "since": None}


def test_every_wrong_field_of_a_query_model_is_named() -> None:
    response = serve(search).get("/?limit=0&colours=red&colours=x&from=0&since=1&q=a&q=b")
    assert faults(response) == {
        "query.limit": "greater_than_equal",
        "query.colours.1": "enum",
        "query.from": "date_parsing",
        "query.since": "extra_forbidden",
        "query.q": "repeated",
    }


def test_a_header_is_read_without_regard_to_case() -> None:
    def view(x_page: Annotated[int, Header()]) -> int:
        return x_page

    assert serve(operation(view)).get("/", headers={"X-PAGE": "5"}).json == 5


def test_a_missing_header_is_named() -> None:
    def view(x_page: Annotated[int, Header("X-Page")]) -> int:
        return x_page

    assert faults(serve(operation(view)).get("/")) == {"header.X-Page": "missing"}


def test_a_converter_and_an_annotation_go_together() -> None:
    def view(key: Annotated[int, Field(le=10)]) -> int:
        return key

    client = serve(operation(view), "/<int:key>")
    assert client.get("/5").json == 5
    assert faults(client.get("/11")) == {"path.key": "less_than_equal"}
    assert client.get("/x").status_code == 404


def test_a_path_parameter_is_read_as_its_type() -> None:
    def view(key: uuid.UUID) -> uuid.UUID:
        return key

    client = serve(operation(view), "/<key>")
    assert client.get("/12345678-1234-5678-1234-567812345678").status_code == 200
    assert faults(client.get("/x")) == {"path.key": "uuid_parsing"}


def test_paging_limits_are_enforced() -> None:
    def view(paging: Paging) -> Page[int]:
        return paging.page([1], position=lambda row: row)

    client = serve(operation(view))
    assert client.get("/?limit=100").status_code == 200
    assert faults(client.get("/?limit=101")) == {"query.limit": "less_than_equal"}
    assert faults(client.get("/?limit=0")) == {"query.limit": "greater_than_equal"}


@pytest.mark.parametrize("address", ["ann@shop.local", "a.b+c@mail.example.com", "x@y.test"])
def test_addresses_of_private_networks_are_fine(address) -> None:
    assert TypeAdapter(Email).validate_python(address) == address


@pytest.mark.parametrize(
    "address", ["a", "a@b", "@b.c", "a@b..c", "a b@c.d", "a@-b.c", "a@b.c\n", "é@b.c", "a..b@c.d", "a@b.c "]
)
def test_what_is_no_address_is_refused(address) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Email).validate_python(address)


# Whatever comes, it is never our failure

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "lines", "sku", "qty", "x"]), inner)
    ),
    max_leaves=12,
)
PLACE = serve(place, method="POST")
KEYS = serve(keys, method="POST")
SEARCH = serve(search)


@given(st.binary(max_size=200) | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=300, deadline=None)
def test_no_body_is_ever_our_failure(body) -> None:
    for client in (PLACE, KEYS):
        response = client.post("/", data=body, content_type="application/json")
        assert response.status_code in (200, 400, 422), response.data


@given(
    st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=60)
    | st.lists(
        st.tuples(
            st.sampled_from(["q", "limit", "colours", "from", "x"]),
            st.sampled_from(["", "1", "red", "%00", "%ff", "9" * 30, "a=b", "+"]),
        ),
        max_size=5,
    ).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))
)
@settings(max_examples=300, deadline=None)
def test_no_query_is_ever_our_failure(query) -> None:
    response = SEARCH.get("/", environ_overrides={"QUERY_STRING": query})
    assert response.status_code in (200, 400, 422), response.data


@given(st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=30))
@settings(max_examples=200, deadline=None)
def test_no_path_is_ever_our_failure(path) -> None:
    response = PATH.get("/", environ_overrides={"PATH_INFO": f"/{path}"})
    assert response.status_code in (200, 308, 404, 422), response.data


@operation
def by_path(name: str, number: int) -> str:
    return name


PATH = serve(by_path, "/<name>/<number>")
