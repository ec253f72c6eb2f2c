from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.gateway.headers import answer_fields, connection_names, passing_fields

PASSING = [
    b"accept",
    b"authorization",
    b"cookie",
    b"content-type",
    b"idempotency-key",
    b"x-custom",
    b"baggage",
    b"origin",
]


@pytest.mark.parametrize("name", PASSING)
def test_what_is_the_clients_own_passes(name: bytes) -> None:
    assert passing_fields([(name, b"v")]) == [(name, b"v")]


@pytest.mark.parametrize(
    "name",
    [
        b"x-user", b"x-user-id", b"x-users", b"x-role", b"x-roles", b"x_user", b"x-user_id", b"x.user", b"x-forwarded-for", b"x-forwarded",
        b"x-forwarded-user", b"forwarded", b"x-real-ip", b"x-original-url", b"x-rewrite-url", b"decant-service-token", b"decant-deadline-ms",
        b"decant_deadline_ms", b"connection", b"keep-alive", b"te", b"trailer", b"upgrade", b"proxy-authorization", b"proxy-connection",
        b"transfer-encoding", b"transfer_encoding", b"content_length", b"content-length", b"host", b"via", b"x~y",
    ],
)  # fmt: skip
def test_what_only_the_gateway_may_say_is_left_out(name: bytes) -> None:
    assert passing_fields([(b"accept", b"a"), (name, b"v")]) == [(b"accept", b"a")]


def test_headers_that_connection_names_are_left_out() -> None:
    fields = [
        (b"connection", b"close, X-One"),
        (b"x-one", b"1"),
        (b"connection", b" x-two\t"),
        (b"x-two", b"2"),
        (b"x-three", b"3"),
    ]
    assert passing_fields(fields) == [(b"x-three", b"3")]


def test_connection_cannot_take_out_what_frames_a_message() -> None:
    assert connection_names([(b"connection", b"host, content-length, x-a, content-type")]) == {b"x-a"}


def test_an_answer_keeps_its_spelling_and_loses_what_is_for_one_connection() -> None:
    kept = [(b"content-type", b"Content-Type", b"a"), (b"set-cookie", b"Set-Cookie", b"c")]
    hop = [
        (b"connection", b"Connection", b"keep-alive, X-Hop"),
        (b"x-hop", b"X-Hop", b"1"),
        (b"keep-alive", b"Keep-Alive", b"2"),
    ]
    assert answer_fields([*hop, *kept]) == kept


@given(st.lists(st.tuples(st.text("abcxyz-_.~userolfwd", min_size=1, max_size=14), st.text("ab, c"))))
def test_only_plain_names_pass(fields: list[tuple[str, str]]) -> None:
    for name, _ in passing_fields([(name.encode(), value.encode()) for name, value in fields]):
        assert not set(name.decode()) & set("_.~")
        assert not name.startswith((b"x-user", b"x-role", b"x-forwarded", b"decant-"))
