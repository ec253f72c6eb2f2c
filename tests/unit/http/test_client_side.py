"""The caller's side is the exact inverse of the server's, or says why it cannot be."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

from decant.errors import ProtocolError, ValidationError
from decant.http import Body, Declaration, Header, Operation, Paging, Query, compile_operation


class Colour(enum.Enum):
    red = "red"
    blue = "b/l u&e"


class Size(enum.IntEnum):
    small = 1
    large = 2


class Line(BaseModel):
    sku: str
    qty: int = 1
    price: Decimal | None = None
    colour: Colour = Colour.red


class Order(BaseModel):
    id: uuid.UUID
    placed: dt.datetime
    lines: list[Line] = []
    notes: dict[str, str | None] = {}
    order_kind: Literal["a", "b"] = Field("a", alias="kind")


class Filter(BaseModel):
    q: str | None = None
    colours: list[Colour] = []
    since: dt.date | None = Field(None, alias="from")
    most: float = 1.0


class Login(BaseModel):
    name: str
    password: SecretStr
    at: dt.date | None = None


def compiled(function: Callable[..., Any], method: str = "GET", rule: str = "/x") -> Operation:
    return compile_operation(function, name="shop.call", declaration=Declaration(method=method, rule=rule))


def through(operation: Operation, arguments: Mapping[str, Any], *, strict: bool = True) -> dict[str, Any]:
    """Send arguments through a real WSGI request and return what the server's side reads from it."""
    wire = operation.encode_request(arguments)
    client, seen = _served(operation, strict)
    response = client.open(f"{wire.path}?{wire.query}", method=operation.method, headers=wire.headers, data=wire.body)
    assert response.status_code == 200, (response.status_code, wire)
    return seen.pop()


@cache
def _served(operation: Operation, strict: bool) -> tuple[FlaskClient, list[dict[str, Any]]]:
    app = Flask("through")
    app.testing = True
    seen: list[dict[str, Any]] = []

    @app.route(operation.rule, methods=[operation.method])
    def view(**path_args: Any) -> str:
        current = request._get_current_object()  # type: ignore[attr-defined]
        seen.append(operation.parse(current, path_args, strict=strict))
        return ""

    return app.test_client(), seen


START = dt.datetime(1000, 1, 1)  # noqa: DTZ001 - naive ones are tested too
NO_NUL = st.characters(codec="utf-8", exclude_characters="\0")
TEXTS = st.text(NO_NUL, max_size=12) | st.sampled_from(
    ["a/b", ".", "..", " ", "a b", "ü&=?#%2F+", "%00", "null", "1", ""]
)
SEGMENTS = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=12)
INTS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)
AWARE = st.datetimes(min_value=START, timezones=st.just(dt.UTC))
NAIVE = st.datetimes(min_value=START)
DATES = st.dates(min_value=dt.date(1000, 1, 1))
DELTAS = st.timedeltas(dt.timedelta(-1000), dt.timedelta(1000))
COLOURS = st.sampled_from(Colour)

SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: INTS,
    float: FLOATS,
    bool: st.booleans(),
    Decimal: DECIMALS,
    dt.datetime: AWARE | NAIVE,
    dt.date: DATES,
    dt.time: st.times(),
    dt.timedelta: DELTAS,
    uuid.UUID: st.uuids(),
    Colour: COLOURS,
    Size: st.sampled_from(Size),
    Literal["a", "b c"]: st.sampled_from(["a", "b c"]),
    Literal[1, 2]: st.sampled_from([1, 2]),
    Annotated[int, Field(ge=1)]: st.integers(1, 99),
}
LINES = st.builds(Line, sku=TEXTS, qty=INTS, price=st.none() | DECIMALS, colour=COLOURS)
ORDERS = st.builds(
    Order,
    id=st.uuids(),
    placed=AWARE,
    lines=st.lists(LINES, max_size=3),
    notes=st.dictionaries(TEXTS, st.none() | TEXTS, max_size=3),
    kind=st.sampled_from(["a", "b"]),
)


_COMPILED: dict[str, Operation] = {}


def one(kind: Any, method: str = "GET", rule: str = "/x") -> Operation:
    """Return the operation that takes one value of a type, compiled once for all examples."""
    key = f"{method} {rule} {kind}"
    if key not in _COMPILED:
        _COMPILED[key] = compiled(taking(kind), method, rule)
    return _COMPILED[key]


def taking(kind: Any, **defaults: Any) -> Callable[..., None]:
    def call(value: Any) -> None: ...

    call.__annotations__["value"] = kind
    if defaults:
        call.__defaults__ = (defaults["value"],)
    return call


@pytest.mark.parametrize("kind", SCALARS, ids=str)
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_scalar_arrives_in_the_query_as_it_was_sent(kind: Any, data: Any) -> None:
    value = data.draw(SCALARS[kind])
    arrived = through(one(kind), {"value": value})
    assert arrived == {"value": value}
    assert type(arrived["value"]) is type(value)


