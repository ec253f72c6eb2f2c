"""Flask's path rules in OpenAPI's words: templates, and what each converter lets through."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.routing.rules import parse_converter_args

from decant.http.openapi.schemas import INT64_MAX, INT64_MIN, Schema

VARIABLE = re.compile(r"<(?:(?P<converter>[A-Za-z_]\w*)(?:\((?P<arguments>.*?)\))?:)?(?P<name>[A-Za-z_]\w*)>")
SEGMENT = r"^[^/\u0000]+$"
REST = r"^[^/\u0000][^\u0000]*$"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a path."""

    name: str
    converter: str
    positional: tuple[Any, ...]
    named: Mapping[str, Any]


def template_of(rule: str) -> str:
    """Return ``/products/<int:id>`` as ``/products/{id}``."""
    return VARIABLE.sub(lambda match: f"{{{match['name']}}}", rule)


def variables_of(rule: str) -> Iterator[Variable]:
    """Yield a rule's variables in order."""
    for match in VARIABLE.finditer(rule):
        positional, named = parse_converter_args(match["arguments"] or "")
        yield Variable(match["name"], match["converter"] or "default", positional, named)


def narrowed(schema: Schema, variable: Variable) -> Schema:
    """Return a path variable's schema with what its converter asks for besides."""
    if schema.get("type") == "integer" or variable.converter == "int":
        return _integer(schema, variable)
    if variable.converter == "any":
        return {"type": "string", "enum": list(variable.positional)}
    if variable.converter == "uuid":
        return {"type": "string", "format": "uuid"}
    if variable.converter == "float":
        return {"type": "number"} | schema | ({} if variable.named.get("signed") else {"minimum": 0})
    return _text(schema, variable)


def _integer(schema: Schema, variable: Variable) -> Schema:
    if variable.converter != "int":
        return schema
    lowest = variable.named.get("min", INT64_MIN if variable.named.get("signed") else 0)
    limits = {
        "minimum": max(lowest, schema.get("minimum", INT64_MIN)),
        "maximum": min(variable.named.get("max", INT64_MAX), schema.get("maximum", INT64_MAX)),
    }
    return {"type": "integer"} | schema | limits


def _text(schema: Schema, variable: Variable) -> Schema:
    if schema.get("type", "string") != "string" or "enum" in schema or "format" in schema or "const" in schema:
        return schema
    named = variable.named
    least = named.get("length", named.get("minlength", 1))
    found: Schema = {"type": "string"} | schema | {"minLength": max(least, schema.get("minLength", 1))}
    most = named.get("length", named.get("maxlength"))
    if most is not None:
        found["maxLength"] = min(most, schema.get("maxLength", most))
    pattern = REST if variable.converter == "path" else SEGMENT
    own = schema.get("pattern")
    if own is None or own == r"^[^\u0000]*$":
        return found | {"pattern": pattern}
    return found | {"allOf": [*schema.get("allOf", ()), {"pattern": pattern}]}
