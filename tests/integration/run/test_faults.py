"""An example with fault proxies between its services: calls are lost now and then, and its clients hardly see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.acceptance.running import BOOKCLUB, copy_workspace
from tests.support.supervised import Workspace, kill_all, left_of

pytestmark = [pytest.mark.timeout(300), pytest.mark.serving, pytest.mark.slow]

REVIEWS = 60
SEEN = 6
"""Reviews at most that are answered with 503, since a proxy can refuse for longer than a call is tried."""


@pytest.fixture
def club(tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace(copy_workspace(BOOKCLUB, tmp_path / "bookclub", "monolith"))
    yield workspace
    workspace.run("down")
    kill_all(workspace.root / ".decant")


def test_the_bookclub_works_while_calls_between_its_services_fail(club: Workspace) -> None:
    document = club.up("--faults", "flaky", "--seed", "7", "--port-auto", "--topology", "services")
    services = {each["name"]: each for each in document["services"]}
    assert sorted(services) == ["books", "gateway", "reviews", "reviews-to-books"]
    assert {each["state"] for each in services.values()} == {"ready"}
    assert {each["health"] for each in services.values()} == {"healthy"}
    refused = []
    with requests.Session() as visitor:
        for number in range(REVIEWS):
            review = {"reader": f"Reader {number}", "stars": 1 + number % 5, "text": "Read."}
            answer = visitor.post(f"{document['edge']}/api/books/earthsea/reviews", json=review, timeout=30)
            if answer.status_code != 201:
                refused.append(answer.text)
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
        assert visitor.get(document["edge"], timeout=30).status_code == 200
        kept = visitor.get(f"{document['edge']}/api/books/earthsea/reviews?limit=100", timeout=30).json()["items"]
    assert len(refused) <= SEEN, refused
    assert sum(one["reader"].startswith("Reader ") for one in kept) == REVIEWS - len(refused)
    club.down()
    assert left_of(club.root / ".decant") == []
    told = [json.loads(line) for line in club.run("logs", "reviews-to-books", "--json").stdout.splitlines()]
    tally = next(line for line in reversed(told) if "faults" in line)
    assert tally["requests"] >= REVIEWS
    assert sum(tally["faults"].values()) > 0
