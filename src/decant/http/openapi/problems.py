"""The error answers of an operation: those it declares, and those that every operation has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ConfigDict, Field, create_model

from decant.errors import DecantError, DomainError, ValidationError
from decant.http.codecs import codecs
from decant.http.openapi.schemas import Components, Schema
from decant.http.problem import status_phrase, type_of
from decant.wiring import resolve_hints

MEANINGS: Mapping[int, str] = {
    400: "The request cannot be read: malformed JSON, or a query string that is not UTF-8.",
    404: "There is nothing at this address.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    422: "The request is well-formed but wrong; every bad field is named.",
    500: "Something broke here; the operators find it in the log by its trace and request id.",
}
RETRY_AFTER: Schema = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}
HEADERS: Mapping[int, Schema] = {
    401: {"WWW-Authenticate": {"description": "How to identify oneself.", "schema": {"type": "string"}}},
    429: RETRY_AFTER,
    503: RETRY_AFTER,
}


class BadField(BaseModel):
    """One bad field of a request."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": True})

    field: str = Field(description="Where it is, for instance `body.qty` or `query.limit`.")
    message: str = Field(description="What is wrong with it.")
    code: str = Field(default="", description="The same in a word, for programs.")


class Problem(BaseModel):
    """What went wrong, as a problem document (RFC 9457)."""

    type: str = Field(description="Names the kind of problem.", json_schema_extra={"format": "uri-reference"})
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="What happened this time.")
    code: str = Field(description="The kind of problem for programs; it never changes.")
    errors: list[BadField] = Field(default_factory=list, description="Every bad field, where the request was wrong.")
    trace_id: str = Field(default="", description="Name this to support.")
    request_id: str = Field(default="", description="Name this to support.")


def model_of(error: type[DecantError]) -> type[BaseModel]:
    """Return a model of the problem document that an error becomes.

    Raises:
        SetupError: When an annotation of its fields cannot be resolved.
    """
    known: type[BaseModel] | None = _models.get(error)
    if known is None:
        known = _models[error] = _make_model(error)
    return known


# One model per error class, or pydantic would take two of them for two components.
_models: WeakKeyDictionary[type[DecantError], type[BaseModel]] = WeakKeyDictionary()


def _make_model(error: type[DecantError]) -> type[BaseModel]:
    return create_model(
        error.__name__,
        __doc__=(error.__doc__ or error.title).strip().partition("\n")[0],
        type=(str, Field(json_schema_extra={"const": type_of(error.code)})),
        title=(str, ...),
        status=(int, Field(json_schema_extra={"const": error.status})),
        detail=(str, ...),
        code=(str, Field(json_schema_extra={"const": error.code})),
        **_fields(error),
        trace_id=(str, ""),
        request_id=(str, ""),
    )


def _fields(error: type[DecantError]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if issubclass(error, DomainError):
        hints: dict[str, Any] = {}
        for cls in reversed(error.__mro__):
            if "__annotations__" in cls.__dict__:
                hints |= resolve_hints(cls, error.__name__)
        fields = {name: (hints[name], ...) for name in error._fields}
    if issubclass(error, ValidationError):
        fields["errors"] = (list[BadField], Field(default_factory=list))
    return fields


def error_responses(
    components: Components, errors: Iterable[type[DecantError]], always: Iterable[int]
) -> dict[str, Schema]:
    """Return the OpenAPI responses of an operation's errors, by status.

    Args:
        components: Where schemas are gathered.
        errors: What the operation declares.
        always: The statuses that it can answer anyway.
    """
    always = set(always)
    declared: dict[int, list[type[DecantError]]] = {}
    for error in dict.fromkeys(errors):
        declared.setdefault(error.status, []).append(error)
    return {
        str(status): _response(components, status, declared.get(status, []), plain=status in always)
        for status in sorted(always | declared.keys())
    }


def _problem_types() -> list[str]:
    return [codec.problem_type for codec in codecs() if codec.problem_type]


def _response(components: Components, status: int, errors: list[type[DecantError]], *, plain: bool) -> Schema:
    schemas = [components.want(model_of(error), "serialization") for error in errors]
    if plain or not schemas:
        schemas.append(components.want(Problem, "serialization"))
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    words = [(error.__doc__ or error.title).strip().partition("\n")[0] for error in errors]
    if plain or not words:
        words.append(MEANINGS.get(status, status_phrase(status)))
    response: Schema = {
        "description": " ".join(words),
        "content": {kind: {"schema": schema} for kind in _problem_types()},
    }
    return response | {"headers": HEADERS[status]} if status in HEADERS else response