@pytest.mark.parametrize("kind", SCALARS, ids=str)
@given(st.data())
@settings(max_examples=20, deadline=None)
def test_a_list_arrives_in_the_query_as_it_was_sent(kind: Any, data: Any) -> None:
    value = data.draw(st.lists(SCALARS[kind], max_size=4))
    assert through(one(list[kind]), {"value": value}) == {"value": value}


@pytest.mark.parametrize("kind", SCALARS, ids=str)
@given(st.data())
@settings(max_examples=20, deadline=None)
def test_an_optional_arrives_in_the_query_as_it_was_sent(kind: Any, data: Any) -> None:
    value = data.draw(st.none() | SCALARS[kind])
    assert through(one(kind | None), {"value": value}) == {"value": value}


@pytest.mark.parametrize("kind", SCALARS, ids=str)
@given(st.data())
@settings(max_examples=20, deadline=None)
def test_a_scalar_arrives_in_the_body_as_it_was_sent(kind: Any, data: Any) -> None:
    value = data.draw(SCALARS[kind])
    assert through(one(kind, "POST"), {"value": value}) == {"value": value}


@pytest.mark.parametrize("kind", [kind for kind in SCALARS if kind is not str], ids=str)
@given(st.data())
@settings(max_examples=20, deadline=None)
def test_a_scalar_arrives_in_the_path_as_it_was_sent(kind: Any, data: Any) -> None:
    value = data.draw(SCALARS[kind])
    assume("/" not in str(getattr(value, "value", value)))
    assert through(one(kind, rule="/x/<value>/y"), {"value": value}) == {"value": value}


@given(SEGMENTS)
@settings(max_examples=200, deadline=None)
def test_a_text_arrives_in_the_path_as_it_was_sent(value: str) -> None:
    assume(value not in (".", ".."))
    assert through(one(str, rule="/x/<value>"), {"value": value}) == {"value": value}


@given(
    st.lists(
        SEGMENTS.filter(lambda segment: segment not in (".", "..") and "\n" not in segment), min_size=1, max_size=4
    )
)
@settings(max_examples=100, deadline=None)
def test_a_path_of_several_segments_arrives_as_it_was_sent(segments: list[str]) -> None:
    value = "/".join(segments)
    assert through(one(str, rule="/x/<path:value>"), {"value": value}) == {"value": value}


@given(ORDERS)
@settings(max_examples=60, deadline=None)
def test_a_model_arrives_in_the_body_as_it_was_sent(order: Order) -> None:
    assert through(one(Order, "POST"), {"value": order}) == {"value": order}


@given(TEXTS, st.lists(LINES, max_size=3), st.none() | ORDERS)
@settings(max_examples=60, deadline=None)
def test_several_parameters_arrive_in_the_body_as_they_were_sent(key: str, lines: list[Line], order: Any) -> None:
    def call(key: str, lines: list[Line], order: Order | None) -> None: ...

    arguments = {"key": key, "lines": lines, "order": order}
    assert through(compiled(call, "PUT"), arguments) == arguments


@given(st.builds(Filter, q=st.none() | TEXTS, colours=st.lists(COLOURS), most=FLOATS), st.none() | DATES)
@settings(max_examples=60, deadline=None)
def test_a_model_arrives_in_the_query_as_it_was_sent(sent: Filter, since: dt.date | None) -> None:
    sent.since = since
    assert through(one(Filter), {"value": sent}) == {"value": sent}


@given(st.integers(1, 100), st.none() | TEXTS)
@settings(max_examples=40, deadline=None)
def test_paging_arrives_as_it_was_sent(limit: int, cursor: str | None) -> None:
    paging = Paging(limit=limit, cursor=cursor)
    assert through(one(Paging), {"value": paging}) == {"value": paging}


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1).filter(lambda text: text.strip() == text)
)
@settings(max_examples=60, deadline=None)
def test_a_text_arrives_in_a_header_as_it_was_sent(value: str) -> None:
    def call(x_note: Annotated[str, Header()]) -> None: ...

    assert through(compiled(call), {"x_note": value}) == {"x_note": value}


def test_every_place_at_once() -> None:
    def call(
        key: int, order: Annotated[Line, Body()], page: Annotated[int, Query("p")], x: Annotated[bool, Header()]
    ) -> None: ...

    arguments = {"key": 5, "order": Line(sku="a"), "page": 2, "x": True}
    assert through(compiled(call, "PATCH", "/x/<int:key>"), arguments) == arguments


def test_what_is_left_out_is_left_to_its_default() -> None:
    def call(a: int = 1, b: str | None = None) -> None: ...

    for method in ("GET", "POST"):
        assert through(compiled(call, method), {}) == {}


def test_none_is_sent_by_leaving_it_out_where_it_is_the_default() -> None:
    wire = compiled(taking(int | None, value=None)).encode_request({"value": None})
    assert wire.query == ""


def test_the_request_is_as_a_person_would_write_it() -> None:
    def call(key: str, limit: int, tags: list[str]) -> None: ...

    wire = compiled(call, rule="/books/<key>").encode_request({"key": "a b", "limit": 5, "tags": ["x", "y&z"]})
    assert (wire.path, wire.query, wire.body) == ("/books/a%20b", "limit=5&tags=x&tags=y%26z", None)


