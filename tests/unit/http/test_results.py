"""What an operation may return, and what it becomes."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from flask import Response, redirect
from flask.views import MethodView
from pydantic import BaseModel, Field
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from typing_extensions import TypedDict

from decant.errors import SetupError
from decant.http import bind_view, operation
from decant.http.results import Result, ResultError
from decant.wiring import Registry
from tests.support.operations import make_app, serve, wired


class Book(BaseModel):
    id: int
    title: str


class Special(Book):
    hidden: str = "not declared"


class Other(BaseModel):
    id: int


class Aliased(BaseModel):
    book_id: int = Field(alias="bookId")


class Entry(TypedDict):
    id: int
    title: str


class Base(DeclarativeBase): ...


class Stored(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


class Row(NamedTuple):
    id: int
    title: str


@dataclasses.dataclass
class Point:
    x: int


class Entity:
    def __init__(self, id: int, title: str) -> None:  # noqa: A002
        self.id = id
        self.title = title


BOOK = b'{"id":1,"title":"a"}'


def written(kind: Any, value: Any) -> bytes:
    result = Result(kind, "shop.view")
    return result.dump(result.check(value))


def rows() -> Iterator[Row]:
    yield Row(1, "a")


@pytest.mark.parametrize(
    "value",
    [
        Book(id=1, title="a"),
        Special(id=1, title="a"),
        {"id": 1, "title": "a"},
        Row(1, "a"),
        Entity(1, "a"),
        SimpleNamespace(id=1, title="a"),
    ],
)
def test_anything_with_the_fields_becomes_the_declared_model(value) -> None:
    assert written(Book, value) == BOOK


@pytest.mark.parametrize("value", [[Row(1, "a")], (Entity(1, "a"),), [{"id": 1, "title": "a"}], rows()])
def test_a_list_of_rows_is_validated_at_once(value) -> None:
    assert written(list[Book], value) == b"[" + BOOK + b"]"


def test_a_list_of_what_is_declared_passes_as_it_is() -> None:
    books = [Book(id=1, title="a")]
    assert Result(list[Book], "shop.view").check(books) is books


def test_a_mixed_list_is_fine() -> None:
    assert written(list[Book], [Book(id=1, title="a"), Row(1, "a")]) == b"[" + BOOK + b"," + BOOK + b"]"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (list[Book], [], b"[]"),
        (str, "é", '"é"'.encode()),
        (float, 1, b"1.0"),
        (int | str, "a", b'"a"'),
        (Book | Other, Other(id=1), b'{"id":1}'),
        (dict[str, int], {"a": 1}, b'{"a":1}'),
        (dict[str, Book], {"a": Row(1, "a")}, b'{"a":' + BOOK + b"}"),
        (Entry, {"id": 1, "title": "a"}, BOOK),
        (Entry, {"id": 1, "title": "a", "more": 1}, BOOK),
        (list[Entry], [{"id": 1, "title": "a"}], b"[" + BOOK + b"]"),
        (Point, Point(1), b'{"x":1}'),
        (Decimal, Decimal("1.50"), b'"1.50"'),
        (dt.date, dt.date(2026, 11, 21), b'"2026-11-21"'),
        (Aliased, Aliased(bookId=1), b'{"bookId":1}'),
        (Any, {"a": [1, None]}, b'{"a":[1,null]}'),
    ],
)
def test_other_types_are_written_as_pydantic_writes_them(kind, value, expected) -> None:
    assert written(kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Book, Other(id=1)),
        (Book, None),
        (Book, {"id": "x", "title": "a"}),
        (Book, object()),
        (list[Book], [Other(id=1)]),
        (list[Book], [None]),
        (list[Book], Book(id=1, title="a")),
        (Entry, {"id": 1}),
        (Entry, Book(id=1, title="a")),
        (list[Entry], [{"id": 1}]),
        (list[Entry], [None]),
        (Entry, {"id": object(), "title": "a"}),
        (int, "x"),
        (None, 5),
        (Response, {"a": 1}),
        (Any, object()),
        (str, "\ud800"),
        (bytes, b"\xff"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_the_operation(kind, value) -> None:
    with pytest.raises(ResultError, match=r"shop\.view"):
        written(kind, value)


def test_a_field_that_was_set_to_something_else_is_an_error() -> None:
    book = Book(id=1, title="a")
    book.title = 5  # type: ignore[assignment]
    with pytest.raises(ResultError):
        written(Book, book)


def test_a_result_that_does_not_fit_is_500_and_not_the_clients_fault() -> None:
    @operation
    def view() -> Book:
        return {"id": "x"}  # type: ignore[return-value]

    assert serve(view).get("/").status_code == 500


def test_fields_that_a_subclass_adds_stay_inside() -> None:
    assert written(list[Book], [Special(id=1, title="a")]) == b"[" + BOOK + b"]"


@pytest.mark.parametrize("kind", [None, Book | None, Any])
def test_none_is_204_without_body_and_content_type(kind) -> None:
    def view(): ...

    view.__annotations__["return"] = kind
    response = serve(operation(view)).get("/")
    assert (response.status_code, response.data) == (204, b"")
    assert "Content-Type" not in response.headers


def test_a_flask_response_passes_through() -> None:
    @operation
    def view() -> Response:
        return redirect("/elsewhere")  # type: ignore[return-value]

    response = serve(view).get("/")
    assert (response.status_code, response.location) == (302, "/elsewhere")


def test_a_flask_response_passes_through_any_signature() -> None:
    @operation
    def view() -> Book:
        return Response("teapot", 418)  # type: ignore[return-value]

    assert serve(view).get("/").status_code == 418


def test_the_declared_status_is_used() -> None:
    @operation(status=202)
    def view() -> Book:
        return Book(id=1, title="a")

    @operation(status=202)
    def nothing() -> None: ...

    assert serve(view).get("/").status_code == 202
    assert serve(nothing).get("/").status_code == 202


def test_an_answer_is_plain_json_that_varies_by_accept() -> None:
    @operation
    def view() -> Book:
        return Book(id=1, title="a")

    response = serve(view).get("/")
    assert (response.content_type, response.headers["Vary"], response.data) == ("application/json", "Accept", BOOK)


def test_head_has_the_headers_of_get_and_no_body() -> None:
    @operation
    def view() -> Book:
        return Book(id=1, title="a")

    client = serve(view)
    head, get = client.head("/"), client.get("/")
    assert (head.status_code, head.data, head.headers) == (200, b"", get.headers)


# Location


@operation(location="/books/{id}/{title}")
def create(book: Book) -> Book:
    return book


def test_a_location_is_filled_from_the_result_and_makes_it_201() -> None:
    response = serve(create, method="POST").post("/", json={"id": 1, "title": "a b/ü"})
    assert (response.status_code, response.headers["Location"]) == (201, "/books/1/a%20b%2F%C3%BC")


def test_a_location_has_the_public_prefix_of_the_request() -> None:
    client = serve(create, method="POST")
    environ = {"decant.prefix": "/api"}
    response = client.post("/", json={"id": 1, "title": "a"}, environ_overrides=environ)
    assert response.headers["Location"] == "/api/books/1/a"


@pytest.mark.parametrize("title", ["", ".", ".."])
def test_a_location_that_would_lead_elsewhere_is_an_error(title) -> None:
    assert serve(create, method="POST").post("/", json={"id": 1, "title": title}).status_code == 500


def test_a_location_is_filled_from_a_typed_dict() -> None:
    @operation(location="/books/{id}")
    def view() -> Entry:
        return {"id": 5, "title": "a"}

    assert serve(view, method="POST").post("/").headers["Location"] == "/books/5"


def test_a_location_with_an_unknown_field_is_refused_when_wired() -> None:
    @operation(location="/books/{number}")
    def view() -> Book: ...  # type: ignore[empty-body]

    with pytest.raises(SetupError, match=r"\{number\}, and its result no such field"):
        wired(view)


# Views


def test_a_plain_view_is_left_exactly_as_it_is() -> None:
    def view() -> str:
        return "plain"

    assert bind_view(view, Registry(), name="plain", rule="/").function is view


def test_a_plain_async_view_is_left_alone() -> None:
    async def view() -> str:
        return "plain"

    assert bind_view(view, Registry(), name="plain", rule="/").function is view


class Service: ...


class Books(MethodView):
    init_every_request = True

    def __init__(self, service: Service) -> None:
        self.service = service

    @operation
    def get(self, number: int) -> Book:
        return Book(id=number, title=type(self.service).__name__)

    @operation(status=202)
    def put(self, number: int, book: Book) -> Book:
        return book


class HalfTyped(MethodView):
    @operation
    def get(self) -> Book:
        return Book(id=1, title="typed")

    def post(self) -> str:
        return "plain"


def test_a_method_view_is_typed_method_by_method_and_made_by_injection() -> None:
    registry = Registry()
    registry.add_value(Service, Service())
    bound = bind_view(Books, registry, name="shop.books", rule="/<int:number>", methods=["GET", "PUT"])
    assert sorted(one.name for one in bound.operations) == ["shop.books.get", "shop.books.put"]
    client = make_app(Books.as_view("books"), "/<int:number>", ["GET", "PUT"], registry).test_client()
    assert client.get("/5").json == {"id": 5, "title": "Service"}
    assert client.head("/5").status_code == 200
    assert client.put("/5", json={"id": 6, "title": "b"}).status_code == 202
    assert client.post("/5").status_code == 405


def test_plain_methods_of_a_method_view_stay_plain() -> None:
    client = make_app(HalfTyped.as_view("half"), "/", ["GET", "POST"]).test_client()
    assert client.get("/").json == {"id": 1, "title": "typed"}
    assert client.post("/").text == "plain"


def test_one_function_for_two_methods_reads_each_in_its_own_way() -> None:
    @operation
    def view(number: int) -> int:
        return number

    client = make_app(view, "/", ["GET", "POST"]).test_client()
    assert client.get("/?number=5").json == 5
    assert client.post("/", json={"number": 6}).json == 6


def test_one_endpoint_at_two_paths_reads_each_in_its_own_way() -> None:
    from flask import Flask

    from decant.http import bind_app
    from decant.http.problem import install_problems

    @operation
    def view(number: int = 0) -> int:
        return number

    app = Flask(__name__)
    install_problems(app, expose=True)
    app.add_url_rule("/one", "view", view)
    app.add_url_rule("/one/<int:number>", "view", view)
    bind_app(app, Registry())
    client = app.test_client()
    assert (client.get("/one?number=7").json, client.get("/one/8").json) == (7, 8)


def test_rows_and_objects_of_sqlalchemy_need_no_conversion() -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as db:
        db.add(Stored(id=1, title="a"))
        db.commit()
        assert written(list[Book], db.execute(select(Stored.id, Stored.title)).all()) == b"[" + BOOK + b"]"
        assert written(list[Book], db.scalars(select(Stored))) == b"[" + BOOK + b"]"
        assert written(Book, db.get(Stored, 1)) == BOOK
    engine.dispose()
