"""A checked result becomes a Flask response: status, ``Location``, entity tag, JSON or what was asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import pydantic_core
from flask import Request, Response
from werkzeug.wrappers import Response as AnyResponse

from decant.errors import SetupError
from decant.http.codecs import JSON_TYPE, choose
from decant.http.declare import Declaration
from decant.http.etag import etag_of, is_match
from decant.http.results import Result, ResultError

Send = Callable[[Any, Request], AnyResponse]

PREFIX_KEY = "decant.prefix"
"""Key in the WSGI environment: the public prefix in force for the request, for instance ``/api``."""

_field = re.compile(r"\{([A-Za-z_]\w*)\}")


def compile_responder(declaration: Declaration, result: Result, name: str) -> Send:
    """Return the function that answers with a checked result.

    Raises:
        SetupError: For a ``location`` with a field that the result does not have.
    """
    status = declaration.status or (201 if declaration.location else 200)
    locate = _locator(declaration.location, result, name) if declaration.location else None
    tagged = declaration.etag
    dump = result.dump

    def send(value: Any, request: Request) -> AnyResponse:
        if value is None:
            return _empty(declaration.status or 204)
        if isinstance(value, AnyResponse):
            return value
        body = dump(value)
        content_type = JSON_TYPE
        environ = request.environ
        accept = environ.get("HTTP_ACCEPT")
        if accept is not None and accept not in ("*/*", JSON_TYPE):
            body, content_type = _translate(body, accept)
        etag = ""
        if tagged:
            etag = etag_of(body)
            seen = environ.get("HTTP_IF_NONE_MATCH")
            if seen is not None and environ["REQUEST_METHOD"] in ("GET", "HEAD") and is_match(seen, etag):
                return _not_modified(etag)
        response = Response(body, status, content_type=content_type)
        add = response.headers.add  # cheaper than headers given to the constructor
        add("Vary", "Accept")
        if tagged:
            add("ETag", etag)
        if locate is not None:
            add("Location", locate(value, environ))
        return response

    return send


def _translate(body: bytes, accept: str) -> tuple[bytes, str]:
    choice = choose(accept)
    if choice.is_json:
        return body, JSON_TYPE
    return choice.codec.encode(pydantic_core.from_json(body)), choice.content_type


def _empty(status: int) -> Response:
    response = Response(status=status)
    del response.headers["Content-Type"]
    if status == 204:
        response.headers.pop("Content-Length", None)
    return response


def _not_modified(etag: str) -> Response:
    response = Response(status=304, headers=[("ETag", etag), ("Vary", "Accept")])
    del response.headers["Content-Type"]
    return response


def _locator(template: str, result: Result, name: str) -> Callable[[Any, Mapping[str, Any]], str]:
    fields = _field.findall(template)
    known = getattr(result.type, "model_fields", None) or getattr(result.type, "__annotations__", None)
    for field in fields:
        if known is not None and field not in known and not hasattr(result.type, field):
            raise SetupError(
                f"{name}: its location {template!r} has {{{field}}}, and its result no such field.",
                hint=f"The result's fields: {', '.join(known)}.",
            )

    def locate(value: Any, environ: Mapping[str, Any]) -> str:
        def fill(match: re.Match[str]) -> str:
            part = value[match[1]] if isinstance(value, dict) else getattr(value, match[1])
            return _segment(part, name)

        path = _field.sub(fill, template)
        return f"{environ.get('SCRIPT_NAME', '')}{environ.get(PREFIX_KEY, '')}{path}"

    return locate


def _segment(value: Any, name: str) -> str:
    text = str(pydantic_core.to_jsonable_python(value))
    if text in ("", ".", ".."):
        raise ResultError(f"{name}: {text!r} cannot be a part of its Location.")
    return quote(text, safe="")
