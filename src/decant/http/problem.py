"""Problem documents (RFC 9457): the one shape of every error, on every path and method.

::

    HTTP/1.1 409 Conflict
    Content-Type: application/problem+json

    {"type": "urn:problem-type:catalog.out-of-stock", "title": "Out of stock", "status": 409,
     "detail": "Only 2 of p1 are left.", "code": "catalog.out-of-stock",
     "product_id": "p1", "left": 2, "trace_id": "4bf9…", "request_id": "a3ce…"}

Programs decide by ``code``, people read ``detail``, support asks for ``trace_id``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from flask import Flask, Response, current_app, request
from pydantic_core import to_jsonable_python
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.http import HTTP_STATUS_CODES, parse_date

from decant.clock import Clock, SystemClock
from decant.context import current
from decant.errors import (
    RESERVED_FIELDS,
    AuthenticationError,
    DecantError,
    DomainError,
    OperationFailed,
    RemoteCallError,
    ValidationError,
    quotable,
)
from decant.http.codecs import encode
from decant.http.failing import Failures, wants_page
from decant.http.failure_page import POLICY, failure_page
from decant.http.smorest import share_errors
from decant.observe.failures import Failure, from_wire, to_wire

BLANK = "about:blank"
"""The ``type`` of a problem that is no more than its HTTP status (RFC 9457, 4.2.1)."""

PAGE = "decant.page"
"""Key in the WSGI environment, and in ``app.extensions`` for requests that no view answers: takes a problem's members,
and returns the response that a browser gets, or None."""

EXTRA = "decant.extra"
"""Key in the WSGI environment: takes a problem's members, and returns more of them, for clients that expect them."""


