"""JSON Schemas that say exactly what a request may hold: no NUL, no integer beyond 64 bits, no unknown field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from decant.errors import SetupError

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]
Then = Callable[[Schema, Mapping[str, Schema]], Schema]
"""Turns a generated schema, given the components, into the one that is published."""

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
NO_NUL = r"^[^\u0000]*$"
REFERENCE = "#/components/schemas/"
JSON_VALUE = "JsonValue"
# Stands for a reference until all is made: pydantic resolves references itself, and knows only its own.
ANY_KEY = "x-json-value"
DURATION = (
    r"^[+-]?P(?:[0-9]{1,3}D|(?:[0-9]{1,3}D)?"
    r"T(?:[0-9]{1,3}H(?:[0-9]{1,3}M)?(?:[0-9]{1,3}S)?|[0-9]{1,3}M(?:[0-9]{1,3}S)?|[0-9]{1,3}S))$"
)


class RequestSchema(GenerateJsonSchema):
    """Pydantic's schemas, narrowed to what is accepted at the edge; answers are left as they are."""

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return self._bounded(super().int_schema(schema))

    def _bounded(self, found: JsonSchemaValue) -> JsonSchemaValue:
        if self.mode == "validation":
            if "exclusiveMinimum" not in found:
                found.setdefault("minimum", INT64_MIN)
            if "exclusiveMaximum" not in found:
                found.setdefault("maximum", INT64_MAX)
        return found

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        found = super().str_schema(schema)
        return without_nul(found) if self.mode == "validation" else found

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        found = super().decimal_schema(schema)
        if self.mode == "serialization":
            found.setdefault("examples", ["12.50"])
        if self.mode == "validation":
            signed = "" if max(schema.get("ge", -1), schema.get("gt", -1)) >= 0 else "-?"
            for option in found.get("anyOf", ()):
                if option.get("type") == "string" and option.get("pattern", NO_NUL) == NO_NUL:
                    option["pattern"] = rf"^{signed}[0-9]{{1,18}}(\.[0-9]{{1,18}})?$"
        return found

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        """What pydantic writes, ``P1Y2D``, is ISO 8601 and not what the format ``duration`` means (RFC 3339)."""
        found = super().timedelta_schema(schema)
        if found.pop("format", None) == "duration":
            found["pattern"] = DURATION if self.mode == "validation" else "^-?P"
            found["description"] = "A duration (ISO 8601), for instance `PT30S`."
            found["examples"] = ["PT30S"]
        return found

    def any_schema(self, schema: core_schema.AnySchema) -> JsonSchemaValue:
        found = super().any_schema(schema)
        return found | {ANY_KEY: True} if self.mode == "validation" else found

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        found = super().dict_schema(schema)
        if self.mode == "validation":
            found.setdefault("propertyNames", {"pattern": NO_NUL})
            if found.get("additionalProperties") is True:
                found["additionalProperties"] = {ANY_KEY: True}
        return found

    def set_schema(self, schema: core_schema.SetSchema) -> JsonSchemaValue:
        return self._repeatable(super().set_schema(schema))

    def frozenset_schema(self, schema: core_schema.FrozenSetSchema) -> JsonSchemaValue:
        return self._repeatable(super().frozenset_schema(schema))

    def _repeatable(self, found: JsonSchemaValue) -> JsonSchemaValue:
        """A set that is sent may repeat a member; one that is answered does not."""
        if self.mode == "validation":
            found.pop("uniqueItems", None)
        return found

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return self._closed(super().model_schema(schema))

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        return self._closed(super().dataclass_schema(schema))

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        return self._closed(super().typed_dict_schema(schema))

    def _closed(self, found: JsonSchemaValue) -> JsonSchemaValue:
        if self.mode == "validation" and "properties" in found:
            found["additionalProperties"] = False
        return found


def without_nul(schema: Schema) -> Schema:
    """Return a string's schema that excludes NUL characters, if it does not do so already."""
    pattern = schema.get("pattern")
    if pattern is None:
        return schema | {"pattern": NO_NUL}
    return schema | {"allOf": [{"pattern": NO_NUL}]} if _admits_nul(pattern) else schema


def _admits_nul(pattern: str) -> bool:
    """Guess whether a pattern lets NUL through: a wildcard, a negated class, or an open end."""
    plain = re.sub(r"\\[wds.]|\[(?!\^)(?:\\.|[^\]])*\]", "", pattern)
    return not (plain.startswith("^") and plain.endswith("$")) or bool(re.search(r"\.|\[\^|\\[WDS]", plain))


