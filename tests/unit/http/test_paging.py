"""Pages and cursors."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from decant.errors import ValidationError
from decant.http import Page, Paging, decode_cursor, encode_cursor, operation
from tests.support.operations import serve


class Row(NamedTuple):
    id: int
    title: str


class Book(BaseModel):
    id: int
    title: str


ROWS = [Row(number, f"Book {number}") for number in range(1, 46)]


@operation
def books(paging: Paging) -> Page[Book]:
    after = paging.after(int) or 0
    rows = [row for row in ROWS if row.id > after][: paging.limit + 1]
    return paging.page(rows, position=lambda row: row.id)


def test_a_list_is_walked_page_by_page_and_complete() -> None:
    client, seen, cursor = serve(books), [], ""
    while cursor is not None:
        page = client.get("/", query_string={"cursor": cursor} if cursor else {}).json
        seen.append([item["id"] for item in page["items"]])
        cursor = page["next"]
    assert [len(page) for page in seen] == [20, 20, 5]
    assert [number for page in seen for number in page] == [row.id for row in ROWS]


def test_a_full_last_page_has_no_next() -> None:
    assert Paging(limit=2).page([1, 2], position=lambda row: row).next is None


def test_an_empty_page_has_no_next() -> None:
    assert Paging().page([], position=lambda row: row) == Page(items=[], next=None)


@pytest.mark.parametrize("cursor", ["", "x", "!", "é", "MQ==", "MQ MQ", "bm90IGpzb24", "IngI", "a" * 5000])
def test_a_cursor_that_is_none_is_named(cursor) -> None:
    response = serve(books).get("/", query_string={"cursor": cursor})
    assert response.status_code == 404
    assert response.json["errors"][0]["field"] == "query.cursor"


def test_a_cursor_of_another_list_is_refused() -> None:
    response = serve(books).get("/", query_string={"cursor": encode_cursor(["a", "b"])})
    assert response.status_code == 404
    assert response.json["errors"][0]["field"] == "query.cursor"


@pytest.mark.parametrize("position", [2**64, "a\0b"])
def test_a_forged_cursor_holds_nothing_that_a_request_may_not(position) -> None:
    with pytest.raises(ValidationError):
        decode_cursor(encode_cursor(position))


@given(
    st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(min_codepoint=1, codec="utf-8")) | st.lists(st.booleans())
)
def test_a_position_survives_the_cursor(position) -> None:
    assert decode_cursor(encode_cursor(position)) == position
    assert decode_cursor(encode_cursor(position, key=b"key"), key=b"key") == position


def test_a_position_comes_back_as_its_type() -> None:
    position = (dt.datetime(2026, 11, 21, tzinfo=dt.UTC), "p1")
    kind: Any = tuple[dt.datetime, str]
    assert decode_cursor(encode_cursor(position), kind) == position


def test_a_cursor_needs_no_escaping() -> None:
    assert encode_cursor({"a": "???>>>"}).replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=50))
def test_a_signed_cursor_cannot_be_made_up(cursor) -> None:
    with pytest.raises(ValidationError):
        decode_cursor(cursor, key=b"key")


@pytest.mark.parametrize("key", [None, b"other"])
def test_a_cursor_signed_with_another_key_is_refused(key) -> None:
    with pytest.raises(ValidationError) as caught:
        decode_cursor(encode_cursor(5, key=key), key=b"key")
    assert caught.value.errors[0]["field"] == "query.cursor"


def test_a_page_without_its_items_type_is_filled_from_rows() -> None:
    assert serve(books).get("/?limit=1").json["items"] == [{"id": 1, "title": "Book 1"}]
