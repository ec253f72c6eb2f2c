"""A request becomes an operation's arguments, or one error that names every bad field.

Every parameter gets its reader when the operation is wired; what is left per request is reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NotRequired
from urllib.parse import parse_qsl

import pydantic_core
from flask import Request
from pydantic import AliasChoices, AliasPath, BaseModel, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from typing_extensions import TypedDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from decant.errors import SetupError
from decant.http.faults import DOT_SEGMENT, Fault, Refusal, fault, faults_of, invalid
from decant.http.guards import forbidden, suspicious
from decant.http.integral import with_integers
from decant.http.parameters import EMPTY, Parameter
from decant.http.texts import TextField, check_text, read_integer, strip_optional

Reader = Callable[["Reading"], None]
"""Reads a part of a request."""

Parser = Callable[[Request, Mapping[str, Any], bool], dict[str, Any]]

_DOTS = frozenset({".", ".."})

MOST_PARAMETERS = 1000
"""Parameters in one query string; more is an attack, or belongs in a body."""


def compile_parser(parameters: Sequence[Parameter], name: str, *, open_query: bool = False) -> Parser:
    """Return the function that reads an operation's arguments from a request.

    Args:
        parameters: The operation's.
        name: How errors name the operation.
        open_query: Whether query parameters that nobody declared are left alone. Links to pages carry what
            newsletters and search engines add to them.

    Raises:
        SetupError: For a parameter of a type that its place cannot carry.
    """
    by_kind = {kind: [p for p in parameters if p.kind == kind] for kind in ("path", "query", "header", "body")}
    readers = [_query_reader([query_source(p, name) for p in by_kind["query"]], closed=not open_query)]
    if by_kind["path"]:
        readers.insert(0, _path_reader([TextSource(p, name) for p in by_kind["path"]]))
    if by_kind["header"]:
        readers.append(_header_reader([TextSource(p, name) for p in by_kind["header"]]))
    if by_kind["body"]:
        readers.append(_body_reader(BodySource(by_kind["body"], name)))

    def parse(request: Request, path_args: Mapping[str, Any], strict: bool) -> dict[str, Any]:
        reading = Reading(request, path_args, strict)
        for read in readers:
            read(reading)
        if reading.faults:
            raise invalid(reading.faults)
        return reading.arguments

    return parse


class Reading:
    """One request while it is read.

    Attributes:
        request: The request.
        path_args: The values of the path's variables.
        strict: Whether unknown fields are refused.
        arguments: What was read so far.
        faults: What is wrong so far.
    """

    __slots__ = ("arguments", "faults", "path_args", "request", "strict")

    def __init__(self, request: Request, path_args: Mapping[str, Any], strict: bool) -> None:
        self.request = request
        self.path_args = path_args
        self.strict = strict
        self.arguments: dict[str, Any] = {}
        self.faults: list[Fault] = []


def adapter_of(kind: Any, where: str) -> TypeAdapter[Any]:
    """Return pydantic's adapter for a type.

    Raises:
        SetupError: When pydantic has no idea what to do with the type.
    """
    try:
        return TypeAdapter(kind)
    except PydanticUserError as error:
        raise SetupError(f"{where}: pydantic cannot handle its type {kind}: {error.message}") from error


class TextSource:
    """A parameter that is one value in the path, the query string or a header."""

    def __init__(self, parameter: Parameter, operation: str) -> None:
        self.name = parameter.name
        self.required = parameter.required
        self.where = f"{parameter.kind}.{parameter.alias}"
        self.adapter = adapter_of(parameter.type, f"{operation}: `{parameter.name}`")
        self.field = _text_field(parameter.alias, self.where, parameter.type, parameter.default, operation)
        self.fields = (self.field,)
        self._validate = self.adapter.validator.validate_json
        self._fast = _FAST.get(parameter.type)

    def read(self, given: Mapping[str, list[str]], reading: Reading) -> None:
        """Read the parameter from what a query string or the headers give."""
        texts = given.get(self.field.name)
        if texts is not None:
            self.convert(texts, reading)
        elif self.field.fill is not None:
            self._put(self.field.fill, reading, [])
        elif self.required:
            reading.faults.append(fault(self.where, "Field required", "missing"))

    def convert(self, texts: list[str], reading: Reading) -> None:
        """Read the parameter from its texts."""
        if self._fast is not None and len(texts) == 1:
            try:
                reading.arguments[self.name] = self._fast(texts[0])
            except Refusal as refusal:
                reading.faults.append(refusal.at(self.where))
            return
        own: list[Fault] = []
        document = self.field.to_json(texts, own)
        self._put(document, reading, own)

    def _put(self, document: str, reading: Reading, own: list[Fault]) -> None:
        try:
            reading.arguments[self.name] = self._validate(document, strict=True)
        except pydantic_core.ValidationError as error:
            known = [one["field"] for one in own]
            if self.where not in known:
                own.extend(faults_of(error, self.where, known))
        reading.faults.extend(own)


_FAST: Mapping[Any, Callable[[str], Any]] = {str: check_text, int: read_integer}


class ModelSource:
    """A parameter that is a model, its fields the query parameters."""

    def __init__(self, parameter: Parameter, operation: str) -> None:
        model: type[BaseModel] = strip_optional(parameter.type)
        self.name = parameter.name
        self.required = parameter.required
        self.adapter = adapter_of(model, f"{operation}: `{parameter.name}`")
        self.fields = tuple(_model_field(name, field, operation) for name, field in model.model_fields.items())
        self._validate = self.adapter.validator.validate_json

    def read(self, given: Mapping[str, list[str]], reading: Reading) -> None:
        """Read the model from what a query string gives."""
        if not self.required and not any(field.name in given for field in self.fields):
            return
        own: list[Fault] = []
        parts = []
        for field in self.fields:
            texts = given.get(field.name)
            document = field.fill if texts is None else field.to_json(texts, own)
            if document is not None:
                parts.append(f"{field.key}:{document}")
        try:
            reading.arguments[self.name] = self._validate(f"{{{','.join(parts)}}}", strict=True, extra="ignore")
        except pydantic_core.ValidationError as error:
            own.extend(faults_of(error, "query", [one["field"] for one in own]))
        reading.faults.extend(own)


def query_source(parameter: Parameter, operation: str) -> TextSource | ModelSource:
    return ModelSource(parameter, operation) if parameter.flat else TextSource(parameter, operation)


def _model_field(name: str, field: FieldInfo, operation: str) -> TextField:
    alias = field.validation_alias or field.alias or name
    if isinstance(alias, AliasChoices | AliasPath):
        raise SetupError(f"{operation}: the query parameter {name!r} has several aliases.", hint="Keep a single name.")
    return _text_field(alias, f"query.{alias}", field.annotation, _default(field), operation)


def _default(field: FieldInfo) -> Any:
    if field.is_required():
        return EMPTY
    if field.default_factory in (list, set, frozenset, tuple):
        return ()
    return field.default  # PydanticUndefined for any other factory: no text stands for what it will make


def _text_field(name: str, where: str, kind: Any, default: Any, operation: str) -> TextField:
    try:
        return TextField(name, where, kind, default)
    except SetupError as error:
        raise SetupError(f"{operation}: {error.detail}", hint=error.hint) from error


def _path_reader(sources: Sequence[TextSource]) -> Reader:
    def read(reading: Reading) -> None:
        path_args = reading.path_args
        for source in sources:
            value = path_args[source.name]
            text = value if type(value) is str else str(value)
            if "." in text and not _DOTS.isdisjoint(text.split("/")):
                reading.faults.append(DOT_SEGMENT.at(source.where))
            source.convert([text], reading)

    return read


def _header_reader(sources: Sequence[TextSource]) -> Reader:
    keys = [(source, _environ_key(source.field.name)) for source in sources]

    def read(reading: Reading) -> None:
        environ = reading.request.environ
        given = {source.field.name: [environ[key]] for source, key in keys if key in environ}
        for source in sources:
            source.read(given, reading)

    return read


def _environ_key(header: str) -> str:
    key = header.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def _query_reader(sources: Sequence[TextSource | ModelSource], *, closed: bool) -> Reader:
    known = frozenset(field.name for source in sources for field in source.fields)

    def read(reading: Reading) -> None:
        query = reading.request.environ.get("QUERY_STRING")
        if not query and not sources:
            return
        given = split_query(query) if query else {}
        for source in sources:
            source.read(given, reading)
        if closed and reading.strict and not known.issuperset(given):
            reading.faults.extend(_unknown(given, known))

    return read


def _unknown(given: Iterable[str], known: frozenset[str]) -> Iterable[Fault]:
    for name in given:
        if name not in known:
            yield fault(f"query.{name.replace(chr(0), '')}", "Unknown query parameter", "extra_forbidden")


def split_query(query: str) -> dict[str, list[str]]:
    """Return a query string's parameters, each with all its values.

    Raises:
        BadRequest: When it is not UTF-8, or has too many parameters.
    """
    given: dict[str, list[str]] = {}
    for name, value in _pairs(query):
        if name in given:
            given[name].append(value)
        else:
            given[name] = [value]
    return given


def _pairs(query: str) -> Iterable[tuple[str, str]]:
    if "%" not in query and "+" not in query and query.isascii() and query.count("&") < MOST_PARAMETERS:
        for part in query.split("&"):
            if part:
                name, _, value = part.partition("=")
                yield name, value
        return
    try:
        # A WSGI server gives the bytes of the query string as if they were Latin-1 (PEP 3333).
        text = query.encode("latin-1").decode("utf-8")
        yield from parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except UnicodeError:
        raise BadRequest("The query string is not UTF-8.") from None
    except ValueError:
        raise BadRequest(f"The query string has more than {MOST_PARAMETERS} parameters.") from None


class BodySource:
    """The parameters that make up the JSON body: one that is the body, or several that are its keys.

    Attributes:
        type: The body's type; for several parameters a TypedDict that has them as keys.
        required: Whether a request without a body is refused.
    """

    def __init__(self, parameters: Sequence[Parameter], operation: str) -> None:
        self.whole = parameters[0].name if parameters[0].whole else None
        self.required = any(parameter.required for parameter in parameters)
        self.type = parameters[0].type if self.whole else _keys(parameters, operation)
        self.adapter = adapter_of(self.type, f"{operation}: the body")
        self._validate = self.adapter.validator.validate_json

    def read(self, raw: bytes, reading: Reading) -> None:
        """Read the parameters from the body's bytes.

        Raises:
            BadRequest: When they are not JSON.
        """
        own: list[Fault] = []
        try:
            value = self._value(raw, "forbid" if reading.strict else "ignore")
            if self.whole is None:
                reading.arguments.update(value)
            else:
                reading.arguments[self.whole] = value
        except pydantic_core.ValidationError as error:
            own.extend(faults_of(error, "body"))
            if own and own[0]["code"] == "json_invalid":
                raise BadRequest(f"The body is not valid JSON: {own[0]['message'].partition(': ')[2]}.") from None
        if suspicious(raw):
            own.extend(_forbidden(raw, {one["field"] for one in own}))
        reading.faults.extend(own)

    def _value(self, raw: bytes, extra: Literal["forbid", "ignore"]) -> Any:
        try:
            return self._validate(raw, strict=True, extra=extra)
        except pydantic_core.ValidationError as error:
            repaired = with_integers(raw, error)
            if repaired is None:
                raise
            return self._validate(repaired, strict=True, extra=extra)


def _keys(parameters: Sequence[Parameter], operation: str) -> Any:
    """Return a TypedDict with a key per parameter; those with defaults may be absent."""
    keys = {p.alias: p.type if p.required else NotRequired[p.type] for p in parameters}
    return TypedDict(f"{''.join(word.capitalize() for word in operation.replace('.', '_').split('_'))}Body", keys)  # type: ignore[operator]


def _forbidden(raw: bytes, known: set[str]) -> list[Fault]:
    try:
        return [one for one in forbidden(raw, "body") if one["field"] not in known]
    except ValueError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from None


def _body_reader(source: BodySource) -> Reader:
    def read(reading: Reading) -> None:
        raw = read_body(reading.request)
        if raw:
            check_json(reading.request.environ)
            source.read(raw, reading)
        elif source.required:
            raise BadRequest("The body is empty, and JSON is required.")

    return read


def read_body(request: Request) -> bytes:
    """Return a request's body.

    Raises:
        RequestEntityTooLarge: For more than ``MAX_CONTENT_LENGTH``. Werkzeug sees to that where a length
            is announced; a chunked body it cuts at the limit, silently, so what follows is looked for here.
    """
    raw = request.get_data()
    environ = request.environ
    if "HTTP_TRANSFER_ENCODING" in environ and len(raw) == request.max_content_length and environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge
    return raw


def check_json(environ: Mapping[str, Any]) -> None:
    """Refuse a body that is not declared as plain JSON.

    Raises:
        UnsupportedMediaType: For any type but ``application/json`` and ``application/*+json``, any
            character set but UTF-8, and any content coding.
    """
    given = environ.get("CONTENT_TYPE", "")
    if given != "application/json" and not _is_json(given):
        raise UnsupportedMediaType("The body has to be application/json, in UTF-8.")
    if environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType("The body has to be sent without a content coding.")


def _is_json(content_type: str) -> bool:
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charset = next((p.partition("=")[2].strip("\"' ") for p in parameters if p.startswith("charset=")), "utf-8")
    known = media == "application/json" or (media.startswith("application/") and media.endswith("+json"))
    return known and charset in ("utf-8", "utf8")
