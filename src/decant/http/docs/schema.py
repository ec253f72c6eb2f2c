"""JSON Schema as a reader wants it: one row per member, a type in words, and an example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

MAX_DEPTH = 6
INT64 = (-(2**63), 2**63 - 1)
FORMAT_EXAMPLES = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "PT30S",
    "uuid": "0191c8a2-7f3e-7d31-9c45-5f2d8e1b6a70",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uri-reference": "/example",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "binary": "…",
    "byte": "aGVsbG8=",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One member of an object, or one parameter.

    Attributes:
        name: As it is sent.
        type: In words, for instance ``array of string``.
        required: Whether it may be left out.
        description: The author's own words.
        notes: Limits and defaults, each a short phrase.
        depth: How deep it is nested, 0 at the top.
    """

    name: str
    type: str
    required: bool
    description: str
    notes: tuple[str, ...]
    depth: int = 0


class Schemas:
    """Reads the schemas of one document; knows what ``$ref`` refers to.

    Args:
        document: An OpenAPI document.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def resolve(self, value: Any) -> Mapping[str, Any]:
        """Return what a reference in the document refers to, or the value itself; {} for a broken one."""
        for _ in range(MAX_DEPTH):
            if not isinstance(value, Mapping):
                return {}
            reference = value.get("$ref")
            if not isinstance(reference, str):
                return value
            value = self._look_up(reference)
        return {}

    def _look_up(self, reference: str) -> Any:
        found: Any = self._document
        if not reference.startswith("#/"):
            return {}
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def type_of(self, value: Any) -> str:
        """Return a schema's type in words."""
        if isinstance(value, Mapping) and "$ref" in value:
            return self._named(value)
        schema = self.resolve(value)
        options = _options(schema)
        if options:
            return " or ".join(dict.fromkeys(self.type_of(option) for option in options))
        if "const" in schema:
            return repr_json(schema["const"])
        kind = schema.get("type")
        if kind is None and isinstance(schema.get("enum"), list):
            return " or ".join(dict.fromkeys(_json_type(value) for value in schema["enum"]))
        if isinstance(kind, list):
            return " or ".join(kind)
        if kind == "array":
            return f"array of {self._item_type(schema)}"
        if kind == "object":
            return str(schema["title"]) if "title" in schema and "properties" in schema else self._map_type(schema)
        return str(schema.get("format") or kind or "any")

    def _item_type(self, schema: Schema) -> str:
        fixed = schema.get("prefixItems")
        return ", ".join(map(self.type_of, fixed)) if fixed else self.type_of(schema.get("items", {}))

    def _named(self, value: Mapping[str, Any]) -> str:
        target = self.resolve(value)
        if target.get("type") == "object" or _options(target):
            return str(target.get("title") or value["$ref"].rsplit("/", 1)[-1])
        return self.type_of(target)

    def _map_type(self, schema: Schema) -> str:
        values = schema.get("additionalProperties")
        return f"map of {self.type_of(values)}" if isinstance(values, Mapping) and values else "object"

    def rows(self, value: Any, depth: int = 0, seen: tuple[int, ...] = ()) -> Iterator[Row]:
        """Yield the members of an object (or of an array's items), each followed by its own members."""
        schema = self._object(value)
        if id(schema) in seen or depth >= MAX_DEPTH:
            return
        required = schema.get("required", ())
        for name, member in self._properties(schema).items():
            yield self.row(name, member, required=name in required, depth=depth)
            yield from self.rows(member, depth + 1, (*seen, id(schema)))

    def row(self, name: str, value: Any, *, required: bool, depth: int = 0, description: str = "") -> Row:
        """Return one row for a schema under a name."""
        schema = self.resolve(value)
        words = description or _own(value, "description")
        return Row(name, self.type_of(value), required, words, tuple(self._notes(schema)), depth)

    def _object(self, value: Any) -> Schema:
        """Return the object inside a schema: itself, an array's item, or the one option that is an object."""
        schema = self.resolve(value)
        if schema.get("type") == "array":
            return self._object(schema.get("items", {}))
        objects = [option for option in map(self.resolve, _options(schema)) if self._properties(option)]
        return objects[0] if len(objects) == 1 else schema

    def _properties(self, schema: Schema) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for part in schema.get("allOf", ()):
            merged |= self._properties(self.resolve(part))
        own = schema.get("properties", {})
        return merged | dict(own) if isinstance(own, Mapping) else merged

    def _notes(self, schema: Schema) -> Iterator[str]:
        for option in map(self.resolve, _options(schema)):
            yield from self._notes(option)
        if schema.get("type") == "array" and "enum" in (item := self.resolve(schema.get("items", {}))):
            yield from self._notes(item)
        if "enum" in schema:
            yield "one of " + ", ".join(map(repr_json, schema["enum"]))
        yield from _span(schema, "minLength", "maxLength", "characters")
        yield from _span(schema, "minItems", "maxItems", "items")
        yield from _range(schema)
        if schema.get("multipleOf"):
            yield f"multiple of {schema['multipleOf']}"
        if schema.get("uniqueItems"):
            yield "no duplicates"
        if schema.get("default") not in (None, "", [], {}):
            yield f"default {repr_json(schema['default'])}"

    def example(self, value: Any, depth: int = 0) -> Any:
        """Return a value of the schema: the author's example, or one made up from it."""
        schema = self.resolve(value)
        given = _given_example(schema)
        if given is not None:
            return given[0]
        options = [option for option in _options(schema) if self.resolve(option).get("type") != "null"]
        if options:
            return self.example(options[0], depth)
        kind = schema.get("type")
        kind = next((one for one in kind if one != "null"), None) if isinstance(kind, list) else kind
        if kind == "object" or "properties" in schema or "allOf" in schema:
            return self._example_object(schema, depth)
        if kind == "array":
            items = schema.get("prefixItems") or [schema.get("items", {})]
            return [self.example(item, depth + 1) for item in items] if depth < MAX_DEPTH else []
        return _scalar(kind, schema)

    def _example_object(self, schema: Schema, depth: int) -> dict[str, Any]:
        if depth >= MAX_DEPTH:
            return {}
        members = self._properties(schema)
        others = schema.get("additionalProperties")
        if not members and isinstance(others, Mapping):
            return {"key": self.example(others, depth + 1)}
        return {name: self.example(member, depth + 1) for name, member in members.items()}


