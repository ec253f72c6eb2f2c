"""Where each parameter of a signature comes from."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from decant.clock import Clock, SystemClock
from decant.errors import SetupError
from decant.http import Body, Declaration, Header, Query, compile_operation, operation
from decant.wiring import Registry
from tests.support.operations import serve


class Order(BaseModel):
    product_id: str
    qty: int = 1


class Search(BaseModel):
    q: str
    tags: list[str] = []


class Nested(BaseModel):
    order: Order


class Key(TypedDict):
    key: str


@dataclasses.dataclass
class Point:
    x: int


class Handler: ...


def compiled(function: Any, method: str = "GET", rule: str = "/", registry: Registry | None = None) -> Any:
    declaration = Declaration(method=method, rule=rule)
    return compile_operation(function, name="shop.view", declaration=declaration, injector=registry or Registry())


def kinds(function: Any, method: str = "GET", rule: str = "/", registry: Registry | None = None) -> dict[str, str]:
    return {one.name: one.kind for one in compiled(function, method, rule, registry).parameters}


def test_a_name_in_the_path_is_a_path_parameter() -> None:
    def view(book_id: int, page: int = 1) -> None: ...

    assert kinds(view, rule="/books/<int:book_id>") == {"book_id": "path", "page": "query"}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_the_rest_is_in_the_query_where_there_is_no_body(method) -> None:
    def view(q: str, search: Search) -> None: ...

    assert kinds(view, method) == {"q": "query", "search": "query"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("kind", [Order, Key, Point, Order | None])
def test_a_single_object_is_the_whole_body(method, kind) -> None:
    def view(data) -> None: ...

    view.__annotations__["data"] = kind
    (parameter,) = compiled(view, method).parameters
    assert (parameter.kind, parameter.whole) == ("body", True)


def test_several_parameters_are_keys_of_the_body() -> None:
    def view(order: Order, note: str = "") -> None: ...

    assert [(one.kind, one.whole) for one in compiled(view, "POST").parameters] == [("body", False), ("body", False)]


def test_a_single_scalar_is_a_key_of_the_body() -> None:
    def view(qty: int) -> None: ...

    assert not compiled(view, "POST").parameters[0].whole


def test_body_makes_any_type_the_whole_body() -> None:
    def view(orders: Annotated[list[Order], Body()]) -> None: ...

    assert compiled(view, "POST").parameters[0].whole


def test_marks_say_where_a_parameter_is() -> None:
    def view(a: Annotated[int, Query()], b: Annotated[str, Header("X-B")], c: Annotated[str, Header]) -> None: ...

    assert kinds(view, "POST") == {"a": "query", "b": "header", "c": "header"}


def test_a_header_is_named_after_its_parameter_with_dashes() -> None:
    def view(if_match: Annotated[str, Header()]) -> None: ...

    assert compiled(view).parameters[0].alias == "if-match"


def test_a_provided_type_is_injected() -> None:
    registry = Registry()
    registry.add_value(Clock, SystemClock())

    def view(clock: Clock, q: str) -> None: ...

    assert kinds(view, registry=registry) == {"clock": "injected", "q": "query"}


def test_an_injected_value_reaches_the_view_and_its_scope_ends_well() -> None:
    registry, ended = Registry(), []
    registry.add_factory(Handler, lambda scope: Handler(), close=lambda value, succeeded: ended.append(succeeded))

    @operation
    def view(handler: Handler) -> str:
        return type(handler).__name__

    assert serve(view, registry=registry).get("/").json == "Handler"
    assert ended == [True]


def test_a_scope_ends_as_failed_when_the_view_raises() -> None:
    registry, ended = Registry(), []
    registry.add_factory(Handler, lambda scope: Handler(), close=lambda value, succeeded: ended.append(succeeded))

    @operation
    def view(handler: Handler) -> str:
        raise LookupError

    assert serve(view, registry=registry).get("/").status_code == 500
    assert ended == [False]


def test_a_wrong_result_fails_the_scope_too() -> None:
    registry, ended = Registry(), []
    registry.add_factory(Handler, lambda scope: Handler(), close=lambda value, succeeded: ended.append(succeeded))

    @operation
    def view(handler: Handler) -> Order:
        return handler  # type: ignore[return-value]

    assert serve(view, registry=registry).get("/").status_code == 500
    assert ended == [False]


def no_type(q) -> None: ...


def star(*names: str) -> None: ...


def stars(**names: str) -> None: ...


def positional(q: str, /) -> None: ...


def field_default(q: int = Field(1, ge=1)) -> None: ...


def any_query(q: Any) -> None: ...


def union_query(q: int | str) -> None: ...


def nested_query(q: Nested) -> None: ...


def two_marks(q: Annotated[str, Query(), Header()]) -> None: ...


def body_in_get(q: Annotated[Order, Body()]) -> None: ...


def list_of_lists(q: list[list[int]]) -> None: ...


def unknown_type(q: Handler) -> None: ...


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (no_type, "`q` has no type"),
        (star, "by name"),
        (stars, "by name"),
        (positional, "by name"),
        (field_default, "has a FieldInfo as its default"),
        (any_query, "no one text form"),
        (union_query, "no one text form"),
        (nested_query, "no one text form"),
        (list_of_lists, "no one text form"),
        (two_marks, "2 marks"),
        (body_in_get, "a GET has none"),
        (unknown_type, "cannot handle its type"),
    ],
)
def test_a_signature_that_cannot_be_served_names_operation_and_reason(view, words) -> None:
    with pytest.raises(SetupError, match=words) as caught:
        compiled(view)
    assert "shop.view" in caught.value.detail


def test_a_path_variable_without_parameter_is_refused() -> None:
    def view() -> None: ...

    with pytest.raises(SetupError, match="<book_id>, and the function has no such parameter"):
        compiled(view, rule="/books/<book_id>")


def test_two_parameters_of_one_name_on_the_wire_are_refused() -> None:
    def view(a: Annotated[str, Query("q")], q: str) -> None: ...

    with pytest.raises(SetupError, match="two parameters"):
        compiled(view)


def test_a_type_that_exists_only_for_type_checkers_is_named() -> None:
    def view(q: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(SetupError, match="`Missing` cannot be found at run time"):
        compiled(view)


def test_forward_references_are_resolved_when_wired() -> None:
    def view(order: Later) -> None: ...

    assert kinds(view, "POST") == {"order": "body"}


class Later(BaseModel):
    id: str
