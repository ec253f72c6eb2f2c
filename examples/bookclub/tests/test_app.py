"""The club as its visitors see it, in one process."""

from __future__ import annotations

import pytest
from flask import Flask

from decant.service import runtime_of


def test_a_review_counts_once_its_event_has_arrived(app: Flask) -> None:
    client = app.test_client()
    posted = client.post("/api/books/earthsea/reviews", json={"reader": "Ged", "stars": 4})
    assert posted.status_code == 201
    events = runtime_of(app).events
    assert events is not None
    events.drain()
    events.drain()  # nothing is left to count twice
    book = client.get("/api/books/earthsea").json
    assert (book["reviews"], book["stars"]) == (1, 4.0)


@pytest.mark.parametrize("page", ["/", "/books/earthsea", "/reviews"])
def test_every_page_shows_the_book_once_it_has_a_review(app: Flask, page: str) -> None:
    client = app.test_client()
    client.post("/api/books/earthsea/reviews", json={"reader": "<b>Ged</b>", "stars": 4, "text": "<script>1</script>"})
    text = client.get(page).text
    assert "A Wizard of Earthsea" in text
    assert "<script>" not in text
    assert "<b>Ged" not in text


def test_an_added_book_is_where_location_says(app: Flask) -> None:
    client = app.test_client()
    added = client.post("/api/books", json={"title": "Piranesi", "author": "Susanna Clarke"})
    assert client.get(added.headers["Location"]).json == added.json


def test_only_modules_may_ask_for_titles(app: Flask) -> None:
    assert app.test_client().get("/api/titles?book_ids=earthsea").status_code == 404


def test_seeding_again_adds_nothing(app: Flask) -> None:
    before = app.test_client().get("/api/books").json
    runtime_of(app).seed()
    assert app.test_client().get("/api/books").json == before
