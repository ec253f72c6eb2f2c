"""What is told of an unexpected error: everything to developers, nothing to anybody in production."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask

from decant.errors import OperationFailed, SetupError, Unavailable
from decant.http.problem import install_problems
from decant.observe.failures import Failure, Step

HTML = {"Accept": "text/html,*/*;q=0.8"}
FAR = Failure((Step("far", "far.away", "far.py", 3, "away", "return shelf[key]", "KeyError", "'x'"),))


def failed(kind: type[Any] = OperationFailed) -> Exception:
    error: Any = kind("far.away failed", operation="far.away")
    error.failure = FAR
    return error  # type: ignore[no-any-return]


def made(error: Exception, *, expose: bool = True) -> Any:
    app = Flask("near")

    @app.get("/")
    def home() -> str:
        raise error

    install_problems(app, expose=expose)
    return app.test_client()


@pytest.mark.parametrize("error", [KeyError("x"), SetupError("x"), failed(), OSError(5, "x")])
@pytest.mark.parametrize("expose", [True, False])
def test_every_bug_is_answered_alike_here_and_far_away(error: Exception, expose: bool) -> None:
    answer = made(error, expose=expose).get("/")
    assert (answer.status_code, answer.json["code"], answer.json["type"]) == (500, "internal", "about:blank")
    assert ("failure" in answer.json) is expose


def test_a_failed_call_is_told_with_its_kind_and_its_way() -> None:
    answer = made(failed(Unavailable)).get("/", headers=HTML)
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (503, "unavailable", "1")
    assert [step["operation"] for step in answer.json["failure"]["steps"]] == ["home", "far.away"]


def test_a_browser_gets_a_page_and_a_program_does_not() -> None:
    client = made(failed())
    page = client.get("/", headers=HTML)
    assert page.mimetype == "text/html"
    assert "return shelf[key]" in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Accept" in page.headers["Vary"]
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.5", ""):
        assert client.get("/", headers={"Accept": accept}).mimetype == "application/problem+json"
    assert made(failed(), expose=False).get("/", headers=HTML).mimetype == "application/problem+json"


def test_the_chain_is_logged_in_place_of_the_stack_at_the_edge(caplog: pytest.LogCaptureFixture) -> None:
    made(failed()).get("/")
    (record,) = [record for record in caplog.records if record.exc_info]
    shown: str = record.decant_instead  # type: ignore[attr-defined]
    assert (record.levelno, "far.away" in shown, "test_failing.py" in shown) == (logging.ERROR, True, True)


def test_between_services_a_failure_of_further_away_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    made(failed()).get("/", environ_overrides={"decant.internal": "web"})
    (record,) = caplog.records
    assert (record.getMessage(), record.exc_info) == ("home failed: far.away failed", None)


@pytest.mark.parametrize("environ", [{}, {"decant.internal": "web"}])
def test_where_it_arose_it_is_logged_whole(caplog: pytest.LogCaptureFixture, environ: dict[str, str]) -> None:
    made(KeyError("x")).get("/", environ_overrides=environ)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert not hasattr(record, "decant_instead")


def test_testing_lets_a_failed_operation_through_with_its_cause() -> None:
    cause = KeyError("x")
    error = failed()
    error.__cause__ = cause
    client = made(error)
    client.application.testing = True
    with pytest.raises(OperationFailed) as caught:
        client.get("/")
    assert caught.value.__cause__ is cause


def test_an_application_that_logs_in_its_own_way_goes_on_to() -> None:
    logged: list[Any] = []

    class Own(Flask):
        def log_exception(self, exc_info: Any) -> None:
            logged.append(exc_info[1])

    app = Own("own")
    app.add_url_rule("/", view_func=lambda: 1 / 0)
    install_problems(app, expose=True)
    assert app.test_client().get("/").status_code == 500
    assert [type(error) for error in logged] == [ZeroDivisionError]
