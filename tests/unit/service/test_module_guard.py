"""A module's guard stands before each of its views, however that is written, and is asked once."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from decant import create_app
from decant.errors import AuthenticationError
from decant.service import runtime_of

Shop = Callable[..., Path]
INIT = """
    from decant import Module
    from decant.context import Caller
    from decant.errors import AuthenticationError

    asked = []


    def only_once(caller: Caller) -> None:
        asked.append(caller)
        raise AuthenticationError("Not you.")


    module = Module(__name__, guard=only_once)
"""
URLS = """
    from flask.views import MethodView

    from decant import operation, url
    from decant.context import anyone


    class Mixed(MethodView):
        def get(self) -> str:
            return "plain"

        @operation
        def post(self, text: str) -> str:
            return text

        @operation(guard=anyone)
        def put(self, text: str) -> str:
            return text


    def plain() -> str:
        return "plain"


    @operation
    def typed(number: int) -> int:
        return number


    @operation(guard=anyone)
    def free(number: int) -> int:
        return number


    urlpatterns = [
        url("/mixed", view_func=Mixed.as_view("mixed"), name="mixed", methods=["GET", "POST", "PUT"]),
        url("/plain", view_func=plain),
        url("/typed", view_func=typed),
        url("/free", view_func=free),
    ]
"""
OWN = """
    from decant import Contract, get
    from decant.context import anyone


    class Cart(Contract):
        @get("/cart", public=True)
        def show(self) -> int: ...

        @get("/open", public=True, guard=anyone)
        def open_to_all(self) -> int: ...

        @get("/between")
        def between(self) -> int: ...
"""
OWN_SERVICE = """
    from shop.cart.api import Cart


    class CartService(Cart):
        def show(self) -> int:
            return 1

        def open_to_all(self) -> int:
            return 2

        def between(self) -> int:
            return 3
"""
FILES = {
    "cart/__init__.py": INIT,
    "cart/urls.py": URLS,
    "cart/api.py": OWN,
    "cart/service.py": OWN_SERVICE,
    "web/urls.py": "urlpatterns = []\n",
}


@pytest.fixture(params=["monolith", "services"])
def app(request: pytest.FixtureRequest, shop: Shop) -> Any:
    service = "*" if request.param == "monolith" else "cart"
    made = create_app(service, request.param, shop(FILES), environ={})
    yield made
    runtime_of(made).stop(1)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/plain"), ("HEAD", "/plain"), ("GET", "/mixed"), ("HEAD", "/mixed"), ("POST", "/mixed"),
        ("GET", "/typed?number=x"), ("GET", "/api/cart"),
    ],
)  # fmt: skip
def test_each_view_and_public_operation_is_guarded_and_the_guard_asked_once(app: Flask, method: str, path: str) -> None:
    assert app.test_client().open(path, method=method).status_code == 401
    assert len(import_module("shop.cart").asked) == 1


@pytest.mark.parametrize(
    ("method", "path", "answer"), [("GET", "/free?number=3", 3), ("PUT", "/mixed", "x"), ("GET", "/api/open", 2)]
)
def test_what_is_open_to_anyone_is_not_guarded(app: Flask, method: str, path: str, answer: object) -> None:
    assert app.test_client().open(path, method=method, json={"text": "x"} if method == "PUT" else None).json == answer
    assert import_module("shop.cart").asked == []


def test_what_only_other_modules_call_has_no_default(app: Flask) -> None:
    cart = runtime_of(app).client(import_module("shop.cart.api").Cart)
    assert cart.between() == 3
    with pytest.raises(AuthenticationError, match="Not you"):
        cart.show()


@pytest.mark.parametrize("path", ["/plain", "/typed", "/mixed", "/api/cart"])
def test_which_methods_there_are_is_told_to_everybody_as_browsers_ask_it_without_credentials(
    app: Flask, path: str
) -> None:
    answer = app.test_client().options(path)
    assert (answer.status_code, "GET" in answer.headers["Allow"]) == (200, True)


def test_an_unknown_path_of_nobodys_is_not_there(app: Flask) -> None:
    assert app.test_client().get("/mixed/none").status_code == 404
    assert app.test_client().delete("/mixed").status_code == 405
