"""Typed values as text: in a path, a query string, a header.

A text is first written as JSON - a number or a boolean as it stands, anything else as a string - and then
validated as strict JSON, so that a value means the same in the query as in a body. Numbers and
booleans must have JSON's grammar: pydantic by itself would take ``1_000``, `` 5``, ``+5`` and ``on``.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Annotated, Any, Union, get_args, get_origin

import pydantic
from pydantic import Field, TypeAdapter
from pydantic.errors import PydanticUserError

from decant.errors import SetupError
from decant.http.faults import INTEGER_SIZE, NOT_FINITE, NUL, Fault, Refusal, fault

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL_PATTERN = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}$"
# No `format: email` in the schema: validators disagree on what that lets through, the pattern is exact.
Email = Annotated[
    str, Field(pattern=EMAIL_PATTERN, max_length=254, json_schema_extra={"examples": ["ada@example.com"]})
]
"""An e-mail address as HTML checks it, with a dot in the domain and no stray one before the ``@``.

``.local`` and ``.test`` are fine.

Source: https://html.spec.whatwg.org/#valid-e-mail-address
"""

Lexer = Callable[[str], str]
"""Writes a text as JSON, or raises Refusal."""

_integer = re.compile(r"0|-?[1-9][0-9]*").fullmatch
_number = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
_decimal = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch


def check_text(text: str) -> str:
    """Return a text that has no NUL character.

    Raises:
        Refusal: When it has one: databases cannot hold it, or cut the text there.
    """
    if "\0" in text:
        raise NUL
    return text


def read_integer(text: str) -> int:
    """Return the integer that a text is in JSON.

    Raises:
        Refusal: When it is none, or one beyond 64 bits.
    """
    if _integer(text) is None:
        raise Refusal("int_parsing", "Input should be a valid integer")
    if len(text) < 19:
        return int(text)
    if len(text) > 20 or not INT64_MIN <= int(text) <= INT64_MAX:
        raise INTEGER_SIZE
    return int(text)


def _lex_integer(text: str) -> str:
    read_integer(text)
    return text


def _lex_number(text: str) -> str:
    if _number(text) is None:
        raise Refusal("float_parsing", "Input should be a valid number")
    if math.isinf(float(text)):
        raise NOT_FINITE
    return text


def _lex_boolean(text: str) -> str:
    if text not in ("true", "false"):
        raise Refusal("bool_parsing", "Input should be true or false")
    return text


def _lex_string(text: str) -> str:
    return encode_basestring(check_text(text))


def _lex_decimal(text: str) -> str:
    if _decimal(text) is None:
        raise Refusal("decimal_parsing", "Input should be a valid decimal")
    return f'"{text}"'


def _lex_formatted(pattern: str, what: str) -> Lexer:
    matches = re.compile(pattern).match

    def lex(text: str) -> str:
        if matches(text) is None:
            raise Refusal(f"{what}_parsing", f"Input should be a valid {what}")
        return _lex_string(text)

    return lex


_LEXERS: Mapping[str, Lexer] = {
    "integer": _lex_integer,
    "number": _lex_number,
    "boolean": _lex_boolean,
    "decimal": _lex_decimal,
    "string": _lex_string,
}
# Beyond its patterns pydantic takes seconds since 1970 for a date, in a string too.
_FORMAT_LEXERS: Mapping[str, Lexer] = {
    "date-time": _lex_formatted(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "datetime"),
    "date": _lex_formatted(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "date"),
    "time": _lex_formatted(r"[0-9]{2}:[0-9]{2}", "time"),
    "duration": _lex_formatted(r"[+-]?P", "duration"),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a type looks like as text.

    Attributes:
        lex: Writes one text as JSON.
        many: Whether it is a list of such texts.
        nullable: Whether None is a value.
    """

    lex: Lexer
    many: bool
    nullable: bool


def shape_of(kind: Any, where: str) -> Shape:
    """Return how a type travels as text.

    Args:
        kind: The annotation.
        where: Names the parameter in an error.

    Raises:
        SetupError: For a type that is not a scalar, an Optional of one, or a list of such.
    """
    try:
        schema = TypeAdapter(kind).json_schema()
    except (PydanticUserError, pydantic.PydanticSchemaGenerationError) as error:
        raise _no_text(kind, where) from error
    definitions = schema.get("$defs", {})
    kinds, nullable = _alternatives(schema, definitions)
    many = len(kinds) == 1 and kinds[0].get("type") == "array" and "items" in kinds[0]
    if many:
        kinds, null_items = _alternatives(kinds[0]["items"], definitions)
        if null_items:
            raise _no_text(kind, where)
    return Shape(_lexer(kinds, kind, where), many, nullable)


