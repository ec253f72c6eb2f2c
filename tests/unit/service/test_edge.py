"""A service says no in the name of all services, where the gateway asks it to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from decant import create_app

HOOK = """
    from decant import Module
    from decant.http.problem import EXTRA
    from flask import request

    module = Module(__name__)


    @module.before_app_request
    def expect():
        if request.path.startswith("/api/cart"):
            request.environ[EXTRA] = lambda problem: {"path": request.path}
"""


@pytest.fixture
def cart(shop: Callable[..., Path], tmp_path: Path) -> FlaskClient:
    environ = {"DECANT_HOME": str(tmp_path / "home"), "DECANT_TOPOLOGY": "services"}
    return create_app("cart", config=shop({"cart/__init__.py": HOOK}), environ=environ).test_client()


def test_a_path_that_the_gateway_calls_lost_is_lost_also_where_the_service_has_it(cart: FlaskClient) -> None:
    answer = cart.get("/cart", headers={"Decant-Edge": "404"})
    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


def test_hooks_of_modules_see_the_path_that_was_asked_for(cart: FlaskClient) -> None:
    assert cart.get("/api/cart/nothing", headers={"Decant-Edge": "404"}).json["path"] == "/api/cart/nothing"
    refused = cart.delete("/api/cart", headers={"Decant-Edge": "405 GET, HEAD, OPTIONS, POST"})
    assert (refused.status_code, refused.json["path"]) == (405, "/api/cart")
    assert refused.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_options_lists_what_all_services_have(cart: FlaskClient) -> None:
    answer = cart.options("/api/cart", headers={"Decant-Edge": "200 GET, HEAD, OPTIONS, POST"})
    assert (answer.status_code, answer.headers["Allow"]) == (200, "GET, HEAD, OPTIONS, POST")


def test_what_is_for_services_stays_closed(cart: FlaskClient) -> None:
    assert cart.get("/-/cart", headers={"Decant-Edge": "200 GET"}).status_code == 404


@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [("127.0.0.1", True, 404), ("127.0.0.1", False, 200), ("10.0.0.7", True, 200)],
    ids=["the gateway", "a neighbour that says nothing of a client", "a stranger"],
)
def test_where_the_gateway_is_known_nobody_else_is_believed(
    shop: Callable[..., Path], tmp_path: Path, proxies: str, forwarded: bool, status: int
) -> None:
    home = {"DECANT_HOME": str(tmp_path / "home"), "DECANT_TOPOLOGY": "services"}
    app = create_app(
        "cart", config=shop({"cart/__init__.py": HOOK}), environ={**home, "DECANT_TRUSTED_PROXIES": proxies}
    )
    headers = {"Decant-Edge": "404", **({"X-Forwarded-For": "6.6.6.6"} if forwarded else {})}
    assert app.test_client().get("/health", headers=headers).status_code == status
