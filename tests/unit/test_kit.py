"""One line gives any Flask application its production behaviour, and leaves its views as they were."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, request, stream_with_context

from decant.context import EMPTY, CallContext, Caller, current
from decant.errors import SettingsError, SetupError
from decant.kit import Kit, KitSettings
from decant.observe.logging import configure
from decant.observe.metrics import exceptions, requests
from decant.observe.tracing import SERVER, SpanBuffer, spans
from tests.support.waiting import wait_until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01"}


def shop(settings: KitSettings | None = None, **kit: Any) -> Flask:
    """Return an application with one view of each kind, and the kit."""
    app = Flask("shop")
    app.seen = []  # type: ignore[attr-defined]

    @app.get("/products/<product_id>")
    def product(product_id: str) -> dict[str, str]:
        app.seen.append(current.get())  # type: ignore[attr-defined]
        return {"id": product_id}

    @app.post("/products")
    def add() -> dict[str, int]:
        return {"bytes": len(request.get_data())}

    @app.get("/page")
    def page() -> str:
        return "<p>hello</p>"

    @app.get("/boom")
    def boom() -> str:
        raise KeyError("canary")

    @app.get("/teapot")
    def teapot() -> str:
        abort(418)

    Kit(app, settings=settings, environ={}, **kit)
    return app


def context_of(app: Flask, headers: dict[str, str] | None = None, **environ: Any) -> CallContext:
    app.test_client().get("/products/1", headers=headers or {}, environ_overrides=environ)
    seen: CallContext = app.seen[-1]  # type: ignore[attr-defined]
    return seen


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Set logging up; return a function that reads what was written."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure(format="json", service="shop", stream=stream, environ={})
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def recorded() -> Iterator[SpanBuffer]:
    """Record spans; they wait in the buffer until the test takes them."""

    def keep(batch: object) -> None:
        taken.extend(batch)  # type: ignore[arg-type]

    taken: list[Any] = []
    spans.drain()
    spans.add_exporter(keep)
    buffer = spans
    yield _Recorded(buffer, taken)  # type: ignore[misc]
    spans.remove_exporter(keep)
    spans.stop()
    spans.drain()


class _Recorded:
    def __init__(self, buffer: SpanBuffer, taken: list[Any]) -> None:
        self._buffer, self._taken = buffer, taken

    def drain(self) -> list[Any]:
        self._buffer.flush()
        return list(self._taken)


def requests_counted(method: str, route: str, status: str) -> float:
    samples = requests.child(method, route, status).collect()[0].samples
    return next(sample.value for sample in samples if sample.name.endswith("_count"))


# --- the context -----------------------------------------------------------------------------------------------------


def test_a_request_without_headers_begins_a_trace() -> None:
    context = context_of(shop())
    assert (len(context.trace_id), len(context.span_id), context.sampled, context.trace_random) == (32, 16, True, True)
    assert context.deadline is None
    assert context.caller == Caller()


def test_a_trace_goes_on() -> None:
    context = context_of(shop(), {"traceparent": f"00-{TRACE}-{SPAN}-02", "tracestate": "a=1, b=2"})
    assert (context.trace_id, context.sampled, context.trace_random, context.trace_state) == (
        TRACE,
        False,
        True,
        "a=1,b=2",
    )
    assert context.span_id != SPAN


def test_without_a_valid_traceparent_a_tracestate_means_nothing() -> None:
    context = context_of(shop(), {"traceparent": f"00-{TRACE.upper()}-{SPAN}-01", "tracestate": "a=1"})
    assert context.trace_id != TRACE
    assert context.trace_state == ""


def test_what_else_travels_is_taken() -> None:
    context = context_of(shop(), {"baggage": "tenant=t%201", "Authorization": "Bearer x", "Idempotency-Key": "k-1"})
    assert (dict(context.baggage), context.authorization, context.idempotency_key) == (
        {"tenant": "t 1"},
        "Bearer x",
        "k-1",
    )


@pytest.mark.parametrize("sent", ["r-1", "A.b_c:/+=@-", "x" * 128])
def test_a_plain_request_id_is_kept_and_sent_back(sent: str) -> None:
    answer = shop().test_client().get("/products/1", headers={"X-Request-ID": sent})
    assert answer.headers["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", ["", " ", "x" * 129, "a b", "a<script>", "é", 'a"b', "a\tb"])
def test_any_other_request_id_is_replaced(sent: str) -> None:
    answer = shop().test_client().get("/products/1", headers={"X-Request-ID": sent})
    assert answer.headers["X-Request-ID"] not in {sent, ""}
    assert len(answer.headers["X-Request-ID"]) == 16


def test_only_another_service_may_set_the_deadline() -> None:
    app = shop()
    headers = {"Decant-Deadline-Ms": "2000"}
    assert context_of(app, headers).deadline is None
    context = context_of(app, headers, **{"decant.internal": Caller(service="orders")})
    assert 1.5 < (context.remaining_s() or 0) <= 2
    assert context.caller == Caller(service="orders")


@pytest.mark.parametrize("sent", ["", "soon", "-1", "1.5", "1e3", "9" * 10, "١"])
def test_a_deadline_that_is_no_number_is_ignored(sent: str) -> None:
    context = context_of(
        shop(), {"Decant-Deadline-Ms": sent.encode().decode("latin-1")}, **{"decant.internal": Caller(service="o")}
    )
    assert context.deadline is None


def test_a_deadline_of_ones_own_is_for_requests_that_bring_none() -> None:
    assert 4 < (context_of(shop(KitSettings(deadline_s=5))).remaining_s() or 0) <= 5


def test_a_share_of_new_traces_is_recorded_and_others_follow_their_caller() -> None:
    app = shop(KitSettings(trace_sample=0.5))
    sampled = sum(context_of(app).sampled for _ in range(200))
    assert 60 < sampled < 140
    assert all(context_of(app, PARENT).sampled for _ in range(20))


@pytest.mark.parametrize("path", ["/products/1", "/boom", "/teapot", "/nowhere"])
def test_nothing_is_left_behind_by_a_request(path: str) -> None:
    app = shop()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.test_client().get(path)
    assert current.get() is EMPTY


def test_nothing_is_left_behind_by_an_exception_that_is_raised_again() -> None:
    app = shop()
    app.testing = True
    with pytest.raises(KeyError):
        app.test_client().get("/boom")
    assert current.get() is EMPTY


def test_a_request_within_a_request_has_a_context_of_its_own() -> None:
    app, contexts = shop(), []

    @app.get("/outer")
    def outer() -> str:
        contexts.append(current.get())
        app.test_client().get("/products/1")
        contexts.append(current.get())
        return ""

    with app.test_client() as client:
        client.get("/outer")
        client.get("/outer")
    assert contexts[0] is contexts[1]
    assert contexts[0] is not app.seen[0]  # type: ignore[attr-defined]
    assert contexts[2] is not contexts[0]
    assert current.get() is EMPTY


def test_a_request_context_within_a_request_does_not_end_it(lines: Callable[[], list[dict[str, Any]]]) -> None:
    app = shop()

    @app.get("/outer")
    def outer() -> str:
        with app.test_request_context("/products/1"):
            pass
        return current.get().request_id

    answer = app.test_client().get("/outer")
    assert answer.text == answer.headers["X-Request-ID"]
    assert [line["status"] for line in lines()] == [200]


def test_threads_do_not_see_each_others_requests() -> None:
    app, wrong = shop(), []

    def ask(number: int) -> None:
        for turn in range(50):
            sent = f"{number}-{turn}"
            answer = app.test_client().get("/products/1", headers={"X-Request-ID": sent})
            if answer.headers["X-Request-ID"] != sent or current.get() is not EMPTY:
                wrong.append(sent)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- headers and limits ----------------------------------------------------------------------------------------------


def test_security_headers_are_added() -> None:
    answer = shop().test_client().get("/products/1")
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Referrer-Policy"]) == ("nosniff", "same-origin")
    assert "X-Frame-Options" not in answer.headers


def test_pages_may_not_be_framed_elsewhere() -> None:
    answer = shop().test_client().get("/page")
    assert (answer.headers["X-Frame-Options"], answer.headers["Content-Security-Policy"]) == (
        "SAMEORIGIN",
        "frame-ancestors 'self'",
    )


def test_what_a_view_set_stays() -> None:
    app = shop()
    own = {
        "x-content-type-options": "mine",
        "REFERRER-POLICY": "origin",
        "Content-Security-Policy": "x",
        "X-Request-Id": "own",
    }
    app.add_url_rule("/own", "own", lambda: Response("", headers=own, mimetype="text/html"))
    headers = app.test_client().get("/own").headers
    assert [headers.getlist(name) for name in own] == [[value] for value in own.values()]


def test_security_headers_can_be_left_out() -> None:
    headers = shop(KitSettings(security_headers=False)).test_client().get("/page").headers
    assert {"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"}.isdisjoint(headers.keys())


def test_strict_transport_is_said_over_tls_only() -> None:
    client = shop(KitSettings(hsts_s=60)).test_client()
    assert "Strict-Transport-Security" not in client.get("/page").headers
    assert (
        client.get("/page", base_url="https://shop.example")
        .headers["Strict-Transport-Security"]
        .startswith("max-age=60")
    )


def test_large_bodies_are_refused_and_an_applications_own_limit_wins() -> None:
    client = shop(KitSettings(max_body_bytes=10)).test_client()
    assert client.post("/products", data=b"x" * 10).status_code == 200
    answer = client.post("/products", data=b"x" * 11)
    assert (answer.status_code, answer.mimetype) == (413, "application/problem+json")
    app = Flask("own")
    app.config["MAX_CONTENT_LENGTH"] = 5
    Kit(app, environ={})
    assert app.config["MAX_CONTENT_LENGTH"] == 5
    assert shop().config["MAX_CONTENT_LENGTH"] == 1024 * 1024


# --- logs ------------------------------------------------------------------------------------------------------------


def test_each_request_writes_one_line(lines: Callable[[], list[dict[str, Any]]]) -> None:
    shop().test_client().get("/products/1?token=canary", headers={"X-Request-ID": "r-1", **PARENT})
    (line,) = lines()
    assert (line["method"], line["route"], line["path"]) == ("GET", "/products/<product_id>", "/products/1")
    assert (line["status"], line["bytes"], line["request_id"], line["trace_id"]) == (200, 11, "r-1", TRACE)
    assert line["duration_ms"] > 0
    assert "canary" not in json.dumps(line)


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
def test_probes_write_none(lines: Callable[[], list[dict[str, Any]]], path: str) -> None:
    assert shop().test_client().get(path).status_code == 200
    assert lines() == []


def test_a_caller_who_becomes_known_is_in_the_line(lines: Callable[[], list[dict[str, Any]]]) -> None:
    app = shop()
    app.before_request(lambda: current.set(current.get().replace(caller=Caller("u-1"))) and None)
    app.test_client().get("/products/1")
    assert lines()[0]["caller"] == {"subject": "u-1"}
    assert current.get() is EMPTY


def test_an_exception_is_logged_once_and_counted(lines: Callable[[], list[dict[str, Any]]]) -> None:
    app = shop()
    before = exceptions.child("KeyError")._value.get()
    answer = app.test_client().get("/boom", headers={"X-Request-ID": "r-1"})
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert "canary" not in answer.text
    failure, access = lines()
    assert (failure["exception"]["type"], failure["request_id"], access["status"]) == ("KeyError", "r-1", 500)
    assert exceptions.child("KeyError")._value.get() == before + 1


def test_an_exception_that_is_raised_again_is_counted_too(lines: Callable[[], list[dict[str, Any]]]) -> None:
    app = shop()
    app.testing = True
    with pytest.raises(KeyError):
        app.test_client().get("/boom")
    assert [line["status"] for line in lines()] == [500]


def test_a_stream_is_over_when_it_is_closed(lines: Callable[[], list[dict[str, Any]]], recorded: SpanBuffer) -> None:
    app, seen = shop(), []

    @app.get("/stream")
    def stream() -> Response:
        def parts() -> Iterator[bytes]:
            for part in (b"one", b"two"):
                seen.append(current.get().request_id)
                yield part

        return Response(stream_with_context(parts()))

    @app.get("/plain-stream")
    def plain_stream() -> Response:
        def parts() -> Iterator[str]:
            seen.append(current.get().request_id)
            yield "three"

        return Response(parts())

    for path, length in (("/stream", 6), ("/plain-stream", 5)):
        before = len(lines())
        answer = app.test_client().get(path, headers={"X-Request-ID": path})
        assert len(lines()) == before
        assert len(answer.data) == length
        answer.close()
        answer.close()
        assert [line["bytes"] for line in lines()[before:]] == [length]
        assert seen[-1] == path
    assert len(recorded.drain()) == 2
    assert current.get() is EMPTY


def test_a_client_that_leaves_in_the_middle_of_a_stream_is_logged(lines: Callable[[], list[dict[str, Any]]]) -> None:
    app, ended = shop(), []

    @app.get("/stream")
    def stream() -> Response:
        def parts() -> Iterator[bytes]:
            try:
                while True:
                    yield b"1234"
            finally:
                ended.append(current.get().request_id)

        return Response(parts())

    answer = app.test_client().get("/stream", buffered=False)
    body = iter(answer.response)
    assert next(body) == b"1234"
    answer.close()
    assert ended == [answer.headers["X-Request-ID"]]
    assert lines()[0]["bytes"] in {4, 8}


def test_a_file_is_sent_as_it_is(lines: Callable[[], list[dict[str, Any]]], tmp_path) -> None:
    from flask import send_file

    (tmp_path / "file").write_bytes(b"12345")
    app = shop()
    app.add_url_rule("/file", "file", lambda: send_file(tmp_path / "file"))
    answer = app.test_client().get("/file")
    assert answer.data == b"12345"
    answer.close()
    assert lines()[0]["bytes"] == 5


def test_without_a_log_of_the_kits_own_lines_go_through_logging(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        shop().test_client().get("/products/1")
    assert [record.getMessage() for record in caplog.records] == ["GET /products/1 200"]


# --- metrics and spans -----------------------------------------------------------------------------------------------


def test_requests_are_counted_by_route_template() -> None:
    app = shop()
    before = requests_counted("GET", "/products/<product_id>", "200")
    for number in range(3):
        app.test_client().get(f"/products/{number}")
    assert requests_counted("GET", "/products/<product_id>", "200") == before + 3


def test_unknown_paths_and_strange_methods_share_a_label() -> None:
    client = shop().test_client()
    before = requests_counted("GET", "<unmatched>", "404"), requests_counted("OTHER", "<unmatched>", "404")
    for number in range(3):
        client.get(f"/nowhere/{number}")
        client.open(f"/nowhere/{number}", method=f"BREW{number}")
    assert (requests_counted("GET", "<unmatched>", "404"), requests_counted("OTHER", "<unmatched>", "404")) == (
        before[0] + 3,
        before[1] + 3,
    )


def test_metrics_are_served() -> None:
    client = shop().test_client()
    client.get("/products/1")
    answer = client.get("/metrics")
    assert answer.content_type.startswith("text/plain")
    assert 'http_route="/products/<product_id>"' in answer.text


def test_the_metrics_path_can_be_left_out() -> None:
    assert shop(KitSettings(metrics_path=None)).test_client().get("/metrics").status_code == 404


def test_a_request_is_a_server_span_below_its_callers(recorded: SpanBuffer) -> None:
    app = shop()
    app.test_client().get("/products/1", headers=PARENT)
    app.test_client().get("/boom", headers=PARENT)
    app.test_client().get("/products/1", headers={"traceparent": f"00-{TRACE}-{SPAN}-00"})
    fine, failed = recorded.drain()
    assert (fine.name, fine.kind, fine.trace_id, fine.parent_id, fine.error) == (
        "GET /products/<product_id>", SERVER, TRACE, SPAN, None,
    )  # fmt: skip
    assert fine.span_id == app.seen[0].span_id  # type: ignore[attr-defined]
    assert fine.attributes == {
        "http.request.method": "GET", "http.route": "/products/<product_id>", "http.response.status_code": 200,
        "url.path": "/products/1",
    }  # fmt: skip
    assert fine.end_ns > fine.start_ns
    assert failed.error == "KeyError"


def test_a_path_is_told_as_it_was_meant_and_cut(
    recorded: SpanBuffer, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    client = shop().test_client()
    client.get("/products/é")
    client.get(f"/products/{'x' * 5000}")
    meant, cut = recorded.drain()
    assert (meant.attributes["url.path"], lines()[0]["path"]) == ("/products/é", "/products/é")
    assert len(cut.attributes["url.path"]) == len(lines()[1]["path"]) == 1024


def test_the_exporters_thread_starts_with_the_first_request_and_not_before(recorded: SpanBuffer) -> None:
    def running() -> bool:
        return any(thread.name == "decant-spans" for thread in threading.enumerate())

    app = shop()
    assert not running()
    app.test_client().get("/products/1")
    wait_until(running, what="the exporters' thread")


# --- set-up ----------------------------------------------------------------------------------------------------------


def test_a_second_kit_is_refused_with_advice() -> None:
    with pytest.raises(SetupError, match="has a kit already") as caught:
        Kit(shop())
    assert "once" in str(caught.value)


def test_a_kit_that_comes_too_late_is_refused() -> None:
    app = Flask("late")
    app.test_client().get("/")
    with pytest.raises(SetupError, match="answered requests already"):
        Kit(app)


def test_one_kit_serves_several_applications() -> None:
    kit = Kit(environ={})
    for name in ("one", "two"):
        app = Flask(name)
        kit.init_app(app)
        assert app.test_client().get("/health/live").status_code == 200


def test_the_kits_hooks_are_around_all_others() -> None:
    app, order = Flask("shop"), []
    part = Blueprint("part", "part")

    @part.before_app_request
    def before() -> None:
        order.append(bool(current.get().request_id))

    @part.after_app_request
    def after(response: Response) -> Response:
        order.append(bool(current.get().request_id))
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    @part.teardown_app_request
    def teardown(error: BaseException | None) -> None:
        order.append(bool(current.get().request_id))

    app.register_blueprint(part)
    Kit(app, environ={})
    answer = app.test_client().get("/")
    assert order == [True, True, True]
    assert answer.headers.getlist("Referrer-Policy") == ["no-referrer"]


def test_a_request_that_fails_before_the_first_hook_is_counted(lines: Callable[[], list[dict[str, Any]]]) -> None:
    app = shop()

    @app.url_value_preprocessor
    def refuse(endpoint: str | None, values: dict[str, Any] | None) -> None:
        abort(400)

    answer = app.test_client().get("/products/1")
    assert answer.headers["X-Request-ID"] == lines()[0]["request_id"]
    assert current.get() is EMPTY


def test_problems_can_be_left_to_the_application() -> None:
    assert shop(KitSettings(problems=False)).test_client().get("/nowhere").mimetype == "text/html"


def test_health_can_be_left_to_the_application() -> None:
    assert shop(KitSettings(health=False)).test_client().get("/health").status_code == 404


def test_every_wrong_setting_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        KitSettings(trace_sample=2, hsts_s=-1, max_body_bytes=-1, deadline_s=0, metrics_path="metrics")
    assert len(caught.value.faults) == 5


def test_wrong_export_variables_are_told_at_set_up() -> None:
    with pytest.raises(SettingsError, match="OTLP endpoint"):
        Kit(Flask("shop"), environ={"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"})
