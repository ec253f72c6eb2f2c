"""Names as they can be written."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant_tools.workspace.draw.words import mermaid, plain, shorten, width, xml

ANY = st.text(st.characters(codec=None))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe/日本", "größe/日本"),
        ("bad\udcff", "bad\ufffd"),
        ("\x1b[31mred", "\ufffd[31mred"),
        ("abc\u202edcba", "abc\ufffddcba"),
        ("line\nbreak", "line\ufffdbreak"),
    ],
)
def test_what_a_terminal_or_page_would_obey_is_not_written(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(ANY)
def test_any_name_is_content_and_attribute_of_xml(text: str) -> None:
    element = ET.fromstring(f'<a b="{xml(text)}">{xml(text)}</a>')
    assert (element.text or "") == element.get("b") == plain(text)


@given(ANY, st.integers(1, 40))
def test_a_shortened_name_fits(text: str, most: int) -> None:
    assert width(shorten(text, most)) <= most


def test_a_shortened_name_keeps_both_ends() -> None:
    assert shorten("services/order_service", 11) == "servi…rvice"
    assert shorten("short", 5) == "short"


def test_wide_characters_take_two_cells_and_marks_on_others_none() -> None:
    assert (width("ab"), width("日本"), width("e\u0301")) == (2, 4, 1)


@given(st.text())
def test_a_label_of_mermaid_has_nothing_that_ends_it(text: str) -> None:
    label = mermaid(text)
    assert label[0] == label[-1] == '"'
    assert not set(label[1:-1]) & set('"<>[](){}|\n`%')
