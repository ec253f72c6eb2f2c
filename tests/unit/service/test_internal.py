"""Requests from other services are told apart from everybody else's by their token, and by nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask, jsonify, request

from decant.auth import ServiceTokens, generate_key, parse_key
from decant.http.problem import install_problems
from decant.rpc import TOKEN_REFUSED
from decant.service.internal import INTERNAL, INTERNAL_PREFIX, InternalCalls, require_service

KEY = parse_key(generate_key())
HEADER = "Decant-Service-Token"


def make_app() -> Flask:
    app = Flask("books")
    app.wsgi_app = InternalCalls(app.wsgi_app, ServiceTokens(KEY, "books"), "books")  # type: ignore[method-assign]
    install_problems(app, expose=False)

    @app.route(f"{INTERNAL_PREFIX}/titles", methods=["GET", "POST"])
    def titles() -> Any:
        require_service()
        caller = request.environ.get(INTERNAL)
        return jsonify(caller=caller.service if caller else None)

    @app.route("/titles")
    def page() -> str:
        return "a page with an operation's path"

    @app.route("/-page")
    def dash() -> str:
        return "a page of an outsider's"

    return app


def token(issuer: str = "reviews", audience: str = "books", key: Any = KEY, clock: Any = None) -> str:
    return ServiceTokens(key, issuer, clock).issue(audience)


class Yesterday:
    def now(self) -> datetime:
        return datetime(2020, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


def test_a_valid_token_names_the_caller_and_leads_to_the_operation() -> None:
    answer = make_app().test_client().get("/titles", headers={HEADER: token()})
    assert (answer.status_code, answer.json) == (200, {"caller": "reviews"})


def test_without_a_token_a_path_is_a_page() -> None:
    assert make_app().test_client().get("/titles").text == "a page with an operation's path"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "x",
        "a.b.c",
        "\xff.\xff.\xff",
        "a" * 100_000,
        token(audience="orders"),
        token(key=parse_key(generate_key())),
        token(clock=Yesterday()),
        f"{token()},{token()}",
    ],
    ids=["empty", "short", "forged", "bytes", "huge", "other audience", "other key", "expired", "twice"],
)
def test_a_token_that_is_not_valid_is_refused_and_never_an_outsiders_request(wrong: str) -> None:
    answer = make_app().test_client().get("/titles", headers={HEADER: wrong})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.get_json(force=True)["code"] == TOKEN_REFUSED


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "HEAD"])
@pytest.mark.parametrize(
    "path",
    ["/-/titles", "/%2d/titles", "/%2D%2Ftitles", "//-/titles", "///-//titles", "/-//titles", "/-", "/-/", "//-"],
)
def test_an_outsiders_path_between_services_leads_nowhere(path: str, method: str) -> None:
    asked = {"PATH_INFO": unquote(path)}  # as a server hands it on; the client would take // for a host
    answer = make_app().test_client().open("/", method=method, environ_overrides=asked)
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("path", ["/titles", "/-/titles", "/-/-/titles"])
def test_a_token_does_not_make_the_prefix_part_of_a_path(path: str) -> None:
    answer = make_app().test_client().get(path, headers={HEADER: token()})
    assert answer.status_code == (200 if path == "/titles" else 404)


def test_a_path_that_only_begins_with_a_dash_is_an_outsiders_like_any_other() -> None:
    assert make_app().test_client().get("/-page").text == "a page of an outsider's"


def test_a_header_cannot_set_the_mark() -> None:
    seen: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(environ.get(INTERNAL))
        start_response("200 OK", [])
        return [b""]

    calls = InternalCalls(app, ServiceTokens(KEY, "books"), "books")
    headers = {"HTTP_DECANT_INTERNAL": "reviews", "HTTP_X_DECANT_INTERNAL": "1", "PATH_INFO": "/titles"}
    calls(dict(headers), lambda *_: lambda _: None)
    assert seen == [None]
