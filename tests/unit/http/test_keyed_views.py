"""``idempotent=True`` on views: the header, the answer of a repetition, and what cannot be."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from flask.views import MethodView
from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from decant.context import EMPTY, CallContext, Caller, current
from decant.db import DatabaseKeys, ModuleBase, ModuleDatabase, create_infrastructure
from decant.errors import SetupError
from decant.http import bind_app, operation
from decant.http.openapi import install_openapi
from decant.http.problem import install_problems
from decant.idempotency import IdempotentCalls, parse_key
from decant.wiring import Registry
from tests.support.clocks import HandClock


class Base(ModuleBase, DeclarativeBase, module="desk"):
    pass


class Order(Base):
    id: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[str]


class Wish(BaseModel):
    item: str = Field(min_length=1)


class Made(BaseModel):
    id: int
    item: str


@operation(idempotent=True, location="/orders/{id}", etag=True)
def order(wish: Wish, db: Session) -> Made:
    """Order something."""
    made = Order(item=wish.item)
    db.add(made)
    db.flush()
    return Made(id=made.id, item=made.item)


@operation(idempotent=True)
def without_injection(wish: Wish) -> str:
    return wish.item


class Orders(MethodView):
    def __init__(self, db: Session) -> None:
        self.db = db

    @operation
    def get(self) -> int:
        return self.db.scalar(select(func.count()).select_from(Order)) or 0

    @operation(idempotent=True)
    def post(self, wish: Wish) -> int:
        self.db.add(Order(item=wish.item))
        self.db.flush()
        return self.get()  # type: ignore[no-any-return]

    @operation(idempotent=True)
    def delete(self) -> None:
        self.db.execute(Order.__table__.delete())  # type: ignore[attr-defined]


def registry_of(database: ModuleDatabase) -> Registry:
    registry = Registry()
    registry.add_factory(Session, lambda scope: database.session(), close=database.close_session)
    registry.add_value(IdempotentCalls, IdempotentCalls(DatabaseKeys(database), HandClock()))
    return registry


@pytest.fixture
def database(tmp_path: Path) -> Iterator[ModuleDatabase]:
    made = ModuleDatabase("desk", f"sqlite:///{tmp_path}/desk.sqlite3")
    with made.engine.begin() as connection:
        create_infrastructure(connection, "desk")
        Base.metadata.create_all(connection)
    yield made
    made.close()


@pytest.fixture
def client(database: ModuleDatabase) -> FlaskClient:
    app = Flask(__name__)
    install_problems(app, expose=True)

    @app.before_request
    def as_the_kit_does() -> None:
        from flask import request

        key = request.headers.get("Idempotency-Key")
        user = Caller(request.headers.get("User"))
        current.set(CallContext(caller=user, idempotency_key=None if key is None else parse_key(key)))

    @app.teardown_request
    def leave(error: BaseException | None) -> None:
        current.set(EMPTY)

    app.add_url_rule("/orders", "order", order, methods=["POST"])
    app.add_url_rule("/plain", "plain", without_injection, methods=["GET", "POST"])
    app.add_url_rule("/all", view_func=Orders.as_view("all"))
    bind_app(app, registry_of(database))
    install_openapi(app, title="desk", version="1", docs=None)
    return app.test_client()


def ask(client: FlaskClient, key: str | None = "k1", item: str = "book", **headers: str) -> Any:
    given = headers if key is None else {"Idempotency-Key": key, **headers}
    return client.post("/orders", json={"item": item}, headers=given)


def count(client: FlaskClient) -> Any:
    return client.get("/all").json


def shown(answer: Any) -> tuple[Any, ...]:
    return answer.status_code, answer.data, sorted(answer.headers.items())


def test_a_repetition_is_answered_as_the_first_time_to_the_byte(client: FlaskClient) -> None:
    first = ask(client)
    assert (first.status_code, first.headers["Location"], first.json) == (201, "/orders/1", {"id": 1, "item": "book"})
    assert shown(ask(client)) == shown(first)
    assert count(client) == 1


def test_a_repetition_may_ask_for_another_media_type(client: FlaskClient) -> None:
    ask(client)
    assert ask(client, Accept="application/xml").content_type.startswith("application/xml")
    assert count(client) == 1


def test_without_a_header_each_request_has_its_effect(client: FlaskClient) -> None:
    assert [ask(client, None).json["id"] for _ in range(2)] == [1, 2]


def test_another_body_is_422_and_has_no_effect(client: FlaskClient) -> None:
    ask(client)
    answer = ask(client, item="pen")
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency-key-reused")
    assert count(client) == 1


@pytest.mark.parametrize("key", ["", "two words", "ü", "k" * 256])
def test_a_malformed_key_is_400_and_has_no_effect(client: FlaskClient, key: str) -> None:
    answer = ask(client, key)
    assert (answer.status_code, answer.json["code"]) == (400, "idempotency-key-malformed")
    assert count(client) == 0


def test_a_key_with_and_without_the_drafts_quotes_is_the_same(client: FlaskClient) -> None:
    assert ask(client, '"k1"').json == ask(client, "k1").json


def test_a_request_that_is_not_valid_leaves_its_key_free(client: FlaskClient) -> None:
    assert ask(client, item="").status_code == 422
    assert ask(client).status_code == 201


def test_another_user_never_sees_the_answer(client: FlaskClient) -> None:
    assert ask(client, User="a").json["id"] == 1
    assert ask(client, User="b").json["id"] == 2
    assert ask(client, User="a").json["id"] == 1


def test_methods_of_one_path_have_keys_of_their_own(client: FlaskClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    for _ in range(2):
        assert client.post("/all", json={"item": "book"}, headers=headers).json == 1
    for _ in range(2):
        assert client.delete("/all", headers=headers).status_code == 204
    assert client.post("/all", json={"item": "book"}, headers=headers).json == 1
    assert count(client) == 0


def test_a_get_beside_a_post_takes_no_key(client: FlaskClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    assert [client.get(f"/plain?item={item}", headers=headers).json for item in "ab"] == ["a", "b"]
    assert client.post("/plain", json={"item": "a"}, headers=headers).json == "a"
    assert client.post("/plain", json={"item": "b"}, headers=headers).status_code == 422


def test_the_api_document_tells_of_the_header_and_its_errors(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").json["paths"]  # type: ignore[index]
    described = paths["/orders"]["post"]
    header = next(one for one in described["parameters"] if one["in"] == "header")
    assert (header["name"], header.get("required", False)) == ("Idempotency-Key", False)
    assert {"400", "409", "422"} <= set(described["responses"])
    assert "Retry-After" in described["responses"]["409"]["headers"]
    assert "parameters" not in paths["/all"]["get"]


def bind(view: Any, registry: Registry) -> None:
    app = Flask(__name__)
    app.add_url_rule("/", "view", view, methods=["POST"])
    bind_app(app, registry)


@pytest.mark.parametrize("result", [Response, Any, Generator[str], Iterable[str], str | Response])
def test_an_answer_that_cannot_be_stored_is_refused_when_wired(database: ModuleDatabase, result: Any) -> None:
    def view() -> None: ...

    view.__annotations__["return"] = result
    with pytest.raises(SetupError, match="stores answers"):
        bind(operation(idempotent=True)(view), registry_of(database))


def test_a_view_of_a_module_without_database_is_refused_when_wired() -> None:
    with pytest.raises(SetupError, match="the module has none"):
        bind(without_injection, Registry())
