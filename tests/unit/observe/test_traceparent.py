"""The traceparent header, by the rules of W3C Trace Context levels 1 and 2."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.observe.tracing import format_traceparent, parse_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
hex_digits = st.text("0123456789abcdef", min_size=1)


def ids(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789abcdef", min_size=length, max_size=length).filter(lambda text: set(text) != {"0"})


def test_a_valid_header_is_read() -> None:
    assert parse_traceparent(f"00-{TRACE}-{SPAN}-01") == (TRACE, SPAN, True, False)


@pytest.mark.parametrize(
    ("flags", "sampled", "random"),
    [
        ("00", False, False),
        ("01", True, False),
        ("02", False, True),
        ("03", True, True),
        ("ff", True, True),
        ("fc", False, False),
    ],
)
def test_known_flags_are_read_and_unknown_ones_ignored(flags: str, sampled: bool, random: bool) -> None:
    parsed = parse_traceparent(f"00-{TRACE}-{SPAN}-{flags}")
    assert parsed is not None
    assert (parsed.sampled, parsed.random) == (sampled, random)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-001",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-what-the-future-holds",
        f"00-{TRACE}-{SPAN}-01.",
        f"00-{TRACE}-{SPAN}-0.",
        f"00-{TRACE}-{SPAN}-.0",
        f"ff-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"000-{TRACE}-{SPAN}-01",
        f".0-{TRACE}-{SPAN}-01",
        f"0.-{TRACE}-{SPAN}-01",
        f"FF-{TRACE}-{SPAN}-01",
        f"0A-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"00-{TRACE}-{SPAN}-0A",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-.{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN[:-1]}-01",
        f"00-{TRACE}-{SPAN}0-01",
        f"00-{TRACE}-.{SPAN[1:]}-01",
        f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}-01\x00",
        f"00-{TRACE}-{SPAN}-0١",
        f"cc-{TRACE}-{SPAN}-01.what-the-future-holds",
        f"cc-{TRACE}-{SPAN}-01what",
    ],
)
def test_anything_else_begins_a_new_trace(header: str | None) -> None:
    assert parse_traceparent(header) is None


@pytest.mark.parametrize("rest", ["", "-", "-what-the-future-holds", "-01"])
def test_of_a_future_version_the_known_part_is_read(rest: str) -> None:
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-01{rest}") == (TRACE, SPAN, True, False)


@pytest.mark.parametrize("space", [" ", "\t", "\t ", " \t "])
def test_white_space_around_the_header_is_not_part_of_it(space: str) -> None:
    assert parse_traceparent(f"{space}00-{TRACE}-{SPAN}-01{space}") == (TRACE, SPAN, True, False)


@given(trace=ids(32), span=ids(16), sampled=st.booleans(), random=st.booleans())
def test_what_is_written_is_read_back(trace: str, span: str, sampled: bool, random: bool) -> None:
    assert parse_traceparent(format_traceparent(trace, span, sampled, random)) == (trace, span, sampled, random)


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    parsed = parse_traceparent(text)
    assert parsed is None or re.fullmatch("[0-9a-f]{32}", parsed.trace_id)
