"""Plain Flask views that describe themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from flask import Flask
from werkzeug.routing import Rule

from decant.errors import SetupError
from decant.http.openapi.docstrings import docs_of
from decant.http.openapi.paths import narrowed, template_of, variables_of
from decant.http.openapi.problems import error_responses
from decant.http.openapi.schemas import Components, Mode, Schema

F = TypeVar("F", bound=Callable[..., Any])

ATTRIBUTE = "__decant_description__"
METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options", "trace"})
KNOWN = frozenset(
    {"tags", "summary", "description", "externalDocs", "operationId", "parameters", "requestBody", "responses"}
    | {"callbacks", "deprecated", "security", "servers"}
)


def describe(operation: Mapping[str, Any] | None = None, /, **fields: Any) -> Callable[[F], F]:
    """Describe a plain Flask view in the API document. The view itself stays as it is.

    Path variables, summary and description come from the rule and the docstring unless they are
    given. Where OpenAPI has a schema, a type may stand: a pydantic model, ``list[int]``.

    Args:
        operation: An OpenAPI operation object, or one per method: ``{"get": {…}, "post": {…}}``.
        **fields: Fields of the operation object, by name.

    Raises:
        SetupError: For a field that OpenAPI does not have.

    Example:
        >>> @describe(summary="All as CSV", responses={200: {"description": "A table", "content": {"text/csv": {}}}})
        ... def export() -> str:
        ...     return "id,name"
    """
    given = {**(operation or {}), **fields}
    by_method = given if given and given.keys() <= METHODS else {"": given}
    for one in by_method.values():
        for name in one:
            if name not in KNOWN and not name.startswith("x-"):
                raise SetupError(
                    f"describe(): an OpenAPI operation has no field {name!r}.",
                    hint=f"It has: {', '.join(sorted(KNOWN))}.",
                )

    def attach(function: F) -> F:
        setattr(function, ATTRIBUTE, by_method)
        return function

    return attach


def described_views(app: Flask, components: Components) -> Iterator[tuple[str, str, Schema]]:
    """Yield (path, method, operation object) of every plain view that describes itself."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions.get(rule.endpoint)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            function = _function(view, method)
            given = _given(function, method.lower())
            if function is not None and given is not None:
                yield template_of(rule.rule), method.lower(), _complete(given, function, rule, method, components)


def _function(view: Any, method: str) -> Callable[..., Any] | None:
    found: Callable[..., Any] | None = getattr(getattr(view, "view_class", None), method.lower(), view)
    return found


def _given(function: Any, method: str) -> Mapping[str, Any] | None:
    by_method = getattr(function, ATTRIBUTE, None)
    return None if by_method is None else by_method.get(method, by_method.get(""))


def _complete(
    given: Mapping[str, Any], function: Callable[..., Any], rule: Rule, method: str, components: Components
) -> Schema:
    docs = docs_of(function)
    many = len((rule.methods or set()) - {"HEAD", "OPTIONS"}) > 1
    found: Schema = {"operationId": f"{rule.endpoint}.{method.lower()}" if many else rule.endpoint}
    if "." in rule.endpoint:
        found["tags"] = [rule.endpoint.partition(".")[0]]
    if docs.summary:
        found["summary"] = docs.summary
    if docs.description:
        found["description"] = docs.description
    found |= {name: _typed(value, _mode(name), components) for name, value in given.items()}
    found["parameters"] = [*_variables(rule, found.get("parameters", [])), *found.get("parameters", [])]
    responses = {str(status): response for status, response in found.get("responses", {}).items()}
    found["responses"] = (responses or {"200": {"description": "OK"}}) | _default(responses, components)
    return {name: value for name, value in found.items() if value != []}


def _mode(name: str) -> Mode:
    return "serialization" if name == "responses" else "validation"


def _typed(value: Any, mode: Mode, components: Components) -> Any:
    """Return a copy in which types that stand for schemas are schemas."""
    if isinstance(value, list | tuple):
        return [_typed(item, mode, components) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: components.want(item, mode)
        if key == "schema" and not isinstance(item, Mapping | bool)
        else _typed(item, mode, components)
        for key, item in value.items()
    }


def _variables(rule: Rule, given: list[Any]) -> list[Schema]:
    named = {one.get("name") for one in given if one.get("in") == "path"}
    return [
        {"name": one.name, "in": "path", "required": True, "schema": narrowed({}, one)}
        for one in variables_of(rule.rule)
        if one.name not in named
    ]


def _default(responses: Mapping[str, Any], components: Components) -> dict[str, Schema]:
    if "default" in responses:
        return {}
    problem = error_responses(components, (), [500])["500"]
    return {"default": {**problem, "description": "Any error, as a problem document."}}
