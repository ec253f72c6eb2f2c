"""Every error is a problem document."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Blueprint, Flask, abort, redirect, request
from werkzeug.exceptions import HTTPException, NotFound, RequestedRangeNotSatisfiable, TooManyRequests, Unauthorized

from decant.context import CallContext, use
from decant.errors import (
    AuthenticationError,
    DeadlineExceeded,
    DecantError,
    DomainError,
    NotFoundError,
    SetupError,
    Unavailable,
    ValidationError,
)
from decant.http.problem import EXTRA, ProblemDocument, install_problems, parse_problem, problem_of


class OutOfStock(DomainError, code="catalog.out-of-stock", status=409):
    """Only {left} of {product_id} are left."""

    product_id: str
    left: int


class Teapot(DecantError):
    code = "kitchen.teapot"
    status = 418
    title = "Teapot"


def raising(error: BaseException, *, expose: bool = False, testing: bool = False) -> Flask:
    app = Flask(__name__)
    app.testing = testing
    install_problems(app, expose=expose)

    @app.route("/")
    def view() -> str:
        raise error

    return app


def answer(error: BaseException, *, expose: bool = False, **request: Any) -> Any:
    return raising(error, expose=expose).test_client().get("/", **request)


def test_an_unknown_path_is_a_problem() -> None:
    response = answer(NotFound())
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"
    assert response.json == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": NotFound.description,
        "code": "not-found",
    }


def test_a_wrong_method_keeps_allow() -> None:
    response = raising(NotFound()).test_client().delete("/")
    assert response.status_code == 405
    assert {method.strip() for method in response.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}
    assert response.json["code"] == "method-not-allowed"


def test_head_has_the_headers_and_no_body() -> None:
    app = raising(NotFound())
    got, head = app.test_client().get("/nowhere"), app.test_client().head("/nowhere")
    assert head.data == b""
    assert head.headers["Content-Length"] == str(len(got.data))


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (TooManyRequests(retry_after=7), "Retry-After", "7"),
        (Unauthorized(www_authenticate=None), "WWW-Authenticate", None),
        (RequestedRangeNotSatisfiable(10), "Content-Range", "bytes */10"),
        (AuthenticationError(), "WWW-Authenticate", "Bearer"),
        (Unavailable("gone", retry_after_s=3), "Retry-After", "3"),
    ],
)
def test_headers_of_an_error_are_kept(error: Exception, header: str, value: str | None) -> None:
    assert answer(error).headers.get(header) == value


def test_the_content_type_appears_once() -> None:
    assert len(answer(NotFound()).headers.getlist("Content-Type")) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "bad-request"),
        (405, "method-not-allowed"),
        (413, "payload-too-large"),
        (415, "unsupported-media-type"),
        (418, "teapot"),
        (422, "unprocessable-content"),
        (500, "internal"),
    ],
)
def test_a_plain_status_has_a_stable_code(status: int, code: str) -> None:
    app = Flask(__name__)
    install_problems(app, expose=False)
    app.add_url_rule("/", view_func=lambda: abort(status))
    assert app.test_client().get("/").json["code"] == code


def test_a_redirect_is_left_alone() -> None:
    app = Flask(__name__)
    install_problems(app, expose=False)
    app.add_url_rule("/folder/", view_func=lambda: "here")
    response = app.test_client().get("/folder")
    assert response.status_code == 308
    assert response.headers["Location"].endswith("/folder/")


def test_an_exception_that_carries_a_response_is_left_alone() -> None:
    app = Flask(__name__)
    install_problems(app, expose=False)
    app.add_url_rule("/", view_func=lambda: abort(redirect("/elsewhere")))
    assert app.test_client().get("/").headers["Location"] == "/elsewhere"


def test_an_error_of_the_domain_brings_its_code_and_fields() -> None:
    response = answer(OutOfStock(product_id="p1", left=2))
    assert response.status_code == 409
    assert response.json == {
        "type": "urn:problem-type:catalog.out-of-stock",
        "title": "Out of stock",
        "status": 409,
        "detail": "Only 2 of p1 are left.",
        "code": "catalog.out-of-stock",
        "product_id": "p1",
        "left": 2,
    }


def test_fields_are_made_json_without_showing_an_objects_repr() -> None:
    class Odd(DomainError, code="odd", status=409):
        """Odd."""

        when: datetime
        thing: object

    document = answer(Odd(when=datetime(2026, 1, 2, tzinfo=UTC), thing=object())).json
    assert (document["when"], document["thing"]) == ("2026-01-02T00:00:00Z", "object")


def test_a_validation_error_names_every_field() -> None:
    errors = [{"field": "body.qty", "message": "Too big", "code": "less_than"}, {"field": "query.q", "message": "No"}]
    response = answer(ValidationError("Two fields are wrong.", errors=errors))
    assert (response.status_code, response.json["errors"]) == (422, errors)


def test_trace_and_request_are_named_where_they_are_known() -> None:
    with use(CallContext(trace_id="4bf9" * 8, request_id="a3ce")):
        document = answer(NotFoundError("No product p9.")).json
    assert (document["trace_id"], document["request_id"]) == ("4bf9" * 8, "a3ce")


def test_the_hint_is_for_developers_only() -> None:
    error = Unavailable("catalog refused the connection", hint="Is it running?")
    assert answer(error, expose=True).json["hint"] == "Is it running?"
    assert "hint" not in answer(error).json


def test_a_failed_call_keeps_its_status_and_hides_its_detail_in_production() -> None:
    error = DeadlineExceeded("http://10.0.0.7:5001 took too long", operation="catalog.get_product")
    hidden, shown = answer(error), answer(error, expose=True)
    assert hidden.status_code == shown.status_code == 504
    assert hidden.json["code"] == "deadline-exceeded"
    assert b"10.0.0.7" not in hidden.data
    assert "10.0.0.7" in shown.json["detail"]


def test_a_failed_call_is_told_in_full_to_another_service() -> None:
    response = answer(Unavailable("catalog: refused"), environ_overrides={"decant.internal": True})
    assert response.json["detail"] == "catalog: refused"


def test_a_failed_call_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    answer(Unavailable("catalog: refused"))
    assert "GET /: catalog: refused" in caplog.text


def test_another_decant_error_answers_with_its_own_status() -> None:
    assert answer(Teapot("short and stout")).status_code == 418


@pytest.mark.parametrize("error", [RuntimeError("secret"), SetupError("secret", hint="secret too")])
def test_an_unexpected_error_says_nothing_in_production(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    response = answer(error)
    assert response.status_code == 500
    assert response.content_type == "application/problem+json"
    assert response.json["code"] == "internal"
    assert b"secret" not in response.data
    assert "Traceback" in caplog.text


def test_an_unexpected_error_names_itself_in_development() -> None:
    assert answer(RuntimeError("boom"), expose=True).json["detail"] == "RuntimeError: boom"
    assert answer(SetupError("two of them", hint="Remove one."), expose=True).json["hint"] == "Remove one."


@pytest.mark.parametrize("error", [RuntimeError("boom"), SetupError("boom")])
def test_an_unexpected_error_reaches_the_test_that_caused_it(error: Exception) -> None:
    with pytest.raises(type(error)):
        raising(error, testing=True).test_client().get("/")


def test_a_handler_for_one_class_wins() -> None:
    app = raising(OutOfStock(product_id="p1", left=0))
    app.register_error_handler(OutOfStock, lambda error: ("mine", 409))
    assert app.test_client().get("/").data == b"mine"


def test_a_blueprints_own_handler_wins() -> None:
    app = Flask(__name__)
    install_problems(app, expose=False)
    pages = Blueprint("pages", __name__, url_prefix="/pages")
    pages.add_url_rule("/", view_func=lambda: abort(404))
    pages.register_error_handler(HTTPException, lambda error: ("a page", error.code))
    app.register_blueprint(pages)
    assert app.test_client().get("/pages/").data == b"a page"
    assert app.test_client().get("/").content_type == "application/problem+json"


def test_a_handler_that_was_there_before_stays() -> None:
    app = Flask(__name__)
    app.register_error_handler(HTTPException, lambda error: ("mine", error.code))
    install_problems(app, expose=False)
    assert app.test_client().get("/").data == b"mine"


def test_a_description_that_is_no_text_is_not_shown_as_a_repr() -> None:
    app = Flask(__name__)
    install_problems(app, expose=False)
    app.add_url_rule("/", view_func=lambda: abort(400, description={"a": object()}))
    assert app.test_client().get("/").json["detail"] == "Bad Request"


def read(document: Any, status: int = 409, **headers: str) -> ProblemDocument | None:
    sent = {"Content-Type": "application/problem+json"} | {name.replace("_", "-"): v for name, v in headers.items()}
    return parse_problem(status, sent, document if isinstance(document, bytes) else json.dumps(document).encode())


@pytest.mark.parametrize(
    ("accept", "expected"), [("*/*", b'"message":"There is'), ("application/xml", b"<message>There is")]
)
@pytest.mark.parametrize("path", ["/", "/nowhere"])
def test_an_application_adds_members_that_its_clients_expect(accept: str, expected: bytes, path: str) -> None:
    app = raising(NotFoundError("There is nothing."))

    @app.before_request
    def expect() -> None:
        request.environ[EXTRA] = lambda members: {"message": f"There is a {members['status']}"}

    answer = app.test_client().get(path, headers={"Accept": accept})
    assert answer.status_code == 404
    assert expected in answer.data


def test_a_problem_is_read_back_as_it_was_written() -> None:
    written = problem_of(OutOfStock(product_id="p1", left=2), expose=False)
    back = read(written.members())
    assert back is not None
    assert (back.code, back.detail, back.fields, back.title) == (
        written.code,
        written.detail,
        {"product_id": "p1", "left": 2},
        written.title,
    )


def test_members_of_the_wrong_type_are_ignored() -> None:
    problem = read({"title": 7, "detail": None, "code": [], "errors": "x", "status": "many", "left": 2})
    assert problem == ProblemDocument(status=409, code="", title="Conflict", fields={"left": 2})


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"[" * 100_000, b"\xff", b'"text"'])
def test_a_body_that_is_no_problem_is_none(body: bytes) -> None:
    assert read(body) is None


def test_plain_json_is_a_problem_only_when_it_looks_like_one() -> None:
    assert read({"message": "no"}, Content_Type="application/json") is None
    assert read({"title": "No", "status": 409}, Content_Type="application/json; charset=utf-8") is not None
    assert read({"title": "No", "status": 409}, Content_Type="text/html") is None


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", None), ("-1", None)]
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    problem = read({}, status=503, Retry_After=value)
    assert problem is not None
    assert problem.retry_after_s == seconds