def repr_json(value: Any) -> str:
    """Return a value as it stands in JSON, text without its quotes."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _json_type(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null", list: "array"}
    return names.get(type(value), "object")


def _own(value: Any, name: str) -> str:
    found = value.get(name, "") if isinstance(value, Mapping) else ""
    return found if isinstance(found, str) else ""


def _options(schema: Schema) -> list[Any]:
    found = schema.get("anyOf") or schema.get("oneOf") or []
    return list(found) if isinstance(found, list) else []


def _span(schema: Schema, low: str, high: str, unit: str) -> Iterator[str]:
    least, most = schema.get(low), schema.get(high)
    if least and most is not None:
        yield f"{least} {unit}" if least == most else f"{least} to {most} {unit}"
    elif most is not None:
        yield f"at most {most} {unit}"
    elif least:
        yield f"at least {least} {unit[:-1] if least == 1 else unit}"


def _range(schema: Schema) -> Iterator[str]:
    low, high = (schema.get(name) for name in ("minimum", "maximum"))
    low = None if low in (None, INT64[0]) else repr_json(low)
    high = None if high in (None, INT64[1]) else repr_json(high)
    if low is not None and high is not None:
        yield f"{low} to {high}"
    elif low is not None:
        yield f"at least {low}"
    elif high is not None:
        yield f"at most {high}"
    if "exclusiveMinimum" in schema:
        yield f"more than {schema['exclusiveMinimum']}"
    if "exclusiveMaximum" in schema:
        yield f"less than {schema['exclusiveMaximum']}"


def _given_example(schema: Schema) -> tuple[Any] | None:
    for name in ("example", "const", "default"):
        if schema.get(name) is not None:
            return (schema[name],)
    for name in ("examples", "enum"):
        if isinstance(schema.get(name), list) and schema[name]:
            return (schema[name][0],)
    return None


def _scalar(kind: Any, schema: Schema) -> Any:
    if kind in ("integer", "number"):
        above = schema.get("exclusiveMinimum")
        return max(0, schema.get("minimum", 0)) if above is None else above + 1
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    return FORMAT_EXAMPLES.get(str(schema.get("format")), "string")
