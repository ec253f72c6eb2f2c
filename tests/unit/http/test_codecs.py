"""JSON, XML and what users add, by what the client asks for."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from decant.errors import SetupError
from decant.http import Codec, add_codec, encode, operation, remove_codec
from decant.http.codecs import JSON, choose
from decant.http.xml import encode_xml
from tests.support.operations import serve

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


class Book(BaseModel):
    id: int
    tags: list[str] = []
    note: str | None = None


@operation
def view(limit: int = 1) -> Book:
    return Book(id=limit, tags=["a", "b"])


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("application/problem+json", "application/json"),
        ("application/xml", "application/xml; charset=utf-8"),
        ("text/xml", "text/xml; charset=utf-8"),
        ("text/*", "text/xml; charset=utf-8"),
        ("Application/XML", "application/xml; charset=utf-8"),
        ("application/problem+xml", "application/xml; charset=utf-8"),
        ("application/xml, application/json", "application/json"),
        ("application/xml, application/json;q=0.5", "application/xml; charset=utf-8"),
        ("application/json;q=0, */*", "application/xml; charset=utf-8"),
        ("application/xml;q=0", "application/json"),
        ("application/xml;q=x", "application/json"),
        ("text/plain", "application/json"),
        ("image/png, text/plain;q=0.5", "application/json"),
        (";;,,=", "application/json"),
        (CHROME, "application/json"),
        ("x" * 1000, "application/json"),
    ],
)
def test_the_client_gets_what_it_asks_for_and_json_otherwise(accept, content_type) -> None:
    assert choose(accept).content_type == content_type


def test_an_answer_comes_as_xml() -> None:
    response = serve(view).get("/", headers={"Accept": "application/xml"})
    assert response.content_type == "application/xml; charset=utf-8"
    assert response.headers["Vary"] == "Accept"
    expected = '<response><id>1</id><tags><item>a</item><item>b</item></tags><note nil="true"/></response>'
    assert response.text == f'<?xml version="1.0" encoding="utf-8"?>\n{expected}\n'


def test_a_problem_comes_as_xml() -> None:
    response = serve(view).get("/?limit=x", headers={"Accept": "application/xml"})
    assert (response.status_code, response.content_type) == (422, "application/problem+xml")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, "<response></response>"),
        ([], "<response></response>"),
        (None, '<response nil="true"/>'),
        (True, "<response>true</response>"),
        (1.5, "<response>1.5</response>"),
        ("<&>", "<response>&lt;&amp;&gt;</response>"),
        ([1, [2]], "<response><item>1</item><item><item>2</item></item></response>"),
        ({"a b": 1}, '<response><entry key="a b">1</entry></response>'),
        ({"1": 1}, '<response><entry key="1">1</entry></response>'),
        ({"": None}, '<response><entry key="" nil="true"/></response>'),
        ({"xmlns": 1}, '<response><entry key="xmlns">1</entry></response>'),
        ({"a:b": 1}, '<response><entry key="a:b">1</entry></response>'),
        ({'"<\n': 1}, '<response><entry key="&quot;&lt;&#10;">1</entry></response>'),
        ("a\x00b\x1fc\ufffe", "<response>a\ufffdb\ufffdc\ufffd</response>"),
        ("a\r\nb", "<response>a&#13;\nb</response>"),
    ],
)
def test_data_becomes_elements(document, expected) -> None:
    assert encode_xml(document).decode().partition("?>\n")[2] == f"{expected}\n"


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@given(DOCUMENTS)
def test_any_data_is_well_formed_xml_that_keeps_its_texts(document) -> None:
    _compare(ET.fromstring(encode_xml(document)), document)


def _compare(element: ET.Element, document: Any) -> None:
    if isinstance(document, dict):
        assert len(element) == len(document)
        for child, (key, value) in zip(element, document.items(), strict=True):
            assert child.get("key", child.tag) == _carried(key)
            _compare(child, value)
    elif isinstance(document, list):
        assert [child.tag for child in element] == ["item"] * len(document)
        for child, value in zip(element, document, strict=True):
            _compare(child, value)
    elif document is None:
        assert element.get("nil") == "true"
    elif isinstance(document, str):
        assert (element.text or "") == _carried(document)


def _carried(text: str) -> str:
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "\ufffd", text)


def test_encode_writes_what_is_no_json_data_too() -> None:
    assert encode(Book(id=1), None) == (b'{"id":1,"tags":[],"note":null}', "application/json")


@pytest.fixture
def lines() -> Iterator[Codec]:
    codec = Codec(("text/plain",), lambda document: repr(document).encode(), charset=True)
    add_codec(codec)
    yield codec
    remove_codec(codec)


def test_a_codec_of_the_users_is_offered(lines) -> None:
    response = serve(view).get("/", headers={"Accept": "text/plain"})
    assert response.content_type == "text/plain; charset=utf-8"
    assert response.text == "{'id': 1, 'tags': ['a', 'b'], 'note': None}"


def test_a_problem_is_json_where_a_codec_has_no_type_for_it(lines) -> None:
    response = serve(view).get("/?limit=x", headers={"Accept": "text/plain"})
    assert response.content_type == "application/problem+json"


def test_a_codec_is_gone_once_removed() -> None:
    codec = Codec(("text/csv",), lambda document: b"")
    add_codec(codec)
    assert choose("text/csv").codec is codec
    remove_codec(codec)
    assert choose("text/csv").codec is JSON


def test_a_media_type_has_one_codec() -> None:
    with pytest.raises(SetupError, match="application/xml already"):
        add_codec(Codec(("application/xml",), lambda document: b""))


def test_json_cannot_be_removed() -> None:
    with pytest.raises(SetupError, match="cannot be removed"):
        remove_codec(JSON)
