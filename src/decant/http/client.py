"""The caller's side of an operation: arguments become a request, an answer becomes the result.

The exact inverse of what the server does with them: what could not arrive as it was sent is refused here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import pydantic_core
from pydantic import Secret, SecretBytes, SecretStr, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from decant.errors import ProtocolError
from decant.http.faults import NOT_FINITE, Fault, Refusal, fault, invalid
from decant.http.guards import forbidden, suspicious
from decant.http.parameters import PATH_VARIABLE, Parameter
from decant.http.requests import BodySource, ModelSource, TextSource, query_source
from decant.http.results import Result
from decant.http.texts import TextField

_plain = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*", re.ASCII).fullmatch
_unreserved = re.compile(r"[A-Za-z0-9._~-]*", re.ASCII).fullmatch
_header_value = re.compile(r"[!-~](?:[ -~]*[!-~])?").fullmatch


class WireRequest(NamedTuple):
    """A request, ready to be sent.

    Attributes:
        path: Percent-encoded, begins with a slash.
        query: Percent-encoded, without the question mark; "" when there is none.
        headers: The operation's own headers, ``Content-Type`` included.
        body: JSON, or None.
    """

    path: str
    query: str
    headers: dict[str, str]
    body: bytes | None


Put = Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]


class RequestWriter:
    """Writes an operation's arguments as a request."""

    def __init__(self, parameters: Sequence[Parameter], rule: str, name: str) -> None:
        by_kind = {kind: [p for p in parameters if p.kind == kind] for kind in ("path", "query", "header", "body")}
        self._name = name
        self._known = frozenset(parameter.name for parameter in parameters if parameter.kind != "injected")
        self._pieces = _split_rule(rule)
        self._reaches = _route_check(rule)
        self._path = {p.name: _TextWriter(p, TextSource(p, name)) for p in by_kind["path"]}
        self._query = [_query_writer(p, name) for p in by_kind["query"]]
        self._headers = [_TextWriter(p, TextSource(p, name)) for p in by_kind["header"]]
        self._body = _BodyWriter(by_kind["body"], name) if by_kind["body"] else None

    def write(self, arguments: Mapping[str, Any]) -> WireRequest:
        """Return the request.

        Raises:
            TypeError: For an argument that the operation does not have, as a call does.
            ValidationError: For a value that would not arrive as it is; names every such field.
        """
        if not arguments.keys() <= self._known:
            unknown = min(arguments.keys() - self._known)
            raise TypeError(f"{self._name}() got an unexpected keyword argument {unknown!r}")
        faults: list[Fault] = []
        path = self._write_path(arguments, faults)
        query = self._write_query(arguments, faults) if self._query else ""
        headers = {name: text for writer in self._headers for name, text in writer.pairs(arguments, faults)}
        if headers:
            faults.extend(_bad_headers(headers))
        body = self._body.write(arguments, faults) if self._body else None
        if faults:
            raise invalid(faults)
        if body is not None:
            headers["Content-Type"] = "application/json"
        return WireRequest(path, query, headers, body)

    def _write_query(self, arguments: Mapping[str, Any], faults: list[Fault]) -> str:
        pairs = [pair for writer in self._query for pair in writer.pairs(arguments, faults)]
        return "&".join(f"{_quote(name)}={_quote(text)}" for name, text in pairs)

    def _write_path(self, arguments: Mapping[str, Any], faults: list[Fault]) -> str:
        found = len(faults)
        parts, texts = [], {}
        for literal, name, whole in self._pieces:
            parts.append(literal)
            if name:
                writer = self._path[name]
                text = writer.plain(arguments)
                if text is not None:
                    parts.append(text)
                else:
                    text = next((text for _, text in writer.pairs(arguments, faults)), "")
                    parts.append(_quote_path(text, f"path.{name}", whole, faults))
                texts[name] = text
        path = "".join(parts)
        if len(faults) == found and self._reaches is not None and not self._reaches(unquote(path), texts):
            faults.extend(
                fault(f"path.{name}", "Its path's rule does not take this value", "path_segment") for name in texts
            )
        return path