def test_a_secret_is_sent_and_not_its_mask() -> None:
    login = Login(name="ann", password=SecretStr("hunter2"), at=dt.date(2026, 1, 1))
    operation = compiled(taking(Login), "POST")
    assert operation.encode_request({"value": login}).body == b'{"name":"ann","password":"hunter2","at":"2026-01-01"}'
    assert through(operation, {"value": login}) == {"value": login}


# What cannot arrive as it is


def refused(operation: Operation, arguments: Mapping[str, Any]) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        operation.encode_request(arguments)
    return {one["field"]: one["code"] for one in caught.value.errors}


@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "/", "../x"])
def test_a_segment_that_would_change_the_path_is_refused(value: str) -> None:
    assert refused(compiled(taking(str), rule="/x/<value>"), {"value": value}) == {"path.value": "path_segment"}


@pytest.mark.parametrize("value", ["", "..", "a/../b", "a//b", "/a", "a/", "a/./b"])
def test_segments_that_would_change_the_path_are_refused(value: str) -> None:
    assert refused(compiled(taking(str), rule="/x/<path:value>"), {"value": value}) == {"path.value": "path_segment"}


@pytest.mark.parametrize(
    ("rule", "kind", "value"),
    [
        ("/x/<int:value>", int, -5),
        ("/x/<path:value>", str, "a\nb"),
        ("/x/<float:value>", float, 1e20),
        ("/x/<any(a, b):value>", str, "c"),
    ],
)
def test_a_value_that_the_rule_does_not_take_is_refused(rule: str, kind: Any, value: Any) -> None:
    assert refused(compiled(taking(kind), rule=rule), {"value": value}) == {"path.value": "path_segment"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_optional_number_never_arrives_as_none(value: float) -> None:
    assert refused(compiled(taking(float | None), "POST"), {"value": value}) == {"body": "finite_number"}


@pytest.mark.parametrize(
    ("kind", "default", "value"), [(int | None, 5, None), (list[int] | None, None, []), (list[int], [1], [])]
)
def test_what_would_arrive_as_the_default_is_refused(kind: Any, default: Any, value: Any) -> None:
    assert refused(compiled(taking(kind, value=default)), {"value": value}) == {"query.value": "not_carried"}


@pytest.mark.parametrize("value", ["", " a", "a ", "a\r\nX-Evil: 1", "ü", "a\tb"])
def test_a_text_that_a_header_cannot_carry_is_refused(value: str) -> None:
    def call(x: Annotated[str, Header()]) -> None: ...

    assert refused(compiled(call), {"x": value}) == {"header.x": "header_value"}


@pytest.mark.parametrize(("kind", "value"), [(str, "\0"), (int, 2**63), (float, float("inf"))])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_the_server_refuses_is_not_sent(kind: Any, value: Any, method: str) -> None:
    operation = compiled(taking(kind), method)
    with pytest.raises(ValidationError):
        operation.encode_request({"value": value})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_argument_of_another_type_is_refused(method: str) -> None:
    place = "query" if method == "GET" else "body"
    assert set(refused(compiled(taking(int), method), {"value": "x"})) <= {f"{place}.value", "body"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_missing_argument_is_named(method: str) -> None:
    place = "query" if method == "GET" else "body"
    assert refused(compiled(taking(int), method), {}) == {f"{place}.value": "missing"}


def test_an_argument_that_the_operation_does_not_have_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"shop\.call\(\) got an unexpected keyword argument 'b'"):
        compiled(taking(int)).encode_request({"value": 1, "b": 2})


# Results


def returning(kind: Any) -> Operation:
    def call() -> None: ...

    call.__annotations__["return"] = kind
    return compiled(call)


@given(ORDERS)
@settings(max_examples=60, deadline=None)
def test_a_result_comes_back_as_it_was_returned(order: Order) -> None:
    operation = returning(list[Order])
    response = _answer(operation, [order])
    assert operation.decode_result(response) == [order]


def _answer(operation: Operation, value: Any) -> bytes:
    app = Flask("answer")
    with app.test_request_context():
        current = request._get_current_object()  # type: ignore[attr-defined]
        body: bytes = operation.respond(value, current).get_data()
    return body


def test_fields_that_a_newer_peer_adds_are_ignored() -> None:
    assert returning(Line).decode_result(b'{"sku": "a", "new": {"x": 1}}') == Line(sku="a")


@pytest.mark.parametrize("kind", [None, Line | None])
def test_an_empty_answer_is_none(kind: Any) -> None:
    assert returning(kind).decode_result(b"") is None


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Line, b"ok"),
        (Line, b""),
        (Line, b"{}"),
        (Line, b'{"sku": 1}'),
        (Line, b"\xff"),
        (list[Line], b"{}"),
        (None, b"{}"),
    ],
)
def test_an_answer_that_the_contract_does_not_allow_is_a_protocol_error(kind: Any, body: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        returning(kind).decode_result(body)
    assert (caught.value.operation, caught.value.may_have_run) == ("shop.call", True)
