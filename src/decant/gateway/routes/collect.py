"""Makes the manifest: from the application that has every module in one process, so that both answer alike."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from typing import Any

from flask import Flask
from werkzeug.routing import Rule
from werkzeug.routing.converters import DEFAULT_CONVERTERS

from decant.auth import AccessTokens, RefreshTokens, SignOut, generate_key
from decant.auth.browser import browser_setup
from decant.errors import DecantError, SetupError
from decant.gateway.routes.manifest import EDGE, Manifest, Pattern, RouteEntry
from decant.http.openapi.views import document_of
from decant.modules import Module
from decant.service import create_app, runtime_of
from decant.service.factory import EVERYTHING
from decant.service.identity import JWKS_PATH
from decant.service.runtime import Runtime
from decant.settings.sources import PRODUCTION
from decant.wiring import resolve_hints

COOKIE_KEY = "DECANT_AUTH_COOKIE_KEY"
SIGNING_KEY = "DECANT_AUTH_SIGNING_KEY"

_OF_THE_EDGE = ("decant_health", "decant_metrics", "decant_openapi.", "decant_docs.")
_SIGNERS = (AccessTokens, RefreshTokens, SignOut)
_CONVERTER = re.compile(r"<([a-zA-Z_]\w*)(?:\(.*?\))?:([a-zA-Z_]\w*)>")


def manifest_of_modules(config: str) -> Manifest:
    """Return the manifest of a workspace: of the application with all its modules, made for this alone.

    In production it needs no keys of users' tokens and cookies: an image is built where there are none, and a gateway
    has none. What is missing is made up, and forgotten with the application.

    Raises:
        DecantError: When the modules cannot be wired.
    """
    environ = {COOKIE_KEY: secrets.token_hex(32), **os.environ}
    try:
        app = create_app(EVERYTHING, config=config, environ=environ)
    except DecantError:
        if environ.get("DECANT_ENV") != PRODUCTION or SIGNING_KEY in environ:
            raise
        app = create_app(EVERYTHING, config=config, environ={**environ, SIGNING_KEY: generate_key().decode()})
    return collect_manifest(app)


def collect_manifest(app: Flask) -> Manifest:
    """Return the manifest of an application with all modules of its workspace.

    Raises:
        SetupError: For a route that no module answers and the edge does not either.
    """
    runtime = runtime_of(app)
    setup = browser_setup(app)
    pages = setup.modules[0] if setup is not None else None
    patterns: dict[str, Pattern] = {}
    routes = [_entry(rule, _owner(app, rule, runtime, pages), patterns) for rule in app.url_map.iter_rules()]
    return Manifest(
        workspace=runtime.plan.workspace or runtime.plan.name,
        prefix=runtime.plan.prefix,
        modules=tuple(sorted(module.name for module in runtime.modules)),
        routes=tuple(sorted(routes, key=lambda route: (route.path, route.module, route.endpoint))),
        pages=pages,
        openapi=document_of(app),
        patterns=patterns,
    )


def _entry(rule: Rule, module: str, patterns: dict[str, Pattern]) -> RouteEntry:
    if rule.defaults or rule.alias or rule.redirect_to is not None or rule.host or rule.subdomain:
        raise SetupError(
            f"The route {rule.rule} ({rule.endpoint}) has defaults, a redirect or a host of its own, "
            "which the gateway does not know.",
            hint="Write these as routes of their own, or as a default of the view's argument.",
        )
    own = _own_patterns(rule)
    patterns.update(own)
    return RouteEntry(
        path=rule.rule,
        methods=tuple(sorted(rule.methods or ())),
        module=module,
        endpoint=rule.endpoint,
        automatic=bool(rule.provide_automatic_options),  # type: ignore[attr-defined]
        strict=bool(rule.strict_slashes),
        rule=_CONVERTER.sub(lambda found: _renamed(found, rule, own), rule.rule) if own else "",
    )


def _own_patterns(rule: Rule) -> dict[str, Pattern]:
    """Return how the converters match that this application added, by a name for each use of one."""
    made = {}
    for variable, converter in rule._converters.items():
        if type(converter) in DEFAULT_CONVERTERS.values():
            continue
        made[_name(rule, variable)] = Pattern(converter.regex, bool(converter.part_isolating), converter.weight)
    return made


def _renamed(found: re.Match[str], rule: Rule, own: dict[str, Pattern]) -> str:
    name = _name(rule, found[2])
    return f"<{name}:{found[2]}>" if name in own else found[0]


def _name(rule: Rule, variable: str) -> str:
    return re.sub(r"\W", "_", f"{rule.endpoint}_{variable}")


def _owner(app: Flask, rule: Rule, runtime: Runtime, pages: str | None) -> str:
    """Return the module that answers a route, where several services may have one of its own."""
    blueprint = app.blueprints.get(rule.endpoint.partition(".")[0]) if "." in rule.endpoint else None
    if isinstance(blueprint, Module):
        return blueprint.name
    if rule.endpoint.startswith(_OF_THE_EDGE):
        return EDGE
    first = pages or runtime.modules[0].name
    if rule.rule == JWKS_PATH:
        return next(_who_sign(runtime), first)
    if rule.endpoint == "static":
        return first
    raise SetupError(
        f"No module answers {rule.rule} ({rule.endpoint}), so no service does when they are apart.",
        hint="Give the route to a module.",
    )


def _who_sign(runtime: Runtime) -> Iterator[str]:
    """Yield the modules that issue access tokens: their services have the keys."""
    for hosted in runtime.wiring.hosted.values():
        needs: list[Any] = [
            kind
            for service in hosted.services.values()
            if service.__init__ is not object.__init__
            for kind in resolve_hints(service.__init__, service.__qualname__).values()
        ]
        if any(kind in _SIGNERS for kind in needs):
            yield hosted.module.name