def _alternatives(schema: dict[str, Any], definitions: Mapping[str, Any]) -> tuple[list[dict[str, Any]], bool]:
    """Return a schema's alternatives without null, references resolved, and whether null was one."""
    found: list[dict[str, Any]] = []
    nullable = False
    for option in schema.get("anyOf", [schema]):
        target = definitions[option["$ref"].rpartition("/")[2]] if "$ref" in option else option
        if target.get("type") == "null":
            nullable = True
        else:
            found.append(target)
    return found, nullable


def _lexer(options: list[dict[str, Any]], kind: Any, where: str) -> Lexer:
    types = {option.get("type") for option in options}
    if types == {"number", "string"} and _mentions_decimal(kind):
        return _lex_decimal
    if types == {"integer", "number"}:
        return _lex_number
    if len(types) != 1 or not types <= _LEXERS.keys():
        raise _no_text(kind, where)
    formats = {option.get("format", "") for option in options}
    plain = _LEXERS[str(types.pop())]
    return _FORMAT_LEXERS.get(formats.pop(), plain) if len(formats) == 1 else plain


def _mentions_decimal(kind: Any) -> bool:
    return kind is Decimal or any(_mentions_decimal(argument) for argument in get_args(kind))


def _no_text(kind: Any, where: str) -> SetupError:
    return SetupError(
        f"{where}: a value of type {kind} has no one text form, so a path, query or header cannot carry it.",
        hint="Use str, int, float, bool, Decimal, a date or time, UUID, an Enum or Literal of one kind, an Optional of "
        "these, or (query only) a list; anything else belongs in the body.",
    )


class TextField:
    """One named value that travels as text.

    Args:
        name: Its name on the wire.
        where: What a fault calls it: ``query.limit``.
        kind: Its type.
        default: What its absence means in Python; ``inspect.Parameter.empty`` where it has no default.

    Attributes:
        key: Its name as JSON.
        fill: The JSON that stands for it when it is absent, or None where absence is left to the default.
    """

    __slots__ = ("_absent", "fill", "key", "name", "shape", "where")

    def __init__(self, name: str, where: str, kind: Any, default: Any) -> None:
        self.name = name
        self.key = encode_basestring(name)
        self.where = where
        self.shape = shape = shape_of(kind, where)
        self.fill: str | None = None
        if default is inspect.Parameter.empty:
            self.fill = "null" if shape.nullable else "[]" if shape.many else None
            self._absent = self.fill
        else:
            self._absent = (
                "null" if default is None else "[]" if shape.many and default in ([], (), set(), frozenset()) else None
            )

    def to_json(self, texts: list[str], faults: list[Fault]) -> str:
        """Return the value as JSON; for a text that cannot be, note the fault and stand in a string."""
        if self.shape.many:
            return f"[{','.join([self._element(text, f'{self.where}.{i}', faults) for i, text in enumerate(texts)])}]"
        if len(texts) > 1:
            faults.append(fault(self.where, "Given more than once", "repeated"))
        return self._element(texts[0], self.where, faults)

    def _element(self, text: str, where: str, faults: list[Fault]) -> str:
        try:
            return self.shape.lex(text)
        except Refusal as refusal:
            faults.append(refusal.at(where))
            return '""'

    def to_texts(self, value: Any) -> list[str]:
        """Return the texts of a value that was dumped for JSON.

        Raises:
            Refusal: When the receiver would not read the same value from them.
        """
        if value is None or (self.shape.many and not value):
            if json.dumps(value) != self._absent:
                raise Refusal("not_carried", f"{'None' if value is None else 'An empty list'} cannot be sent as text")
            return []
        texts = [_text(item) for item in value] if self.shape.many else [_text(value)]
        for text in texts:
            self.shape.lex(text)
        return texts


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value)


def strip_optional(kind: Any) -> Any:
    """Return a type without ``Annotated`` and ``| None``."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
            continue
        options = [option for option in get_args(kind) if option is not type(None)]
        if _is_union(kind) and len(options) == 1:
            kind = options[0]
            continue
        return kind


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)
