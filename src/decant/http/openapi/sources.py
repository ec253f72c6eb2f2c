"""Documents of others, merged into ours: flask-smorest by itself, anything else by a function."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask import Flask

from decant.http.openapi.schemas import Schema
from decant.http.smorest import documents

Source = Callable[[], Mapping[str, Any]]
"""Returns an OpenAPI 3 document, its paths as they are in the application."""

EXTENSION = "decant.openapi_sources"


def add_openapi_source(app: Flask, source: Source, *, name: str = "other") -> None:
    """Add the operations of a library that makes its own OpenAPI document.

    It is asked once, when the document is first wanted. Components whose names are taken by
    different ones get the source's name in front.

    Args:
        app: The application that serves them.
        source: Returns the document.
        name: Told in front of names that clash.

    Example:
        >>> from flask import Flask
        >>> app = Flask("shop")
        >>> add_openapi_source(app, lambda: {"paths": {"/legacy": {"get": {"responses": {}}}}}, name="legacy")
    """
    app.extensions.setdefault(EXTENSION, []).append((name, source))


def sources_of(app: Flask) -> Iterator[tuple[str, Source]]:
    """Yield every source with its name: those that were added, then flask-smorest's."""
    yield from app.extensions.get(EXTENSION, ())
    for source in documents(app):
        yield "smorest", source


def merge(document: Schema, other: Mapping[str, Any], name: str) -> None:
    """Add another document's paths, tags and components to a document, in place. What is there already stays."""
    added = to_31(copy.deepcopy(dict(other)))
    renamed = _clashing(document, added, name)
    _rename(added, renamed)
    for path, item in added.get("paths", {}).items():
        mine = document["paths"].setdefault(path, {})
        for key, value in item.items():
            mine.setdefault(key, value)
    for kind, members in added.get("components", {}).items():
        mine = document.setdefault("components", {}).setdefault(kind, {})
        for key, value in members.items():
            mine.setdefault(renamed.get((kind, key), key), value)
    known = {tag["name"] for tag in document.get("tags", ())}
    document.setdefault("tags", []).extend(tag for tag in added.get("tags", ()) if tag["name"] not in known)


def _clashing(document: Mapping[str, Any], added: Mapping[str, Any], name: str) -> dict[tuple[str, str], str]:
    mine = document.get("components", {})
    return {
        (kind, key): f"{name}.{key}"
        for kind, members in added.get("components", {}).items()
        for key, value in members.items()
        if key in mine.get(kind, {}) and mine[kind][key] != value
    }


def _rename(value: Any, renamed: Mapping[tuple[str, str], str]) -> None:
    references = {f"#/components/{kind}/{old}": f"#/components/{kind}/{new}" for (kind, old), new in renamed.items()}
    schemes = {old: new for (kind, old), new in renamed.items() if kind == "securitySchemes"}
    for node in _mappings(value):
        if node.get("$ref") in references:
            node["$ref"] = references[node["$ref"]]
        if isinstance(node.get("security"), list):
            node["security"] = [{schemes.get(key, key): one[key] for key in one} for one in node["security"]]


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _mappings(item)


def to_31(document: Schema) -> Schema:
    """Return an OpenAPI 3.0 document with its schemas in the words of 3.1; changes it in place."""
    if str(document.get("openapi", "3.1")).startswith("3.0"):
        for node in _mappings(document):
            _modernise(node)
    return document


def _modernise(node: dict[str, Any]) -> None:
    if node.get("nullable") is True:
        del node["nullable"]
        if isinstance(node.get("type"), str):
            node["type"] = [node["type"], "null"]
            if isinstance(node.get("enum"), list) and None not in node["enum"]:
                node["enum"].append(None)
    for exclusive, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if node.get(exclusive) is True and limit in node:
            node[exclusive] = node.pop(limit)
        elif node.get(exclusive) is False:
            del node[exclusive]
