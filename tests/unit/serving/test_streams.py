"""Streams of server-sent events: what goes over the wire, and when they end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from flask import Flask, current_app, g

from decant.serving.draining import draining
from decant.serving.streams import LIMIT, Message, StreamLimit, limit_streams, stream_response


@pytest.fixture
def app() -> Flask:
    return Flask("streams")


def body(app: Flask, source: Iterator[Message | None], **times: float) -> bytes:
    with app.app_context():
        response = stream_response(source, **times)
    chunks = b"".join(response.response)
    response.close()
    return chunks


class TestMessage:
    def test_text_goes_line_by_line_whatever_its_line_ends_are(self) -> None:
        assert Message("a\nb\r\nc\rd").encode() == b"data: a\ndata: b\ndata: c\ndata: d\n\n"

    def test_anything_else_goes_as_json(self) -> None:
        assert Message({"status": "paid", "at": [1]}).encode() == b'data: {"status":"paid","at":[1]}\n\n'

    def test_event_and_id_come_before_the_data(self) -> None:
        assert Message("x", event="paid", id="7").encode() == b"event: paid\nid: 7\ndata: x\n\n"

    @pytest.mark.parametrize("bad", ["a\ndata: forged", "a\rb", "a\0b"])
    @pytest.mark.parametrize("field", ["event", "id"])
    def test_a_line_break_cannot_forge_a_field(self, field: str, bad: str) -> None:
        with pytest.raises(ValueError, match=f"The {field} of a server-sent event"):
            Message("x", **{field: bad}).encode()


class TestStreamResponse:
    def test_the_first_byte_leaves_before_the_first_message(self, app: Flask) -> None:
        def never() -> Iterator[None]:
            raise AssertionError("asked before the page knows that it is connected")
            yield

        with app.app_context():
            response = stream_response(never())
        assert next(iter(response.response)) == b": open\n\n"
        response.close()

    def test_it_ends_when_its_source_does(self, app: Flask) -> None:
        assert body(app, iter([Message("a"), Message("b")])) == b": open\n\ndata: a\n\ndata: b\n\n"

    def test_it_is_an_event_stream_that_nobody_stores_or_buffers(self, app: Flask) -> None:
        with app.app_context():
            response = stream_response(iter([]))
        response.close()
        assert response.mimetype == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Accel-Buffering"] == "no"

    def test_it_ends_after_its_lifetime(self, app: Flask) -> None:
        start = time.monotonic()
        body(app, iter(lambda: None, 0), every_s=0.01, lifetime_s=0.05)
        assert time.monotonic() - start < 5

    def test_silence_is_broken_by_a_comment(self, app: Flask) -> None:
        seen = body(app, iter(lambda: None, 0), every_s=0.01, lifetime_s=0.2, heartbeat_s=0.05)
        assert b": still here\n\n" in seen

    def test_draining_ends_it_without_waiting_for_the_next_look(self, app: Flask) -> None:
        threading.Timer(0.05, draining(app).set).start()
        start = time.monotonic()
        body(app, iter(lambda: None, 0), every_s=30)
        assert time.monotonic() - start < 5

    def test_each_step_has_an_application_context_that_ends_with_it(self, app: Flask) -> None:
        ended = []
        app.teardown_appcontext(lambda error: ended.append(g.get("step")))

        def steps() -> Iterator[Message]:
            for number in range(2):
                assert current_app.name == "streams"
                assert "step" not in g
                g.step = number
                yield Message(str(number))

        body(app, steps())
        assert [step for step in ended if step is not None] == [0, 1]

    def test_beyond_the_limit_the_page_is_told_to_poll(self, app: Flask) -> None:
        limit_streams(app, 1)
        app.add_url_rule("/s", view_func=lambda: stream_response(iter([])))
        client = app.test_client()
        first = client.get("/s", buffered=False)
        second = client.get("/s")
        assert (first.status_code, second.status_code) == (200, 503)
        assert second.headers["Retry-After"] == "5"
        first.close()
        assert client.get("/s").status_code == 200

    def test_a_draining_process_opens_none(self, app: Flask) -> None:
        draining(app).set()
        app.add_url_rule("/s", view_func=lambda: stream_response(iter([])))
        assert app.test_client().get("/s").status_code == 503

    def test_a_stream_that_never_began_gives_its_place_back_once(self, app: Flask) -> None:
        limits = limit_streams(app, 3)
        with app.app_context():
            response = stream_response(iter([]))
        assert limits.open == 1
        response.close()
        response.response.close()
        assert limits.open == 0

    def test_its_source_is_closed_with_it(self, app: Flask) -> None:
        closed = threading.Event()

        def source() -> Iterator[Message]:
            try:
                while True:
                    yield Message("x")
            finally:
                closed.set()

        with app.app_context():
            response = stream_response(source())
        stream = iter(response.response)
        next(stream), next(stream)
        response.close()
        assert closed.is_set()

    def test_without_a_launcher_there_is_a_limit_too(self, app: Flask) -> None:
        body(app, iter([]))
        assert isinstance(app.extensions[LIMIT], StreamLimit)


def test_places_are_never_more_than_the_limit_whatever_threads_do() -> None:
    limit, entered = StreamLimit(5), []
    threads = [threading.Thread(target=lambda: entered.append(limit.enter())) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert entered.count(True) == limit.open == 5
