"""The baggage header, by the rules of W3C Baggage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.observe.tracing import format_baggage, parse_baggage

NAMES = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("a=1", {"a": "1"}),
        ("a=1,b=2", {"a": "1", "b": "2"}),
        (" a = 1 \t,\tb=2 ; secure ; x = y", {"a": "1", "b": "2"}),
        ("a=%20x%C3%A9", {"a": " xé"}),
        ("a=%ff", {"a": "�"}),
        ("a=", {"a": ""}),
        ("a=x=y", {"a": "x=y"}),
        ("a=1,,b=2", {"a": "1", "b": "2"}),
        ('a=1,no equals,b="quoted",c d=1,e=\x01,f=ä,g=2', {"a": "1", "g": "2"}),
        ("a=1,a=2", {"a": "2"}),
        (None, {}),
    ],
)
def test_what_is_valid_is_kept(header: str | None, expected: dict[str, str]) -> None:
    assert parse_baggage(header) == expected


def test_at_most_64_members_are_read() -> None:
    header = ",".join(f"k{number}=1" for number in range(70))
    assert list(parse_baggage(header)) == [f"k{number}" for number in range(64)]


def test_at_most_8192_bytes_are_read() -> None:
    fits, over = f"a={'1' * 8000}", f"b={'1' * 300}"
    assert list(parse_baggage(f"{fits},{over},c=1")) == ["a"]
    assert list(parse_baggage(f"a={'1' * 8190}")) == ["a"]
    assert list(parse_baggage(f"a={'1' * 8191}")) == []


@given(st.dictionaries(NAMES, st.text(st.characters(exclude_categories=("Cs",)), max_size=30), max_size=20))
def test_what_is_written_is_read_back(baggage: dict[str, str]) -> None:
    assert parse_baggage(format_baggage(baggage)) == baggage


@given(st.dictionaries(NAMES, st.text(max_size=300), max_size=80))
def test_what_is_written_keeps_the_limits_and_breaks_no_header(baggage: dict[str, str]) -> None:
    header = format_baggage(baggage)
    assert len(header) <= 8192
    assert header.isascii()
    assert header.isprintable()
    assert header.count(",") < 64


def test_a_name_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="baggage name"):
        format_baggage({"a b": "1"})


@given(st.lists(st.text(), max_size=5))
def test_no_headers_break_the_parser(headers: list[str]) -> None:
    parse_baggage(*headers)