# The phrases differ between versions of Python and Werkzeug; codes are for ever.
PHRASES = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
CODES = {413: "payload-too-large", 418: "teapot", 500: "internal"}
HIDDEN = "The server could not answer this request. The operators find it in the log by its trace and request id."
UNANSWERED = {
    502: "A service that is needed here gave an answer that cannot be used.",
    503: "A service that is needed here is not available at the moment.",
    504: "A service that is needed here did not answer in time.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemDocument:
    """One problem, as it is written or as it was read.

    Attributes:
        status: The HTTP status.
        code: A stable dotted slug; empty when a foreign server sent none.
        title: The kind of problem in a few words, the same every time.
        detail: What happened this time.
        type: ``about:blank``, or a URI that names the kind of problem.
        instance: A URI of this one occurrence, where the sender gave one.
        hint: What to do about it; only in development.
        errors: One entry per bad field: ``field``, ``message``, ``code``.
        trace_id: The trace in which it happened, or "".
        request_id: The request in which it happened, or "".
        fields: The declared fields of a :class:`~decant.errors.DomainError`.
        headers: HTTP headers that belong to the problem, for instance ``Allow``.
        retry_after_s: Seconds to wait before another try, where the sender said so.
        failure: The way of an unexpected error through the modules; only in development.
    """

    status: int
    code: str
    title: str
    detail: str = ""
    type: str = BLANK
    instance: str = ""
    hint: str | None = None
    errors: tuple[Mapping[str, Any], ...] = ()
    trace_id: str = ""
    request_id: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    retry_after_s: float | None = None
    failure: Failure | None = None

    def members(self) -> dict[str, Any]:
        """Return the document as plain JSON values, empty members left out."""
        document: dict[str, Any] = {"type": self.type, "title": self.title, "status": self.status}
        document |= {"detail": self.detail, "code": self.code}
        document |= to_jsonable_python(dict(self.fields), fallback=_type_name)
        optional = {
            "errors": to_jsonable_python(list(self.errors), fallback=_type_name),
            "instance": self.instance,
            "trace_id": self.trace_id,
            "request_id": self.request_id,
            "hint": self.hint,
            "failure": None if self.failure is None else to_wire(self.failure),
        }
        return document | {name: value for name, value in optional.items() if value}


def _type_name(value: object) -> str:
    """Stand in for a value that JSON cannot hold: never its repr, which may tell too much."""
    return type(value).__name__


def type_of(code: str) -> str:
    """Return the URI that names a kind of problem.

    A name and not an address, so that it is the same behind every host and prefix.
    """
    return f"urn:problem-type:{code}"


def status_phrase(status: int) -> str:
    """Return the reason phrase of an HTTP status, as RFC 9110 has it."""
    return PHRASES.get(status) or HTTP_STATUS_CODES.get(status, "Error")


def status_code(status: int) -> str:
    """Return the ``code`` of a problem that is no more than its HTTP status, for instance ``not-found``."""
    return CODES.get(status) or status_phrase(status).lower().replace(" ", "-").replace("'", "")


def problem_of(error: BaseException, *, expose: bool) -> ProblemDocument:
    """Describe any exception as a problem document.

    Args:
        error: What was raised.
        expose: Tell developers' details too: the hint, and what lies behind an internal error.
    """
    if isinstance(error, HTTPException):
        return _of_http(error, expose)
    if isinstance(error, DecantError):
        return _of_decant(error, expose)
    return _of_internal(error, expose)


def _of_http(error: HTTPException, expose: bool) -> ProblemDocument:
    status = error.code or 500
    cause = getattr(error, "original_exception", None)
    if isinstance(error, InternalServerError) and cause is not None:
        return problem_of(cause, expose=expose) if isinstance(cause, DecantError) else _of_internal(cause, expose)
    description = error.description
    return ProblemDocument(
        status=status,
        code=status_code(status),
        title=status_phrase(status),
        detail=description if isinstance(description, str) else status_phrase(status),
        headers=_kept(error.get_headers()),
        **_here(),
    )


def _of_decant(error: DecantError, expose: bool) -> ProblemDocument:
    domain = isinstance(error, DomainError)
    if _is_internal(error):
        return _of_internal(error, expose)
    return ProblemDocument(
        status=error.status,
        code=error.code,
        title=error.title,
        type=type_of(error.code),
        detail=error.detail if domain or expose else UNANSWERED.get(error.status, error.title),
        hint=error.hint if expose else None,
        errors=error.errors if isinstance(error, ValidationError) else (),
        fields=error.fields() if isinstance(error, DomainError) else {},
        headers=_kept({**error.headers(), **_challenge(error)}.items()),
        **_here(),
    )


def _challenge(error: DecantError) -> Mapping[str, str]:
    """Return how to sign in, for a request whose bearer token was not taken (RFC 6750, 3)."""
    context = current.get()
    came = (context.authorization or "")[:7].lower() == "bearer "
    if error.code != AuthenticationError.code or not came or context.caller.subject is not None:
        return {}
    return {"WWW-Authenticate": f'Bearer error="invalid_token", error_description="{quotable(error.detail)}"'}


def _of_internal(error: BaseException, expose: bool) -> ProblemDocument:
    detail = error.detail if isinstance(error, DecantError) else f"{type(error).__name__}: {error}"
    return ProblemDocument(
        status=500,
        code=status_code(500),
        title=status_phrase(500),
        detail=detail if expose else HIDDEN,
        hint=error.hint if expose and isinstance(error, DecantError) else None,
        **_here(),
    )


def _here() -> dict[str, Any]:
    context = current.get()
    return {"trace_id": context.trace_id, "request_id": context.request_id}


def _kept(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Keep every header but those that describe the body, which is ours."""
    return tuple(
        (name, _sorted(value) if name == "Allow" else value)
        for name, value in headers
        if name.lower() not in ("content-type", "content-length")
    )


def _sorted(methods: str) -> str:
    """Return methods in the same order every time; Flask has them in a set."""
    return ", ".join(sorted(methods.split(", ")))


def install_problems(app: Flask, *, expose: bool, service: str = "") -> None:
    """Answer every error of an application with a problem document.

    Handlers of one's own, of an application or a blueprint, win when they are for a more specific
    class or status; a handler for ``HTTPException`` that is already there stays. An exception that
    nobody handles goes Flask's way: logged with its traceback, raised again in testing and
    debugging, and answered as a 500.

    Args:
        app: Any Flask application.
        expose: Tell developers' details too (development); False hides them (production).
        service: What the process is called where a failure's way is told; the application's name by default.
    """
    failures = Failures(service or app.name) if expose else None

    def answer_http(error: HTTPException) -> Any:
        if error.response is not None or (error.code or 500) < 400:
            return error
        problem = problem_of(error, expose=expose)
        cause = getattr(error, "original_exception", None)
        if failures is not None and cause is not None:
            problem = replace(problem, failure=failures.of(cause))
        return problem_response(problem)

    def answer_decant(error: DecantError) -> Response:
        if _is_internal(error):
            raise error  # to Flask's own path: logged, and raised again in tests
        told = expose or bool(request.environ.get("decant.internal"))
        problem = problem_of(error, expose=told)
        if error.status >= 500 and failures is not None:
            failures.log(error, logging.WARNING, lambda: _warn(error))
        elif error.status >= 500:
            _warn(error)
        if failures is not None and isinstance(error, RemoteCallError):
            problem = replace(problem, failure=failures.of(error))
        return problem_response(problem)

    if HTTPException not in app.error_handler_spec[None][None]:
        app.register_error_handler(HTTPException, answer_http)
    share_errors(app, answer_http)
    app.register_error_handler(DecantError, answer_decant)
    if failures is not None:
        failures.install(app)


def _warn(error: DecantError) -> None:
    current_app.logger.warning("%s %s: %s", request.method, request.path, error, exc_info=error)


def _is_internal(error: DecantError) -> bool:
    """Return whether an error is a bug, here or in an operation that was called."""
    return isinstance(error, OperationFailed) or (
        error.status == 500 and not isinstance(error, DomainError | RemoteCallError)
    )


def problem_response(problem: ProblemDocument) -> Response:
    """Return a problem as the answer to the current request: in JSON or XML as its ``Accept`` asks, or as a page."""
    response = _page(problem)
    if response is None:
        body, content_type = encode(_members(problem), request.headers.get("Accept"), problem=True)
        response = Response(body, problem.status, content_type=content_type)
    if response.status_code == problem.status:  # a page may send its visitor elsewhere
        for name, value in problem.headers:
            response.headers.add(name, value)
    response.vary.add("Accept")
    return response


def _page(problem: ProblemDocument) -> Response | None:
    if problem.failure is not None and problem.status == 500 and wants_page(request):
        page_text = failure_page(
            problem.failure, detail=problem.detail, trace_id=problem.trace_id, request_id=problem.request_id
        )
        return Response(page_text, 500, {"Content-Security-Policy": POLICY}, content_type="text/html; charset=utf-8")
    page: Callable[[Mapping[str, Any]], Response | None] | None = request.environ.get(PAGE)
    if page is None and request.url_rule is None:
        page = current_app.extensions.get(PAGE)
    return None if page is None else page(problem.members())


def _members(problem: ProblemDocument) -> Mapping[str, Any]:
    members = problem.members()
    extra: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = request.environ.get(EXTRA)
    return members if extra is None else {**members, **extra(members)}


def parse_problem(
    status: int, headers: Mapping[str, str], body: bytes, *, clock: Clock | None = None
) -> ProblemDocument | None:
    """Read the problem document in an answer, from any server.

    Members of the wrong type are ignored, as RFC 9457 asks of readers, and the status is that of
    the answer itself.

    Args:
        status: The answer's HTTP status.
        headers: The answer's headers, in any case.
        body: The answer's body.
        clock: Decides what a ``Retry-After`` date means; the system's by default.

    Returns:
        The document, or None when the body is none.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    document = _problem_members(lowered.get("content-type", ""), body)
    if document is None:
        return None
    errors = document.get("errors")
    return ProblemDocument(
        status=status,
        code=_text(document, "code"),
        title=_text(document, "title") or status_phrase(status),
        detail=_text(document, "detail"),
        type=_text(document, "type") or BLANK,
        instance=_text(document, "instance"),
        hint=_text(document, "hint") or None,
        errors=tuple(entry for entry in errors if isinstance(entry, dict)) if isinstance(errors, list) else (),
        trace_id=_text(document, "trace_id"),
        request_id=_text(document, "request_id"),
        fields={name: value for name, value in document.items() if name not in RESERVED_FIELDS},
        headers=_kept(headers.items()),
        retry_after_s=retry_after_s(lowered.get("retry-after"), clock or SystemClock()),
        failure=from_wire(document.get("failure")),
    )


def _problem_members(content_type: str, body: bytes) -> dict[str, Any] | None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in ("application/problem+json", "application/json"):
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    named = media_type == "application/problem+json" or {"title", "status"} <= document.keys()
    return document if named else None


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def retry_after_s(value: str | None, clock: Clock) -> float | None:
    """Return what a ``Retry-After`` header says in seconds, 0 or more; None when it says nothing usable."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    date = parse_date(value)
    return None if date is None else max(0.0, (cast(Any, date) - clock.now()).total_seconds())
