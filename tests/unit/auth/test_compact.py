import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.auth.compact import LONGEST, Malformed, decode, encode, parse, read_object, unsigned


@given(st.binary(min_size=1))
def test_what_is_encoded_is_decoded(raw: bytes) -> None:
    assert decode(encode(raw)) == raw


@given(st.text("ABCDabcd0189-_=+/ \n.", max_size=12))
def test_a_text_that_is_decoded_at_all_is_the_only_one_for_its_bytes(text: str) -> None:
    try:
        raw = decode(text)
    except Malformed:
        return
    assert encode(raw) == text


@pytest.mark.parametrize(
    "text", ["", "A", "AB==", "AA=", "AB", "AAB", "A+A_", "A/AA", "AA\n", " AAA", "AÄAA", "AAAAA", "٣AAA"]
)
def test_other_forms_of_base64url_are_refused(text: str) -> None:
    with pytest.raises(Malformed):
        decode(text)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1,"\\u0061":2}',
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}",
        b'{"a":' + b"9" * 5000 + b"}",
        b"{} {}",
        b"{'a':1}",
        '{"a":1}'.encode("utf-16"),
    ],
)
def test_what_is_not_one_plain_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        read_object(raw)


def test_an_object_is_read() -> None:
    assert read_object(b' {"a": [1, {"b": "\xc3\xbc"}]} ') == {"a": [1, {"b": "ü"}]}


def test_a_token_is_taken_apart() -> None:
    signed = unsigned({"alg": "x"}, {"sub": "ü"})
    token = parse(f"{signed.decode()}.{encode(b'signature')}")
    assert (token.header, token.claims, token.signed, token.signature) == (
        {"alg": "x"},
        {"sub": "ü"},
        signed,
        b"signature",
    )


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "e30.e30", "e30.e30.", ".e30.AA", "e30..AA", "e30.e30.AA.AA", "e30.e30.AA.", "a" * (LONGEST + 1)],
)
def test_anything_but_three_parts_is_refused(token: str) -> None:
    with pytest.raises(Malformed):
        parse(token)


def test_a_long_token_is_not_even_read() -> None:
    part = encode(json.dumps({"a": "x" * LONGEST}).encode())
    with pytest.raises(Malformed):
        parse(f"e30.{part}.AA")


@given(st.text())
def test_no_text_raises_anything_else(token: str) -> None:
    with contextlib.suppress(Malformed):
        parse(token)
