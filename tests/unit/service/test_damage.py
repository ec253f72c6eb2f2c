"""A database that cannot be written to is a 503 that says when to come back, and reading goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event

from decant import create_app
from decant.service import runtime_of

BOOKCLUB = Path(__file__).parents[3] / "examples" / "bookclub"
REVIEW = {"reader": "Ged", "stars": 5}
URL = "/api/books/earthsea/reviews"


@pytest.fixture
def club(tmp_path: Path) -> Iterator[Flask]:
    app = create_app(
        config=BOOKCLUB / "decant.toml", environ={"DECANT_HOME": str(tmp_path), "DECANT_ENV": "production"}
    )
    runtime_of(app).migrate()
    runtime_of(app).seed()
    yield app
    runtime_of(app).stop(1)


def limit(app: Flask, pragma: str) -> None:
    """Set a pragma on every connection of the reviews, as a full disk or missing rights would show themselves."""
    engine = runtime_of(app).databases["reviews"].engine
    engine.dispose()
    event.listen(engine, "connect", lambda connection, record: connection.execute(f"PRAGMA {pragma}"))


@pytest.mark.parametrize("pragma", ["query_only=1", "max_page_count=1"], ids=["read-only", "full"])
def test_what_cannot_be_stored_is_refused_and_reading_goes_on(club: Flask, pragma: str) -> None:
    client = club.test_client()
    assert client.post(URL, json=REVIEW).status_code == 201
    limit(club, pragma)
    answers = [client.post(URL, json=REVIEW | {"text": "x" * 2000}) for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.status_code for answer in answers} <= {201, 503}
    assert refused, "nothing was refused"
    assert refused[-1].content_type == "application/problem+json"
    assert int(refused[-1].headers["Retry-After"]) >= 1
    assert "sqlite" not in refused[-1].text.lower()
    assert client.get(URL).status_code == 200
    stored = 1 + len(answers) - len(refused)
    limit(club, "query_only=0" if "query_only" in pragma else "max_page_count=1073741823")
    assert len(client.get(f"{URL}?limit=100").json["items"]) == stored
    assert client.post(URL, json=REVIEW).status_code == 201, "it is well again by itself"
