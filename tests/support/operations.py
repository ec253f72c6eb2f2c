"""Serve one typed view and talk to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from decant.http import Operation, bind_app, registered_operations
from decant.http.problem import install_problems
from decant.wiring import Registry


def make_app(
    view: Any, rule: str, methods: Sequence[str] = ("GET",), registry: Registry | None = None, **config: Any
) -> Flask:
    """Return an application with one view, bound to a registry."""
    app = Flask(__name__)
    app.config.update(config)
    install_problems(app, expose=True)
    app.add_url_rule(rule, "view", view, methods=list(methods))
    bind_app(app, registry or Registry())
    return app


def serve(
    view: Callable[..., Any], rule: str = "/", method: str = "GET", registry: Registry | None = None, **config: Any
) -> FlaskClient:
    """Return a client of an application with one view."""
    return make_app(view, rule, [method], registry, **config).test_client()


def wired(view: Callable[..., Any], rule: str = "/", method: str = "GET") -> Operation:
    """Return the operation that a view becomes."""
    (registered,) = registered_operations(make_app(view, rule, [method]))
    return registered.operation


def faults(response: Any) -> dict[str, str]:
    """Return a 422's bad fields and their codes."""
    assert response.status_code == 422, (response.status_code, response.data)
    return {one["field"]: one["code"] for one in response.json["errors"]}