JSON_VALUE_SCHEMA: Schema = {
    "title": JSON_VALUE,
    "description": "Any JSON value.",
    "anyOf": [
        {"type": "null"},
        {"type": "boolean"},
        {"type": "integer", "minimum": INT64_MIN, "maximum": INT64_MAX},
        {"type": "number"},
        {"type": "string", "pattern": NO_NUL},
        {"type": "array", "items": {"$ref": REFERENCE + JSON_VALUE}},
        {
            "type": "object",
            "propertyNames": {"pattern": NO_NUL},
            "additionalProperties": {"$ref": REFERENCE + JSON_VALUE},
        },
    ],
}


class Components:
    """Gathers the types of a document and makes all their schemas at once, each model only once.

    Example:
        >>> components = Components()
        >>> number = components.want(int, "serialization")
        >>> components.settle()
        {}
        >>> number
        {'type': 'integer'}
    """

    def __init__(self) -> None:
        self._wanted: list[tuple[Schema, Any, Mode, Then | None]] = []

    def want(self, kind: Any, mode: Mode, then: Then | None = None) -> Schema:
        """Return a schema that is empty now and filled by :meth:`settle`.

        Args:
            kind: A type, as an annotation.
            mode: ``validation`` for what is sent here, ``serialization`` for what is answered.
            then: Changes the schema before it is published.
        """
        box: Schema = {}
        self._wanted.append((box, kind, mode, then))
        return box

    def settle(self) -> dict[str, Schema]:
        """Fill every schema that was asked for and return the components they refer to.

        Raises:
            SetupError: For a type that has no JSON Schema.
        """
        inputs = [(index, mode, _adapter(kind)) for index, (_, kind, mode, _) in enumerate(self._wanted)]
        try:
            made, shared = TypeAdapter.json_schemas(
                inputs, ref_template=REFERENCE + "{model}", schema_generator=RequestSchema
            )
        except PydanticUserError as error:
            raise SetupError(f"The API document cannot be made: {error.message}") from error
        definitions: dict[str, Schema] = dict(shared.get("$defs", {}))
        for index, (box, _, mode, then) in enumerate(self._wanted):
            schema = made[index, mode]
            box.update(then(schema, definitions) if then else schema)
        boxes = [box for box, *_ in self._wanted]
        if sum(map(_refer, (*boxes, *definitions.values()))):
            definitions.setdefault(JSON_VALUE, JSON_VALUE_SCHEMA)
        return _renamed(definitions, boxes)


def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _renamed(definitions: dict[str, Schema], boxes: list[Schema]) -> dict[str, Schema]:
    """Call what is answered ``Product`` and what is sent ``ProductInput``, where they differ."""
    names = {name: name for name in definitions}
    for name in definitions:
        for suffix, ending in (("-Output", ""), ("-Input", "Input")):
            short = name.removesuffix(suffix) + ending
            if name.endswith(suffix) and short not in names.values():
                names[name] = short
    references = {REFERENCE + name: REFERENCE + names[name] for name in names}
    for schema in (*boxes, *definitions.values()):
        _point(schema, references)
    return {names[name]: definitions[name] for name in sorted(definitions, key=lambda name: names[name])}


def _refer(value: Any) -> int:
    """Put references where any JSON is meant; return how many."""
    if isinstance(value, list):
        return sum(map(_refer, value))
    if not isinstance(value, dict):
        return 0
    count = sum(map(_refer, value.values()))
    if value.pop(ANY_KEY, False):
        value["$ref"] = REFERENCE + JSON_VALUE
        count += 1
    return count


def _point(value: Any, references: Mapping[str, str]) -> None:
    if isinstance(value, list):
        for item in value:
            _point(item, references)
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str):
                if key == "$ref" or item in references:
                    value[key] = references.get(item, item)
            else:
                _point(item, references)


def text_schema(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Return the schema of a value that travels as text: there is no null."""
    own = {name: schema[name] for name in ("title", "description", "examples", "deprecated") if name in schema}
    options = [_resolved(option, definitions) for option in schema.get("anyOf", [schema])]
    options = [_as_text(option, definitions) for option in options if option.get("type") != "null"]
    if [option.get("type") for option in options] == ["number", "string"]:  # a Decimal: one grammar as text
        options = options[:1]
    return (options[0] if len(options) == 1 else {"anyOf": options}) | own


def _resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    name = schema.get("$ref", "").removeprefix(REFERENCE)
    return dict(definitions[name]) if name in definitions else dict(schema)


def _as_text(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    if schema.get("type") == "array" and "items" in schema:
        return schema | {"items": text_schema(schema["items"], definitions)}
    return schema
