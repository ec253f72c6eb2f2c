"""Guards of operations between modules of one process, and at the edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import Field

from decant.auth import anyone, require_roles, require_user
from decant.context import CallContext, Caller, Guard, current, use
from decant.contracts import Contract, contract_of, direct_client, invoker, strict_client
from decant.errors import AuthenticationError, PermissionDeniedError
from decant.http import compile_operation, get, make_view, post
from decant.http.problem import install_problems
from decant.wiring import Registry

Seats = Annotated[int, Field(gt=0)]
USER = Caller("u1")


class Rooms(Contract, module="rooms"):
    @post("/seats", public=True, guard=require_user)
    def book(self, seats: Seats) -> int: ...

    @post("/closing", guard=require_roles("admin"))
    def close(self) -> str: ...

    @get("/rooms", public=True)
    def rooms(self) -> str: ...

    @get("/prices", public=True, guard=anyone)
    def prices(self) -> str: ...

    @get("/stock")
    def stock(self) -> str: ...


class RoomService(Rooms):
    made = 0

    def __init__(self) -> None:
        RoomService.made += 1

    def book(self, seats: int) -> int:
        return seats

    def close(self) -> str:
        return "closed"

    def rooms(self) -> str:
        return "rooms"

    def prices(self) -> str:
        return "prices"

    def stock(self) -> str:
        return "stock"


Client = Callable[..., Contract]
both = pytest.mark.parametrize("make", [direct_client, strict_client])


def rooms(make: Client, guard: Guard | None = None) -> Any:
    RoomService.made = 0
    return make(contract_of(Rooms), RoomService, Registry(), guard)


@both
def test_a_call_for_nobody_is_refused_as_unauthenticated_before_the_service_is_made(make: Client) -> None:
    with pytest.raises(AuthenticationError, match="The access token is missing") as caught:
        rooms(make).book(1)
    assert type(caught.value) is AuthenticationError
    assert RoomService.made == 0


@both
def test_a_guard_lets_the_caller_in_whose_context_travels(make: Client) -> None:
    with use(CallContext(caller=USER)):
        assert rooms(make).book(2) == 2


@both
def test_a_role_that_is_missing_is_a_permission_denied(make: Client) -> None:
    with use(CallContext(caller=USER)), pytest.raises(PermissionDeniedError, match="the role admin"):
        rooms(make).close()


@both
def test_the_reason_why_a_token_was_refused_reaches_the_caller(make: Client) -> None:
    refused = Caller(refused="The access token has expired.")
    with use(CallContext(caller=refused)), pytest.raises(AuthenticationError, match="has expired"):
        rooms(make).book(1)


@both
def test_the_guard_of_a_module_holds_for_its_public_operations_that_name_none(make: Client) -> None:
    client = rooms(make, require_user)
    with pytest.raises(AuthenticationError):
        client.rooms()
    assert client.prices() == "prices"
    assert client.stock() == "stock"


def test_who_may_not_call_learns_nothing_about_the_arguments() -> None:
    with pytest.raises(AuthenticationError):
        rooms(strict_client).book(-1)


def edge(guard: Guard | None = None, caller: Caller | None = None) -> FlaskClient:
    app = Flask("rooms")
    install_problems(app, expose=True)
    info = contract_of(Rooms)
    assert info is not None
    for name, declared in info.operations.items():
        operation = compile_operation(
            declared.function, name=declared.name, declaration=declared.declaration, skip_self=True
        )
        view = make_view(operation, invoker(RoomService, name, Registry(), operation.check), guard)
        app.add_url_rule(operation.rule, name, view, methods=[operation.method])
    if caller is not None:
        app.before_request(lambda: current.set(CallContext(caller=caller)) and None)
    return app.test_client()


def test_at_the_edge_401_comes_before_422_and_before_the_body_is_read() -> None:
    client = edge()
    RoomService.made = 0
    for body in ({"json": {"seats": -1}}, {"data": b"{not json", "content_type": "application/json"}, {"data": b"x"}):
        answer = client.post("/seats", **body)  # type: ignore[arg-type]
        assert answer.status_code == 401, answer.json
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert RoomService.made == 0


def test_at_the_edge_the_guard_of_the_module_holds_for_operations_that_name_none() -> None:
    client = edge(require_user)
    assert [client.get(path).status_code for path in ("/rooms", "/prices", "/stock")] == [401, 200, 200]
