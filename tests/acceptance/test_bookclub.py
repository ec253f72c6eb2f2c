"""The book club answers alike as one process and as two; the change is one line of ``decant.toml``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.acceptance.running import BOOKCLUB, Running, copy_workspace, named, prepare, public_answer, running, until

SERVICES = {"monolith": ["bookclub"], "services": ["books", "reviews"]}


class Club:
    """The public address: each path is asked of the service that owns it."""

    def __init__(self, made: Running) -> None:
        self.running = made
        self.session = requests.Session()
        self.known: dict[str, str] = {}
        self.kept: list[tuple[str, requests.Response]] = []

    def url(self, path: str) -> str:
        if self.running.topology == "monolith":
            return self.running.urls["bookclub"] + path
        mine = path.split("?", 1)[0].rstrip("/").endswith("/reviews")
        return self.running.urls["reviews" if mine else "books"] + path

    def ask(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Send a request, and keep the answer to compare."""
        response = self.session.request(method, self.url(path), timeout=10, allow_redirects=False, **kwargs)
        self.kept.append((f"{method} {path}", response))
        return response

    def answers(self) -> list[tuple[str, dict[str, Any]]]:
        """Return every answer so far, with names in place of the ids that differ from run to run."""
        return [(named(asked, self.known), public_answer(response, self.known)) for asked, response in self.kept]


@pytest.fixture(scope="module", params=list(SERVICES))
def club(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Club]:
    topology = request.param
    workspace = copy_workspace(BOOKCLUB, tmp_path_factory.mktemp("club") / topology, topology)
    prepare(workspace)
    with running(workspace, SERVICES[topology], topology=topology) as made:
        yield Club(made)


def visit(club: Club) -> None:
    """Do everything that a visitor can do, well and badly."""
    added = club.ask("POST", "/api/books", json={"title": "Piranesi", "author": "Susanna Clarke"})
    assert added.status_code == 201, added.text
    book = added.json()["id"]
    club.known[book] = "BOOK"
    club.ask("GET", f"/api/books/{book}")
    club.ask("GET", "/api/books/earthsea", headers={"Accept": "application/xml"})
    tag = club.ask("GET", "/api/books/earthsea").headers["ETag"]
    club.ask("GET", "/api/books/earthsea", headers={"If-None-Match": tag})
    posted = club.ask("POST", "/api/books/earthsea/reviews", json={"reader": "Ged", "stars": 5, "text": "True names."})
    assert posted.status_code == 201, posted.text
    club.known[posted.json()["id"]] = "REVIEW"
    until(
        lambda: requests.get(club.url("/api/books/earthsea"), timeout=5).json()["reviews"] == 1,
        10,
        lambda: "the review was never counted: " + requests.get(club.url("/api/books/earthsea"), timeout=5).text,
    )
    club.ask("GET", "/api/books/earthsea")
    club.ask("GET", "/api/books?limit=2")
    club.ask("GET", "/api/books/earthsea/reviews")
    for page in ("/", "/books/earthsea", "/reviews", "/static/club.css"):
        club.ask("GET", page)
    misbehave(club)


def misbehave(club: Club) -> None:
    club.ask("GET", "/api/books/none")
    club.ask("POST", "/api/books/none/reviews", json={"reader": "Ged", "stars": 5})
    club.ask("POST", "/api/books/earthsea/reviews", json={"reader": "", "stars": True, "mood": "good"})
    club.ask("POST", "/api/books", data=b"{not json", headers={"Content-Type": "application/json"})
    club.ask("POST", "/api/books", data=b"title=x", headers={"Content-Type": "application/x-www-form-urlencoded"})
    club.ask("POST", "/api/books", json={"title": "a\x00b", "author": "x"})
    club.ask("GET", "/api/books?limit=1000")
    club.ask("GET", "/api/books?limit=1_0&colour=red")
    club.ask("DELETE", "/api/books/earthsea")
    club.ask("GET", "/nowhere")
    club.ask("GET", "/api/titles?book_ids=earthsea")
    club.ask("GET", "/books/none")


ANSWERS: dict[str, list[tuple[str, dict[str, Any]]]] = {}


def test_a_visitor_is_served(club: Club) -> None:
    visit(club)
    ANSWERS[club.running.topology] = club.answers()
    assert [(asked, answer.text) for asked, answer in club.kept if answer.status_code >= 500] == []


def test_every_public_answer_is_the_same_as_one_process_and_as_two() -> None:
    assert set(ANSWERS) == set(SERVICES), "both topologies must have been asked"
    one, two = ANSWERS["monolith"], ANSWERS["services"]
    assert [asked for asked, _ in one] == [asked for asked, _ in two]
    assert [(asked, a, b) for (asked, a), (_, b) in zip(one, two, strict=True) if a != b] == []
    assert len(one) > 20
