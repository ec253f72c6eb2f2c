"""What a service is told about a client: by the gateway alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.edge import Front, Request, edge_running, status_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    with edge_running() as running:
        yield running


def reached(front: Front, *lines: str) -> Request:
    front.service.requests.clear()
    head = "\r\n".join(["GET /p HTTP/1.1", "Host: shop.test:81", *lines, "", ""])
    assert status_of(front.ask(head.encode())) == 200
    return front.service.requests[0]


def test_the_service_is_told_who_asks_and_for_what(front: Front) -> None:
    request = reached(front, "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil")
    assert request.values("x-forwarded-for") == ["127.0.0.1"]
    assert request.values("x-forwarded-proto") == ["http"]
    assert request.values("x-forwarded-host") == ["shop.test:81"]
    assert request.values("host") == ["shop.test:81"]
    assert request.values("via") == []


def test_a_sound_request_id_is_kept_and_any_other_replaced(front: Front) -> None:
    assert reached(front, "X-Request-ID: abc-1").values("x-request-id") == ["abc-1"]
    for lines in (["X-Request-ID: a b"], ["X-Request-ID: " + "x" * 200], ["X-Request-ID: a", "X-Request-ID: b"], []):
        (made,) = reached(front, *lines).values("x-request-id")
        assert len(made) == 16


def test_a_sound_trace_goes_on(front: Front) -> None:
    request = reached(front, f"traceparent: 00-{TRACE}-{SPAN}-03", "tracestate: a=1", "tracestate: b=2")
    assert request.values("traceparent") == [f"00-{TRACE}-{SPAN}-03"]
    assert request.values("tracestate") == ["a=1,b=2"]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [f"traceparent: ff-{TRACE}-{SPAN}-01"],
        [f"traceparent: 00-{'0' * 32}-{SPAN}-01"],
        [f"traceparent: 00-{TRACE}-{'0' * 16}-01"],
        [f"traceparent: 00-{TRACE.upper()}-{SPAN}-01"],
        [f"traceparent: 00-{TRACE}-{SPAN}-01-more"],
        [f"traceparent: 00-{TRACE}-{SPAN}-01", f"traceparent: 00-{TRACE}-{SPAN}-01"],
    ],
)
def test_an_unsound_trace_begins_anew_without_its_state(front: Front, lines: list[str]) -> None:
    request = reached(front, *lines, "tracestate: a=1")
    (parent,) = request.values("traceparent")
    assert parent.startswith("00-")
    assert TRACE not in parent
    assert request.values("tracestate") == []


def test_of_a_newer_version_what_is_known_is_kept(front: Front) -> None:
    assert reached(front, f"traceparent: 01-{TRACE}-{SPAN}-01-new").values("traceparent") == [f"00-{TRACE}-{SPAN}-01"]


def test_an_unsound_state_is_dropped_and_the_trace_kept(front: Front) -> None:
    request = reached(front, f"traceparent: 00-{TRACE}-{SPAN}-01", "tracestate: a=1,a=2")
    assert request.values("traceparent") == [f"00-{TRACE}-{SPAN}-01"]
    assert request.values("tracestate") == []


def test_answers_lose_what_is_for_one_connection(front: Front) -> None:
    front.service.reply = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
        b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Request-ID: theirs\r\n\r\nok"
    )
    answer = front.ask(b"GET /p HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.count(b"Set-Cookie") == 2
    assert answer.count(b"X-Request-ID") == 1
    assert b"X-Hop" not in answer
    assert b"Keep-Alive" not in answer
