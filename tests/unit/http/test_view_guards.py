"""Guards of views: asked before anything of the request is read."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask.views import MethodView

from decant.context import Caller, Guard
from decant.errors import AuthenticationError, PermissionDeniedError
from decant.http import bind_app, operation
from decant.http.problem import install_problems
from decant.wiring import Registry

ASKED: list[Caller] = []


def refuse(caller: Caller) -> None:
    ASKED.append(caller)
    raise AuthenticationError("Sign in first.")


def forbid(caller: Caller) -> None:
    raise PermissionDeniedError("Not you.")


def welcome(caller: Caller) -> None:
    ASKED.append(caller)


@operation(guard=refuse)
def guarded(seats: int) -> int:
    return seats


@operation(guard=welcome)
def welcoming(seats: int) -> int:
    return seats


@operation
def unguarded(seats: int) -> int:
    return seats


def plain() -> str:
    return "plain"


class Seats(MethodView):
    made = 0

    def __init__(self) -> None:
        Seats.made += 1

    @operation
    def get(self) -> int:
        return 1

    @operation(guard=forbid)
    def post(self, seats: int) -> int:
        return seats


def client(guard: Guard | None = None) -> FlaskClient:
    ASKED.clear()
    app = Flask(__name__)
    install_problems(app, expose=True)
    for view in (guarded, welcoming, unguarded, plain):
        app.add_url_rule(f"/{view.__name__}", view.__name__, view, methods=["GET", "POST"])
    app.add_url_rule("/seats", view_func=Seats.as_view("seats"))
    bind_app(app, Registry(), guard=guard)
    return app.test_client()


@pytest.mark.parametrize("body", [b'{"seats": 1}', b'{"seats": "many"}', b"{not json"])
def test_a_guard_is_asked_before_the_body_is_read(body: bytes) -> None:
    answer = client().post("/guarded", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["detail"]) == (401, "Sign in first.")
    assert len(ASKED) == 1


def test_who_is_let_in_is_answered_and_a_wrong_body_still_refused() -> None:
    caller = client()
    assert caller.post("/welcoming", json={"seats": 2}).json == 2
    assert caller.post("/welcoming", json={"seats": "many"}).status_code == 422


def test_the_methods_of_a_view_have_guards_of_their_own_asked_before_it_is_made() -> None:
    caller = client()
    assert caller.get("/seats").status_code == 200
    Seats.made = 0
    assert caller.post("/seats", json={"seats": "many"}).status_code == 403
    assert Seats.made == 0


def test_the_default_guard_is_for_operations_that_name_none() -> None:
    caller = client(guard=refuse)
    answers = {name: caller.post(f"/{name}", json={"seats": 1}).status_code for name in ("unguarded", "welcoming")}
    assert answers == {"unguarded": 401, "welcoming": 200}
    assert caller.get("/seats").status_code == 401
    assert caller.get("/plain").data == b"plain"
