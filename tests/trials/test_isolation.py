"""Nobody reads or changes what belongs to somebody else, or learns that it exists (R36)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from tests.acceptance.running import Running
from tests.support.trials import record, trials
from tests.trials.replicas import replicas

pytestmark = [pytest.mark.trials, pytest.mark.serving]
BY_ID = ("GET", "HEAD", "PUT", "DELETE")
UNIQUE = {"request_id", "trace_id"}
VARYING = {"date", "x-request-id"}


class User:
    """Somebody who is signed in, with one note."""

    def __init__(self, url: str, http: requests.Session) -> None:
        self.url, self.http, self.name = url, http, secrets.token_hex(8)
        answer = http.post(f"{url}/sessions", json={"subject": self.name}, timeout=5)
        self.header = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        self.text = f"the note of {self.name}"
        self.note_id = http.post(f"{url}/notes", json={"text": self.text}, headers=self.header, timeout=5).json()[
            "note_id"
        ]

    def ask(self, method: str, note_id: str) -> requests.Response:
        body = {"text": "changed"} if method == "PUT" else None
        return self.http.request(method, f"{self.url}/notes/{note_id}", json=body, headers=self.header, timeout=5)

    def own(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.http.get(f"{self.url}/notes", headers=self.header, timeout=5).json()
        return found


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    with replicas(tmp_path) as made:
        yield made


def said(answer: requests.Response, note_id: str) -> tuple[int, dict[str, str], bytes]:
    """Return an answer without what differs in each request."""
    body = answer.content.replace(note_id.encode(), b"ID")
    if body:
        document = json.loads(body)
        body = json.dumps({name: value for name, value in document.items() if name not in UNIQUE}).encode()
    headers = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in VARYING}
    return answer.status_code, headers, body


def test_what_belongs_to_another_user_is_not_there(service: Running) -> None:
    url, http, count, failures = service.urls["one"], requests.Session(), 0, []
    for _ in range(trials(200)):
        for mine, theirs in pairs(User(url, http), User(url, http)):
            for method in BY_ID:
                count += 1
                foreign, missing = mine.ask(method, theirs.note_id), uuid4().hex
                if said(foreign, theirs.note_id) != said(mine.ask(method, missing), missing):
                    failures.append(f"{method}: told apart from one that is not there: {foreign.text}")
                if foreign.status_code != 404:
                    failures.append(f"{method}: {foreign.status_code}")
            if theirs.own() != [{"note_id": theirs.note_id, "text": theirs.text}]:
                failures.append(f"changed: {theirs.own()}")
    assert mine.ask("GET", mine.note_id).status_code == 200, "the control: one's own is there"
    assert mine.ask("PUT", mine.note_id).status_code == 200
    record(
        "R36",
        promised="Another user's object is neither read nor changed, and answers the same bytes as one that is not there",
        tried="every route with an id, with the token of each of two users on the other's objects, and on ids that nobody has",
        count=count,
        failures=failures,
        control="with one's own token the same requests read, change and delete",
    )
    assert mine.ask("DELETE", mine.note_id).status_code in {200, 204}


def pairs(first: User, second: User) -> list[tuple[User, User]]:
    return [(first, second), (second, first)]
