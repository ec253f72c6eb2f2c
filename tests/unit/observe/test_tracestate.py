"""The tracestate header, by the rules of W3C Trace Context levels 1 and 2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.observe.tracing import parse_tracestate, with_member

ALL_KEY_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
ALL_VALUE_CHARACTERS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")


@pytest.mark.parametrize(
    "header",
    [
        "foo=1",
        "foo=1,bar=2",
        f"{ALL_KEY_CHARACTERS}={ALL_VALUE_CHARACTERS}",
        f"{ALL_KEY_CHARACTERS}@a-z0-9_-*/={ALL_VALUE_CHARACTERS}",
        f"{'z' * 256}=1",
        f"{'t' * 241}@{'v' * 14}=1",
        "0start=1",
        f"foo={'v' * 256}",
        ",".join(f"k{number}=1" for number in range(32)),
    ],
)
def test_a_valid_header_is_passed_on_unchanged(header: str) -> None:
    assert parse_tracestate(header) == header


@pytest.mark.parametrize(
    "header",
    [
        "foo=1,foo=1",
        "foo=1,foo=2",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "foo@=1,bar=2",
        "@foo=1,bar=2",
        "foo@@bar=1,bar=2",
        "foo@bar@baz=1,bar=2",
        "foo@1bar=1",
        "_foo=1",
        f"{'z' * 257}=1",
        f"{'t' * 242}@v=1",
        f"t@{'v' * 15}=1",
        "foo",
        "foo=",
        "=1",
        "foo=1=2",
        "foo=b\tar",
        "foo=bär",
        "foo=1\n",
        f"foo={'v' * 257}",
        "foo=1;bar=2=3",
        ",".join(f"k{number}=1" for number in range(33)),
    ],
)
def test_one_wrong_member_makes_all_of_it_invalid(header: str) -> None:
    assert parse_tracestate(header) == ""


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (("foo=1,bar=2", "rojo=1,congo=2", "baz=3"), "foo=1,bar=2,rojo=1,congo=2,baz=3"),
        (("foo=1", ""), "foo=1"),
        (("", "foo=1"), "foo=1"),
        ((None,), ""),
        (("foo=1", "foo=1"), ""),
        ((" foo=1 \t , \t bar=2, \t baz=3",), "foo=1,bar=2,baz=3"),
        (("foo=1,,bar=2,",), "foo=1,bar=2"),
    ],
)
def test_several_headers_are_one_in_order(headers: tuple[str | None, ...], expected: str) -> None:
    assert parse_tracestate(*headers) == expected


def test_what_is_too_long_loses_its_long_members_first() -> None:
    short = [f"s{number}=1" for number in range(8)]
    long = [f"l{number}={'v' * 250}" for number in range(20)]
    kept = parse_tracestate(",".join([*long, *short])).split(",")
    assert kept[-8:] == short
    assert kept[:-8] == long[: len(kept) - 8]
    assert len(",".join(kept)) <= 4096


def test_our_own_member_comes_first_and_once() -> None:
    assert with_member("foo=1,decant=old,bar=2", "decant", "new") == "decant=new,foo=1,bar=2"


def test_our_own_member_drops_the_oldest_of_thirty_two() -> None:
    full = ",".join(f"k{number}=1" for number in range(32))
    assert with_member(full, "decant", "1") == "decant=1," + full.rpartition(",")[0]


def test_a_member_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be a tracestate member"):
        with_member("", "Decant", "1")


@given(st.lists(st.text(max_size=40), max_size=40))
def test_no_headers_break_the_parser_and_its_result_is_valid(headers: list[str]) -> None:
    state = parse_tracestate(*headers)
    assert parse_tracestate(state) == state
