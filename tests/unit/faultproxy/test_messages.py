"""Where a message ends, and which requests may be repeated, however the bytes are cut."""

from __future__ import annotations

import pytest

from decant_tools.faultproxy.messages import Answer, Request

BODY = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKS = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


def request(raw: bytes, size: int = 1) -> Request:
    made = Request()
    for start in range(0, len(raw), size):
        assert not made.complete
        made.feed(raw[start : start + size])
    return made


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("raw", [BODY, CHUNKS, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_a_request_is_complete_with_its_last_byte(raw: bytes, size: int) -> None:
    made = request(raw, size)
    assert made.complete
    assert bytes(made.raw) == raw
    assert not made.opaque


@pytest.mark.parametrize(
    ("head", "repeatable"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", False),
        (b"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", False),
        (b"POST / HTTP/1.1\r\nHost: a\r\nIDEMPOTENCY-key: k\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: \r\n\r\n", False),
    ],
)
def test_reads_and_keyed_requests_may_be_repeated(head: bytes, repeatable: bool) -> None:
    assert request(head).repeatable is repeatable


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=["upgrade", "continue", "tls", "pipelined"],
)
def test_what_cannot_be_followed_is_opaque(raw: bytes) -> None:
    made = Request()
    made.feed(raw)
    assert made.opaque


@pytest.mark.parametrize(
    ("method", "raw", "last"),
    [
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", True),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", False),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", False),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", False),
        ("GET", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", False),
    ],
)
def test_an_answer_is_complete_with_its_last_byte(method: str, raw: bytes, last: bool) -> None:
    answer = Answer(method)
    for byte in raw:
        assert not answer.complete
        answer.feed(bytes([byte]))
    assert (answer.complete, answer.last) == (True, last)


def test_an_answer_without_a_length_goes_on_until_the_connection_ends() -> None:
    answer = Answer("GET")
    answer.feed(b"HTTP/1.1 200 OK\r\n\r\nsome")
    assert (answer.begun, answer.complete, answer.last) == (True, False, True)
