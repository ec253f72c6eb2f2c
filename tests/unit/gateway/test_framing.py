from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from decant.gateway.framing import RequestHead, RequestReader
from decant.gateway.limits import Limits
from decant.gateway.problems import Refused

LIMITS = Limits(target_bytes=200, header_bytes=1_000, header_count=10)


class Heard:
    """Writes down what a reader says, and goes on after each request."""

    def __init__(self) -> None:
        self.said: list[object] = []
        self.reader = RequestReader(self, LIMITS)

    def on_head(self, head: RequestHead) -> None:
        self.said.append((head.method, head.target, head.minor, tuple(head.fields), head.length, head.keep_alive))

    def on_body(self, data: bytes) -> None:
        if self.said and isinstance(self.said[-1], bytearray):
            self.said[-1] += data
        else:
            self.said.append(bytearray(data))

    def on_end(self) -> None:
        self.said.append("end")
        self.reader.next()

    def feed(self, *parts: bytes) -> list[object]:
        try:
            for part in parts:
                self.reader.feed(part)
        except Refused as refused:
            self.said.append(refused.status)
        return self.said


def sent(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r\n")


SOUND = [
    sent(b"GET /a?b HTTP/1.1\nHost: a\n\n"),
    sent(b"POST / HTTP/1.1\nHost: a.b:80\nContent-Length: 3\n\n") + b"abc",
    sent(b'POST / HTTP/1.1\nHost: a\nTransfer-Encoding: Chunked\n\n3;x="y"\nabc\n0\nT: v\n\n'),
    sent(b"PUT / HTTP/1.1\nHost: [::1]:8\nContent-Length: 0\n\n"),
    sent(b"GET / HTTP/1.0\n\n"),
    sent(b"\nGET / HTTP/1.1\nhOsT:a  \nA:\t b c \nConnection: close\n\n"),
]
UNSOUND = {
    "two lengths": b"POST / HTTP/1.1\nHost: a\nContent-Length: 3\nContent-Length: 3\n\nabc",
    "a list of lengths": b"POST / HTTP/1.1\nHost: a\nContent-Length: 3, 3\n\nabc",
    "a signed length": b"POST / HTTP/1.1\nHost: a\nContent-Length: +3\n\nabc",
    "a hexadecimal length": b"POST / HTTP/1.1\nHost: a\nContent-Length: 0x3\n\nabc",
    "an empty length": b"POST / HTTP/1.1\nHost: a\nContent-Length:\n\nabc",
    "a length with a space": b"POST / HTTP/1.1\nHost: a\nContent-Length: 3 3\n\nabc",
    "a long length": b"POST / HTTP/1.1\nHost: a\nContent-Length: 99999999999999999999\n\nabc",
    "length and encoding": b"POST / HTTP/1.1\nHost: a\nContent-Length: 3\nTransfer-Encoding: chunked\n\n0\n\n",
    "encoding and length": b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nContent-Length: 3\n\n0\n\n",
    "another encoding": b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: xchunked\n\n0\n\n",
    "two encodings": b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip, chunked\n\n0\n\n",
    "an encoding twice": b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n0\n\n",
    "an encoding of 1.0": b"POST / HTTP/1.0\nHost: a\nTransfer-Encoding: chunked\n\n0\n\n",
    "a vertical tab": b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: \x0bchunked\n\n0\n\n",
    "a space before the colon": b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding : chunked\n\n0\n\n",
    "a folded line": b"GET / HTTP/1.1\nHost: a\nA: b\n c\n\n",
    "a leading space": b"GET / HTTP/1.1\n Host: a\n\n",
    "a nameless header": b"GET / HTTP/1.1\nHost: a\n: b\n\n",
    "no colon": b"GET / HTTP/1.1\nHost: a\nabc\n\n",
    "a NUL": b"GET / HTTP/1.1\nHost: a\nA: b\x00c\n\n",
    "a twin with an underscore": b"POST / HTTP/1.1\nHost: a\nTransfer_Encoding: chunked\n\n0\n\n",
    "a twin with more": b"POST / HTTP/1.1\nHost: a\n0Content-Length: 3\n\nabc",
    "no host": b"GET / HTTP/1.1\nA: b\n\n",
    "two hosts": b"GET / HTTP/1.1\nHost: a\nHost: a\n\n",
    "an odd host": b"GET / HTTP/1.1\nHost: a/b\n\n",
    "a host with a user": b"GET / HTTP/1.1\nHost: u@a\n\n",
    "an empty host": b"GET / HTTP/1.1\nHost:\n\n",
    "a host with a long port": b"GET / HTTP/1.1\nHost: a:99999\n\n",
    "two spaces": b"GET  / HTTP/1.1\nHost: a\n\n",
    "a tab": b"GET\t/ HTTP/1.1\nHost: a\n\n",
    "no version": b"GET /\nHost: a\n\n",
    "a number sign": b"GET /a#b HTTP/1.1\nHost: a\n\n",
    "raw UTF-8": "GET /é HTTP/1.1\nHost: a\n\n".encode(),
    "two empty lines first": b"\n\nGET / HTTP/1.1\nHost: a\n\n",
    "an odd chunk size": b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0x3\nabc\n0\n\n",
    "a signed chunk size": b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n+3\nabc\n0\n\n",
    "a spaced chunk size": b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3 \nabc\n0\n\n",
    "an empty chunk size": b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n\nabc\n0\n\n",
    "a huge chunk size": b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n10000000000000003\nabc\n0\n\n",
    "a chunk that is longer": b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabcd\n0\n\n",
    "an odd trailer": b"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n0\nT : v\n\n",
}
RAW = {
    "a bare line feed": b"GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n",
    "only line feeds": b"GET / HTTP/1.1\nHost: a\n\n",
    "a bare carriage return": b"GET / HTTP/1.1\r\nHost: a\rA: b\r\n\r\n",
    "a bare line feed in chunks": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    "a bare line feed after a chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n",
    "a line feed in an extension": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00",
}


@pytest.mark.parametrize("raw", SOUND)
def test_a_sound_request_is_read_to_its_end(raw: bytes) -> None:
    said = Heard().feed(raw)
    assert said[-1] == "end"


@pytest.mark.parametrize("raw", [*map(sent, UNSOUND.values()), *RAW.values()], ids=[*UNSOUND, *RAW])
def test_an_ambiguous_request_is_refused_and_nothing_after_it_is_read(raw: bytes) -> None:
    said = Heard().feed(raw + SOUND[0], SOUND[0])
    assert said[-1] == 400
    assert "end" not in said


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /" + b"a" * 250, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"b" * 1_000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A:b\r\n" * 10 + b"\r\n", 431),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    ],
)
def test_what_is_too_long_or_unknown_is_named(raw: bytes, status: int) -> None:
    longer = raw if raw.endswith(b"\r\n\r\n") else raw + b"x" * 1_200
    assert Heard().feed(longer)[-1] == status


def test_a_reader_holds_what_follows_a_request_until_it_is_told_to_go_on() -> None:
    heard = Heard()
    heard.on_end = lambda: heard.said.append("end")  # type: ignore[method-assign]
    heard.feed(SOUND[1] + SOUND[1])
    assert heard.said.count("end") == 1
    heard.reader.next()
    assert heard.said.count("end") == 2


STREAMS = st.lists(
    st.sampled_from([*SOUND, *SOUND, *map(sent, UNSOUND.values()), *RAW.values()]), min_size=1, max_size=4
).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(STREAMS, st.data())
@example(b"".join(SOUND), None)
def test_bytes_mean_the_same_however_they_are_split(stream: bytes, data: st.DataObject | None) -> None:
    whole = Heard().feed(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8))) if data else range(1, len(stream))
    edges = [0, *cuts, len(stream)]
    assert Heard().feed(*(stream[a:b] for a, b in pairwise(edges) if a != b)) == whole