def _split_rule(rule: str) -> list[tuple[str, str, bool]]:
    """Return a rule as (quoted literal, variable after it or "", whether the variable spans segments)."""
    pieces, at = [], 0
    for match in PATH_VARIABLE.finditer(rule):
        pieces.append((quote(rule[at : match.start()]), match["name"], match["converter"] == "path"))
        at = match.end()
    return [*pieces, (quote(rule[at:]), "", False)]


def _route_check(rule: str) -> Callable[[str, Mapping[str, str]], bool] | None:
    """Return whether a path leads back to the values that it was made of; None where any text does.

    The converters decide: Flask's ``int`` takes no sign, ``path`` no line break.
    """
    if all(match["converter"] in (None, "string") for match in PATH_VARIABLE.finditer(rule)):
        return None
    try:
        router = Map([Rule(rule, endpoint="it")], merge_slashes=False).bind("localhost")
    except LookupError:  # a converter of the application's own
        return None

    def reaches(path: str, texts: Mapping[str, str]) -> bool:
        try:
            values = router.match(path)[1]
        except HTTPException:
            return False
        return {name: str(value) for name, value in values.items()} == texts

    return reaches


def _quote_path(text: str, where: str, whole: bool, faults: list[Fault]) -> str:
    segments = text.split("/") if whole else [text]
    if any(segment in ("", ".", "..") for segment in segments):
        faults.append(fault(where, "A path segment cannot be empty, '.' or '..'", "path_segment"))
    if not whole and "/" in text:
        faults.append(fault(where, "A path segment cannot have a slash; declare <path:…> for it", "path_segment"))
    return quote(text, safe="/") if whole else _quote(text)


def _quote(text: str) -> str:
    """Quote a text whole; most need none, and asking first takes an eighth of the time."""
    return text if _unreserved(text) is not None else quote(text, safe="")


def _bad_headers(headers: Mapping[str, str]) -> Iterator[Fault]:
    for name, text in headers.items():
        if _header_value(text) is None:
            yield fault(f"header.{name}", "A header takes printable ASCII, without spaces around it", "header_value")


class _TextWriter:
    """Writes one value of a path, a query string or a header."""

    def __init__(self, parameter: Parameter, source: TextSource) -> None:
        self._parameter = parameter
        self._field = source.field
        self._dump = _dumper(source.adapter)
        self._is_text = parameter.type is str

    def plain(self, arguments: Mapping[str, Any]) -> str | None:
        """Return a text that goes anywhere as it is, as most ids do, or None where there is more to be done."""
        value = arguments.get(self._parameter.name)
        return value if self._is_text and type(value) is str and _plain(value) else None

    def pairs(self, arguments: Mapping[str, Any], faults: list[Fault]) -> list[tuple[str, str]]:
        if self._parameter.name not in arguments:
            if self._parameter.required:
                faults.append(fault(self._field.where, "Field required", "missing"))
            return []
        if (plain := self.plain(arguments)) is not None:
            return [(self._field.name, plain)]
        value = _dumped(self._dump, arguments[self._parameter.name], self._field.where, faults)
        return _pairs(self._field, value, faults)


class _ModelWriter:
    """Writes a model as query parameters."""

    def __init__(self, parameter: Parameter, source: ModelSource) -> None:
        self._parameter = parameter
        self._fields = source.fields
        self._dump = _dumper(source.adapter)

    def pairs(self, arguments: Mapping[str, Any], faults: list[Fault]) -> list[tuple[str, str]]:
        parameter = self._parameter
        if parameter.name not in arguments:
            if parameter.required:
                faults.append(fault(f"query.{parameter.alias}", "Field required", "missing"))
            return []
        value = arguments[parameter.name]
        if value is None and parameter.default is None:
            return []
        dumped = _dumped(self._dump, value, f"query.{parameter.alias}", faults) or {}
        found = [pair for field in self._fields for pair in _pairs(field, dumped.get(field.name), faults)]
        if not found and not parameter.required and value != parameter.default:
            faults.append(fault(f"query.{parameter.alias}", "An empty model cannot be sent as text", "not_carried"))
        return found


