"""The OpenAPI 3.1 document of an application, made from the same signatures that serve it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask

from decant.http.openapi.describe import described_views
from decant.http.openapi.operations import BEARER, BEARER_SCHEME, describe_operation
from decant.http.openapi.paths import template_of
from decant.http.openapi.schemas import Components, Schema
from decant.http.openapi.sources import merge, sources_of
from decant.http.views import Registered, registered_operations

VERSION = "3.1.1"
Include = Callable[[Registered], bool]
"""Decides whether an operation is in the document."""


def build_document(
    app: Flask,
    *,
    title: str,
    version: str,
    description: str = "",
    servers: tuple[str, ...] = (),
    include: Include | None = None,
) -> Schema:
    """Return the OpenAPI document of everything in an application that describes itself.

    Typed operations come first, in the order of registration; then plain views with
    :func:`~decant.http.openapi.describe`; then the documents of other libraries.

    Args:
        app: The application, all its routes registered.
        title: The API's name.
        version: The API's version.
        description: A few paragraphs about it.
        servers: Addresses that serve it; none means the one that served the document.
        include: Decides which typed operations are in it; all by default.

    Raises:
        SetupError: For a type that has no JSON Schema.
    """
    components = Components()
    paths: dict[str, Schema] = {}
    for path, method, operation in (*_typed(app, components, include), *described_views(app, components)):
        paths.setdefault(path, {}).setdefault(method, operation)
    info = {"title": title, "version": version} | ({"description": description} if description else {})
    document: Schema = {"openapi": VERSION, "info": info}
    if servers:
        document["servers"] = [{"url": url} for url in servers]
    document |= {"paths": paths, "components": {"schemas": components.settle()}}
    if any("security" in operation for item in paths.values() for operation in item.values()):
        document["components"]["securitySchemes"] = {BEARER: BEARER_SCHEME}
    for name, source in sources_of(app):
        merge(document, source(), name)
    return _finished(document)


def _typed(app: Flask, components: Components, include: Include | None) -> Iterator[tuple[str, str, Schema]]:
    seen: set[int] = set()
    for one in registered_operations(app):
        # An operation with two addresses is documented at its first, the edge's.
        if id(one.operation) in seen or (include is not None and not include(one)):
            continue
        seen.add(id(one.operation))
        found = describe_operation(one.operation, one.rule, components)
        yield template_of(one.rule), one.operation.method.lower(), found


def _finished(document: Schema) -> Schema:
    """Name each operation once, and each tag, in the order of their first operation."""
    taken: set[str] = set()
    tags: dict[str, Any] = {}
    for _path, method, operation in _operations(document):
        wanted = operation.get("operationId")
        if wanted in taken:
            operation["operationId"] = next(
                name
                for name in (f"{wanted}.{method}", *(f"{wanted}.{method}{n}" for n in range(2, 10_000)))
                if name not in taken
            )
        if wanted is not None:
            taken.add(operation["operationId"])
        for tag in operation.get("tags", ()):
            tags.setdefault(tag, {"name": tag})
    document["tags"] = list((tags | {tag["name"]: tag for tag in document.get("tags", ())}).values())
    return document


def _operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "responses" in operation:
                yield path, method, operation
