"""Which module answers which path: what the edge's routes are derived from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterable
from typing import NamedTuple

from flask import Flask
from werkzeug.routing import Rule

from decant.errors import SetupError
from decant.modules.module import Module
from decant.modules.scope import owner_of


class Route(NamedTuple):
    """One method of one path.

    Attributes:
        method: In upper case. HEAD and OPTIONS only where a view declares them itself.
        rule: The path template, as Flask writes it: ``/products/<int:product_id>``.
        endpoint: As ``url_for`` takes it: ``catalog.show``.
        module: The module that answers.
        public: Whether the edge answers it. Views are; operations of a contract only where they say so.
    """

    method: str
    rule: str
    endpoint: str
    module: str
    public: bool = True


def manifest(source: Flask | Module, *, private: Container[str] = ()) -> tuple[Route, ...]:
    """Return every route of the modules in an application, or of one module, sorted by path and method.

    Args:
        source: An application whose modules are registered, or a module, which is loaded for it.
        private: Endpoints that answer other services only.
    """
    if isinstance(source, Flask):
        owners = {name for name, blueprint in source.blueprints.items() if isinstance(blueprint, Module)}
        return _routes(source, owners, private)
    app = Flask(__name__, static_folder=None)
    app.register_blueprint(source)
    return _routes(app, {source.name}, private)


def own_routes(app: Flask) -> tuple[Route, ...]:
    """Return the routes of an application that belong to none of its modules; its name stands for the module."""
    modules = {name for name, blueprint in app.blueprints.items() if isinstance(blueprint, Module)}
    return tuple(
        Route(method, rule.rule, rule.endpoint, app.name)
        for rule in app.url_map.iter_rules()
        if owner_of(rule.endpoint) not in modules
        for method in _declared_methods(rule)
    )


def _routes(app: Flask, owners: set[str], private: Container[str]) -> tuple[Route, ...]:
    routes = [
        Route(method, rule.rule, rule.endpoint, owner, rule.endpoint not in private)
        for rule in app.url_map.iter_rules()
        if "." in rule.endpoint and (owner := owner_of(rule.endpoint)) in owners and owner
        for method in _declared_methods(rule)
    ]
    return tuple(sorted(routes, key=lambda route: (route.rule, route.method, route.endpoint)))


def _declared_methods(rule: Rule) -> set[str]:
    methods = set(rule.methods or ())
    if "GET" in methods:
        methods.discard("HEAD")
    if rule.provide_automatic_options:  # type: ignore[attr-defined]
        methods.discard("OPTIONS")
    return methods


def check_clashes(routes: Iterable[Route]) -> None:
    """Check that every path and method has one owner, so that any grouping of the modules can serve them.

    Paths that differ only in the names of their variables are the same path.

    Raises:
        SetupError: With every clash and its owners.
    """
    owners: dict[tuple[str, str], dict[tuple[str, str], Route]] = defaultdict(dict)
    for route in routes:
        owners[route.method, shape(route.rule)].setdefault((route.module, route.endpoint), route)
    clashes = [list(routes.values()) for routes in owners.values() if len(routes) > 1]
    if clashes:
        raise SetupError(
            "\n".join(_describe(clash) for clash in clashes),
            hint="Each path and method can have one owner: change the rule of one of them.",
        )


_VARIABLE = re.compile(r"<(?:(?P<converter>[a-zA-Z_]\w*)(?:\((?P<arguments>.*?)\))?:)?[a-zA-Z_]\w*>")


def shape(rule: str) -> str:
    """Return a path template without the names of its variables."""

    def replace(match: re.Match[str]) -> str:
        converter = match["converter"] or "default"
        arguments = re.sub(r"\s+", "", match["arguments"] or "")
        return f"<{'default' if converter == 'string' else converter}({arguments})>"

    return _VARIABLE.sub(replace, rule)


def _describe(clash: list[Route]) -> str:
    owners = " and ".join(f"{route.module!r} ({route.endpoint}, {route.rule})" for route in clash)
    return f"{clash[0].method} {clash[0].rule} has more than one owner: {owners}."
