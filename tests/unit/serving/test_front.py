"""What stands before an application: early refusals, deadlines, and the last answer on a connection."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import Client, run_wsgi_app
from werkzeug.test import create_environ as make_environ

from decant.context import Caller
from decant.kit.incoming import ARRIVED, incoming_context
from decant.serving.admission import PLACE, Places
from decant.serving.front import Front, refusals

SERVICE = {"HTTP_DECANT_SERVICE_TOKEN": "any", "HTTP_DECANT_DEADLINE_MS": "0"}


class App:
    """Answers, and remembers what it was asked with."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.closed = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.asked.append(environ)
        if environ["PATH_INFO"] == "/broken":
            raise RuntimeError("broken on purpose")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return self

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"all ", b"well"])

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def leaving() -> threading.Event:
    return threading.Event()


@pytest.fixture
def full() -> Places:
    """Return places that are all taken."""
    places = Places(1)
    assert places.enter()
    return places


def ask(front: Front, path: str = "/", method: str = "GET", **environ: str) -> Any:
    return Client(front).open(path, method=method, environ_base=environ)


def test_an_answer_gives_its_place_back_when_it_was_sent(app: App, leaving: threading.Event) -> None:
    places = Places(4)
    front = Front(app, places, leaving)
    body, status, _ = run_wsgi_app(front, make_environ("/"))
    assert (status, places.running) == ("200 OK", 1)
    assert b"".join(body) == b"all well"
    body.close()
    assert (app.closed, places.running) == (1, 0)


def test_an_exception_gives_it_back_too(app: App, leaving: threading.Event) -> None:
    places = Places(4)
    with pytest.raises(RuntimeError, match="on purpose"):
        ask(Front(app, places, leaving), "/broken")
    assert places.running == 0


def test_who_gives_a_place_back_early_gives_it_back_once(app: App, leaving: threading.Event) -> None:
    places = Places(4)
    body, _, _ = run_wsgi_app(Front(app, places, leaving), make_environ("/"))
    app.asked[0][PLACE]()
    assert places.running == 0
    body.close()
    assert places.running == 0


def test_what_finds_no_place_is_refused_before_the_application_hears_of_it(
    app: App, full: Places, leaving: threading.Event
) -> None:
    before = refusals.child("overloaded")._value.get()
    answer = ask(Front(app, full, leaving), HTTP_X_REQUEST_ID="r-1")
    assert answer.status == "503 Overloaded"
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-ID"] == "r-1"
    assert answer.content_type == "application/problem+json"
    assert json.loads(answer.data)["code"] == "overloaded"
    assert json.loads(answer.data)["type"] == "urn:problem-type:overloaded"
    assert not app.asked
    assert refusals.child("overloaded")._value.get() == before + 1


def test_a_refused_head_has_no_body(app: App, full: Places, leaving: threading.Event) -> None:
    answer = ask(Front(app, full, leaving), method="HEAD")
    assert (answer.status_code, answer.data) == (503, b"")


def test_a_strange_request_id_is_not_repeated(app: App, full: Places, leaving: threading.Event) -> None:
    assert "X-Request-ID" not in ask(Front(app, full, leaving), HTTP_X_REQUEST_ID="no spaces").headers


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
def test_health_and_metrics_are_always_answered(app: App, full: Places, leaving: threading.Event, path: str) -> None:
    assert ask(Front(app, full, leaving), path).status_code == 200


def test_many_refusals_are_one_line(
    app: App, full: Places, leaving: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    front = Front(app, full, leaving)
    with caplog.at_level(logging.WARNING, "decant.serving"):
        for _ in range(50):
            ask(front)
    assert [record.getMessage() for record in caplog.records] == [
        "overloaded: 1 refused since the last such line; 1 run (1 may), 0 wait"
    ]


def test_a_call_whose_deadline_has_passed_does_not_run(app: App, leaving: threading.Event) -> None:
    places = Places(4)
    answer = ask(Front(app, places, leaving), **SERVICE)
    assert answer.status_code == 504
    assert json.loads(answer.data)["code"] == "deadline-exceeded"
    assert not app.asked
    assert places.running == 0


def test_a_deadline_that_passed_while_the_call_waited_is_a_deadline_too(
    app: App, full: Places, leaving: threading.Event
) -> None:
    places = Places(4)
    while places.running < places.limit:
        places.enter()
    answer = ask(Front(app, places, leaving), **{**SERVICE, "HTTP_DECANT_DEADLINE_MS": "30"})
    assert answer.status_code == 504
    assert not app.asked


def test_nobody_but_a_service_has_a_deadline(app: App, leaving: threading.Event) -> None:
    assert ask(Front(app, Places(4), leaving), HTTP_DECANT_DEADLINE_MS="0").status_code == 200


def test_the_time_before_its_turn_counts_for_the_deadline() -> None:
    environ = {ARRIVED: 100.0, "decant.internal": Caller(service="orders"), "HTTP_DECANT_DEADLINE_MS": "500"}
    assert incoming_context(environ)[0].deadline == 100.5
    assert incoming_context({ARRIVED: 100.0}, deadline_s=2.0)[0].deadline == 102.0


def test_each_answer_ends_its_connection_once_the_process_leaves(app: App, leaving: threading.Event) -> None:
    front = Front(app, Places(4), leaving)
    assert "Connection" not in ask(front).headers
    leaving.set()
    assert ask(front).headers["Connection"] == "close"
    assert ask(front, "/health/live").headers["Connection"] == "close"


class Body(BytesIO):
    """A body that tells how much of it was read."""

    def read(self, size: int | None = -1) -> bytes:
        assert size != 0
        return super().read(size)


def test_a_small_body_is_read_before_its_request_takes_a_place(app: App, leaving: threading.Event) -> None:
    places = Places(4)
    source = Body(b"small")
    environ = make_environ("/", method="POST", input_stream=source, content_length=5)
    body, _, _ = run_wsgi_app(Front(app, places, leaving), environ)
    assert source.tell() == 5
    assert app.asked[0]["wsgi.input"].read() == b"small"
    assert places.running == 1
    body.close()
    assert places.running == 0


def test_a_large_body_is_left_to_the_application_and_takes_no_place_of_the_others(
    app: App, leaving: threading.Event
) -> None:
    places = Places(4)
    source = Body(b"x" * 100_000)
    environ = make_environ("/", method="POST", input_stream=source, content_length=100_000)
    body, _, _ = run_wsgi_app(Front(app, places, leaving), environ)
    assert (source.tell(), places.running) == (0, 0)
    assert not places.begin_reading(), "one of four may be read at once"
    body.close()
    assert places.begin_reading()


def test_a_body_that_cannot_be_read_now_is_refused_and_ends_its_connection(app: App, leaving: threading.Event) -> None:
    places = Places(4)
    assert places.begin_reading()
    front = Front(app, places, leaving)
    answer = Client(front).post("/", data=b"x")
    assert (answer.status_code, answer.headers["Connection"]) == (503, "close")
    assert ask(front).status_code == 200, "without a body there is room"
