"""Entity tags: an answer that the client has already is not sent again."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from decant.http import operation
from tests.support.operations import serve


class Book(BaseModel):
    id: int


@operation(etag=True)
def view(number: int = 1) -> Book:
    return Book(id=number)


def tag(**request: object) -> str:
    return str(serve(view).get("/", **request).headers["ETag"])  # type: ignore[arg-type]


def test_an_answer_has_a_strong_tag() -> None:
    assert tag().startswith('"')
    assert tag() == tag()


def test_another_answer_has_another_tag() -> None:
    assert tag() != tag(query_string="number=2")


def test_another_representation_has_another_tag() -> None:
    assert tag() != tag(headers={"Accept": "application/xml"})


@pytest.mark.parametrize("header", ["{tag}", "W/{tag}", '"x", {tag}', '"x",{tag} , "y"', "*", " * "])
def test_a_known_tag_is_304_without_a_body(header) -> None:
    response = serve(view).get("/", headers={"If-None-Match": header.format(tag=tag())})
    assert (response.status_code, response.data) == (304, b"")
    assert response.headers["ETag"] == tag()
    assert response.headers["Vary"] == "Accept"
    assert "Content-Type" not in response.headers
    assert "Content-Length" not in response.headers


@pytest.mark.parametrize("header", ["", '"x"', "unquoted", '"'])
def test_an_unknown_tag_is_answered_in_full(header) -> None:
    response = serve(view).get("/", headers={"If-None-Match": header})
    assert (response.status_code, response.json) == (200, {"id": 1})


def test_head_is_304_too() -> None:
    assert serve(view).head("/", headers={"If-None-Match": tag()}).status_code == 304


def test_a_change_is_answered_in_full_whatever_the_client_has() -> None:
    response = serve(view, method="POST").post("/", json={}, headers={"If-None-Match": "*"})
    assert response.status_code == 200


def test_an_operation_has_no_tag_unless_it_says_so() -> None:
    @operation
    def plain() -> Book:
        return Book(id=1)

    assert "ETag" not in serve(plain).get("/").headers
