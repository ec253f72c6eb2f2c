"""Everything that the gateway needs to know of a workspace, as one document: so that it imports nothing of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from decant.errors import SettingsError

SCHEMA = 1
EDGE = ""
"""In place of a module: paths that the edge answers by itself."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A converter of an application's own, as it matches.

    Attributes:
        regex: What it takes.
        whole: Whether it stays within one segment of a path.
        weight: As Werkzeug's converters have it.
    """

    regex: str
    whole: bool = True
    weight: int = 100


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """One path template and the methods that one module answers.

    Attributes:
        path: As Flask writes it.
        methods: Every method, HEAD and OPTIONS included where Flask adds them.
        module: Who answers; :data:`EDGE` for the edge itself.
        endpoint: As ``url_for`` takes it.
        automatic: Whether Flask answers OPTIONS.
        strict: Whether a slash at the end makes another path.
        rule: The path with :class:`Pattern` names in place of converters of its own, or "".
    """

    path: str
    methods: tuple[str, ...]
    module: str
    endpoint: str = ""
    automatic: bool = True
    strict: bool = True
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The routes of all modules of a workspace, and its API document.

    Attributes:
        workspace: The workspace's name.
        prefix: What comes before public operations.
        modules: All modules, in alphabetical order.
        routes: Every route at the public address.
        pages: The module whose pages have sessions: it shows errors to browsers; or None.
        openapi: The document of all public operations.
        patterns: Converters that are not Werkzeug's, by the name that :attr:`RouteEntry.rule` has for them.
    """

    workspace: str
    prefix: str
    modules: tuple[str, ...]
    routes: tuple[RouteEntry, ...]
    pages: str | None
    openapi: Mapping[str, Any]
    patterns: Mapping[str, Pattern] = field(default_factory=dict)


def without_modules(workspace: str) -> Manifest:
    """Return the manifest of a workspace whose services are all foreign: what a gateway says of itself."""
    own = {"/health": "health", "/health/live": "health_live", "/health/ready": "health_ready", "/metrics": "metrics"}
    routes = tuple(
        RouteEntry(path, ("GET", "HEAD", "OPTIONS"), EDGE, f"decant_{endpoint}") for path, endpoint in own.items()
    )
    return Manifest(workspace, "", (), routes, None, {})


def dump_manifest(manifest: Manifest) -> str:
    """Return a manifest as JSON."""
    routes = [
        {
            "path": route.path,
            "methods": list(route.methods),
            "module": route.module or None,
            "endpoint": route.endpoint,
            **({} if route.automatic else {"automatic": False}),
            **({} if route.strict else {"strict": False}),
            **({"rule": route.rule} if route.rule else {}),
        }
        for route in manifest.routes
    ]
    patterns = {
        name: {"regex": known.regex, "whole": known.whole, "weight": known.weight}
        for name, known in manifest.patterns.items()
    }
    document = {
        "schema": SCHEMA,
        "workspace": manifest.workspace,
        "prefix": manifest.prefix,
        "modules": list(manifest.modules),
        "pages": manifest.pages,
        "routes": routes,
        **({"patterns": patterns} if patterns else {}),
        "openapi": manifest.openapi,
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def load_manifest(text: str, name: str) -> Manifest:
    """Read what :func:`dump_manifest` wrote.

    Args:
        text: The document.
        name: The file's name, for errors.

    Raises:
        SettingsError: When it is no such document, or that of another version.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _unusable(name, f"is no JSON: {error}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else None
        raise _unusable(name, f"has the schema {found!r}, and this version reads {SCHEMA}")
    try:
        return Manifest(
            workspace=document["workspace"],
            prefix=document["prefix"],
            modules=tuple(document["modules"]),
            routes=tuple(_route(entry) for entry in document["routes"]),
            pages=document["pages"],
            openapi=document["openapi"],
            patterns={key: Pattern(**known) for key, known in document.get("patterns", {}).items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise _unusable(name, f"lacks something: {error}") from None


def _route(entry: Mapping[str, Any]) -> RouteEntry:
    return RouteEntry(
        path=entry["path"],
        methods=tuple(entry["methods"]),
        module=entry["module"] or EDGE,
        endpoint=entry.get("endpoint", ""),
        automatic=entry.get("automatic", True),
        strict=entry.get("strict", True),
        rule=entry.get("rule", ""),
    )


def _unusable(name: str, what: str) -> SettingsError:
    return SettingsError([f"{name} {what}. Write it again: decant routes --manifest {name}"])
