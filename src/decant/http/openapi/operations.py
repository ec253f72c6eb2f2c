"""One typed operation as OpenAPI describes it: what it takes, what it answers, how it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined, to_jsonable_python

from decant.context import anyone
from decant.errors import AuthenticationError, PermissionDeniedError
from decant.http.codecs import codecs
from decant.http.openapi.docstrings import Docs, docs_of
from decant.http.openapi.paths import Variable, narrowed, variables_of
from decant.http.openapi.problems import RETRY_AFTER, error_responses
from decant.http.openapi.schemas import Components, Schema, text_schema
from decant.http.operations import Operation
from decant.http.paging import CursorError, Paging
from decant.http.parameters import EMPTY, Parameter
from decant.http.problem import status_phrase
from decant.http.requests import BodySource
from decant.http.results import Result, is_response
from decant.http.texts import shape_of, strip_optional
from decant.idempotency import HEADER as IDEMPOTENCY_HEADER
from decant.idempotency import IdempotencyKeyInUse, IdempotencyKeyMalformed

BEARER = "bearer"
BEARER_SCHEME: Schema = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
HEADERS: Mapping[str, Schema] = {
    "ETag": {"description": "Names this state of the resource.", "schema": {"type": "string"}},
    "Location": {"description": "Where the new resource is.", "schema": {"type": "string", "format": "uri-reference"}},
}

KEY_SCHEMA: Schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
KEY_WORDS = (
    "Any text that the client makes up for this request and its repetitions: within 24 hours they have one effect, "
    "and each gets the first answer."
)


def describe_operation(operation: Operation, rule: str, components: Components) -> Schema:
    """Return the OpenAPI operation object.

    Args:
        operation: The wired operation.
        rule: Its full path in Flask's syntax.
        components: Where schemas are gathered.
    """
    declaration, docs = operation.declaration, docs_of(operation.function)
    found: Schema = {
        "operationId": operation.name,
        "tags": list(declaration.tags) or [operation.name.partition(".")[0]],
        "summary": declaration.summary or docs.summary or _words(operation.name),
    }
    if docs.description:
        found["description"] = docs.description
    if declaration.deprecated:
        found["deprecated"] = True
    parameters = list(_parameters(operation, rule, docs, components))
    if parameters:
        found["parameters"] = parameters
    body = _request_body(operation, components)
    if body is not None:
        found["requestBody"] = body
    found["responses"] = _answers(operation, docs, components) | _failures(operation, components)
    # The class itself says "sign in first"; a subclass, such as a wrong password, is an answer like any other.
    if AuthenticationError in declaration.errors or _is_guarded(operation):
        found["security"] = [{BEARER: []}]
    return found


def _is_guarded(operation: Operation) -> bool:
    return operation.declaration.guard not in (None, anyone)


def _words(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ").capitalize()


def _parameters(operation: Operation, rule: str, docs: Docs, components: Components) -> Iterator[Schema]:
    variables = {variable.name: variable for variable in variables_of(rule)}
    for parameter in operation.parameters:
        if parameter.flat and parameter.kind == "query":
            yield from _model_parameters(parameter, components)
        elif parameter.kind == "path":
            yield _path_parameter(parameter, variables[parameter.name], docs, components)
        elif parameter.kind in ("query", "header"):
            found = _text_parameter(parameter.kind, parameter.alias, parameter.type, parameter.default, components)
            yield _described(found, docs.arguments.get(parameter.name))
    if operation.declaration.etag and operation.method == "GET":
        words = "The `ETag` that the client has: answered with 304 where it is still the newest."
        yield {"name": "If-None-Match", "in": "header", "description": words, "schema": {"type": "string"}}
    if IdempotencyKeyMalformed in operation.errors:
        yield {"name": IDEMPOTENCY_HEADER, "in": "header", "description": KEY_WORDS, "schema": KEY_SCHEMA}


def _path_parameter(parameter: Parameter, variable: Variable, docs: Docs, components: Components) -> Schema:
    schema = components.want(
        parameter.type, "validation", lambda made, shared: narrowed(text_schema(made, shared), variable)
    )
    found: Schema = {"name": parameter.alias, "in": "path", "required": True, "schema": schema}
    return _described(found, docs.arguments.get(parameter.name))


def _model_parameters(parameter: Parameter, components: Components) -> Iterator[Schema]:
    model: type[BaseModel] = strip_optional(parameter.type)
    for name, field in model.model_fields.items():
        alias = str(field.validation_alias or field.alias or name)
        default = EMPTY if field.is_required() and parameter.required else field.default
        default = None if default is PydanticUndefined else default
        found = _text_parameter("query", alias, field.rebuild_annotation(), default, components)
        yield _described(found, field.description)


def _text_parameter(place: str, alias: str, kind: Any, default: Any, components: Components) -> Schema:
    shape = shape_of(kind, alias)
    found: Schema = {"name": alias, "in": place}
    if default is EMPTY and not shape.nullable and not shape.many:
        found["required"] = True

    def publish(made: Schema, shared: Mapping[str, Schema]) -> Schema:
        schema = text_schema(made, shared)
        if default is EMPTY and schema.get("minItems"):
            found["required"] = True
        shown = default is not EMPTY and default is not None and default != []
        return schema | {"default": to_jsonable_python(default)} if shown else schema

    return found | {"schema": components.want(kind, "validation", publish)}


def _described(parameter: Schema, words: str | None) -> Schema:
    return parameter | {"description": words} if words else parameter


def _request_body(operation: Operation, components: Components) -> Schema | None:
    parameters = [parameter for parameter in operation.parameters if parameter.kind == "body"]
    if not parameters:
        return None
    source = BodySource(parameters, operation.name)
    content = {"application/json": {"schema": components.want(source.type, "validation")}}
    return {"required": source.required, "content": content}


def _answers(operation: Operation, docs: Docs, components: Components) -> dict[str, Schema]:
    declaration, result = operation.declaration, Result(operation.result, operation.name)
    answers: dict[str, Schema] = {}
    if result.adapter is not None or is_response(operation.result):
        status = declaration.status or (201 if declaration.location else 200)
        answers[str(status)] = _answer(operation, status, docs, components)
    if result.optional:
        status = declaration.status or 204
        answers.setdefault(str(status), {"description": status_phrase(status)})
    if declaration.etag and operation.method == "GET":
        headers = {"ETag": HEADERS["ETag"]}
        answers["304"] = {"description": "The client has the newest state already.", "headers": headers}
    return answers


def _answer(operation: Operation, status: int, docs: Docs, components: Components) -> Schema:
    declaration = operation.declaration
    answer: Schema = {"description": docs.returns or status_phrase(status)}
    names = [name for name, on in (("ETag", declaration.etag), ("Location", declaration.location)) if on]
    if names:
        answer["headers"] = {name: HEADERS[name] for name in names}
    if not is_response(operation.result):
        schema = components.want(operation.result, "serialization", _without_null)
        answer["content"] = {codec.media_types[0]: {"schema": schema} for codec in codecs()}
    return answer


def _without_null(schema: Schema, _: Mapping[str, Schema]) -> Schema:
    """None is answered with no body at all, never with ``null``."""
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if not options or len(options) == len(schema["anyOf"]):
        return schema
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    return rest | (options[0] if len(options) == 1 else {"anyOf": options})


def _failures(operation: Operation, components: Components) -> dict[str, Schema]:
    always = {400, 422, 500}  # any operation refuses an unreadable or unknown query parameter
    if any(parameter.kind == "path" for parameter in operation.parameters):
        always.add(404)
    if any(parameter.kind == "body" for parameter in operation.parameters):
        always |= {413, 415}
    paged = any(
        parameter.flat and issubclass(strip_optional(parameter.type), Paging) for parameter in operation.parameters
    )
    errors = (*operation.errors, CursorError) if paged else operation.errors
    if _is_guarded(operation):
        errors = (*errors, AuthenticationError, PermissionDeniedError)
    responses = error_responses(components, errors, always)
    if IdempotencyKeyInUse in errors:
        responses[str(IdempotencyKeyInUse.status)]["headers"] = RETRY_AFTER
    return responses