def _query_writer(parameter: Parameter, operation: str) -> _TextWriter | _ModelWriter:
    source = query_source(parameter, operation)
    return _ModelWriter(parameter, source) if isinstance(source, ModelSource) else _TextWriter(parameter, source)


def _pairs(field: TextField, value: Any, faults: list[Fault]) -> list[tuple[str, str]]:
    try:
        return [(field.name, text) for text in field.to_texts(value)]
    except Refusal as refusal:
        faults.append(refusal.at(field.where))
        return []


class _BodyWriter:
    """Writes the parameters that make up the body."""

    def __init__(self, parameters: Sequence[Parameter], operation: str) -> None:
        source = BodySource(parameters, operation)
        self._parameters = parameters
        self._whole = source.whole
        self._required = source.required
        self._to_json = _json_writer(source.adapter)

    def write(self, arguments: Mapping[str, Any], faults: list[Fault]) -> bytes | None:
        given = {p.alias: arguments[p.name] for p in self._parameters if p.name in arguments}
        missing = [p for p in self._parameters if p.required and p.name not in arguments]
        faults.extend(
            fault(f"body.{p.alias}" if self._whole is None else "body", "Field required", "missing") for p in missing
        )
        if missing or (not given and not self._required):
            return None
        try:
            raw = self._to_json(given if self._whole is None else given[self._whole])
        except PydanticSerializationError:
            faults.append(fault("body", "The arguments are not of their declared types", "serialization"))
            return None
        except Refusal as refusal:
            faults.append(refusal.at("body"))
            return None
        if suspicious(raw):
            faults.extend(_forbidden(raw))
        return raw


def _forbidden(raw: bytes) -> list[Fault]:
    try:
        return list(forbidden(raw, "body"))
    except ValueError:  # a model that writes NaN as such: pydantic reads it, JSON has no such thing
        return [NOT_FINITE.at("body")]


def _json_writer(adapter: TypeAdapter[Any]) -> Callable[[Any], bytes]:
    """Return the function that writes JSON: secrets, which pydantic would mask, in the clear."""
    serializer = adapter.serializer
    schema = _schema(adapter)
    numbers = "'number'" in schema

    def write(value: Any) -> bytes:
        raw: bytes = serializer.to_json(value, by_alias=True, warnings="error")
        if numbers and b"null" in raw and not _all_finite(serializer.to_python(value)):
            raise NOT_FINITE  # pydantic would send null
        return raw

    def write_revealed(value: Any) -> bytes:
        return pydantic_core.to_json(_revealed(serializer.to_python(value, by_alias=True, warnings="error")))

    return write_revealed if "writeOnly" in schema else write


def _schema(adapter: TypeAdapter[Any]) -> str:
    try:
        return str(adapter.json_schema())
    except PydanticUserError:  # a type with validators of its own needs no schema to be sent
        return ""


def _all_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_all_finite, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_all_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _revealed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _revealed(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_revealed(item) for item in value]
    return value.get_secret_value() if isinstance(value, Secret | SecretStr | SecretBytes) else value


def _dumper(adapter: TypeAdapter[Any]) -> Callable[[Any], Any]:
    to_json = _json_writer(adapter)
    return lambda value: pydantic_core.from_json(to_json(value))


def _dumped(dump: Callable[[Any], Any], value: Any, where: str, faults: list[Fault]) -> Any:
    try:
        return dump(value)
    except PydanticSerializationError:
        faults.append(fault(where, "The argument is not of its declared type", "serialization"))
    except Refusal as refusal:
        faults.append(refusal.at(where))
    return None


def compile_decoder(result: Result, name: str) -> Callable[[bytes], Any]:
    """Return the function that reads an operation's result from the bytes of a JSON answer."""
    adapter, optional = result.adapter, result.optional

    def decode(body: bytes) -> Any:
        if not body and optional:
            return None
        if adapter is None:
            raise ProtocolError(f"{name} answered with a body, and its result is {result.type}.", operation=name)
        try:
            return adapter.validator.validate_json(body, strict=True, extra="ignore")
        except pydantic_core.ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the body"
            raise ProtocolError(
                f"{name} answered what its contract does not allow: {where}: {first['msg']}.", operation=name
            ) from error

    return decode
