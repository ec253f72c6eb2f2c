"""Two services that need each other: what outsiders cannot reach, and what happens while one is down, slow or killed."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from decant.auth import ServiceTokens, generate_key, parse_key
from tests.acceptance.raw import Raw, send
from tests.acceptance.running import (
    BOOKCLUB,
    Running,
    copy_workspace,
    environment,
    prepare,
    running,
    service_key,
    start,
    until,
    wait_ready,
)

BOTH = ["books", "reviews"]
HEADER = "Decant-Service-Token"
DEADLINE_S = 2


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = copy_workspace(BOOKCLUB, tmp_path_factory.mktemp("club") / "club", "services")
    prepare(made)
    return made


@pytest.fixture(scope="module")
def club(workspace: Path) -> Iterator[Running]:
    env = {"DECANT_CALLS_DEADLINE_S": str(DEADLINE_S)}
    with running(workspace, BOTH, topology="services", env=env) as made:
        yield made


def tokens(club: Running, name: str = "reviews") -> ServiceTokens:
    return ServiceTokens(parse_key(service_key()), name)


def titles(club: Running, token: str) -> requests.Response:
    return requests.get(f"{club.urls['books']}/titles?book_ids=earthsea", headers={HEADER: token}, timeout=5)


def test_a_key_that_is_given_is_written_nowhere(club: Running) -> None:
    secret = service_key().splitlines()[1]
    assert not (club.home / "keys").exists()
    assert [log for log in club.home.glob("*.log") if secret in log.read_text(errors="replace")] == []


@pytest.mark.parametrize(
    "path",
    [
        "/titles", "/api/titles", "/-/titles", "/%2d/titles", "/%2D%2ftitles", "/-%2ftitles", "//-/titles", "/-//titles",
        "/./-/titles", "/x/../-/titles", "/%2e/-/titles", "/-/-/titles", "/-;/titles", "/-/books", "/-",
        "http://localhost/-/titles", "https://books//-/titles",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PUT"])
def test_what_is_for_services_is_not_there_for_outsiders(club: Running, path: str, method: str) -> None:
    answer = send(club.urls["books"], Raw(method, f"{path}?book_ids=earthsea"))
    assert answer.status == 404, answer.raw
    assert b"Wizard" not in answer.raw


def test_a_service_with_its_token_reaches_it(club: Running) -> None:
    assert titles(club, tokens(club).issue("books")).json() == {"earthsea": "A Wizard of Earthsea"}


def test_a_token_of_another_key_or_for_another_service_is_refused(club: Running) -> None:
    stranger = ServiceTokens(parse_key(generate_key()), "reviews")
    for token in (
        "",
        "a.b.c",
        stranger.issue("books"),
        tokens(club).issue("reviews"),
        tokens(club).issue("books") + "x",
    ):
        answer = titles(club, token)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "Wizard" not in answer.text


def test_an_outsiders_deadline_and_claims_change_nothing(club: Running) -> None:
    claims = {
        "Decant-Deadline-Ms": "1",
        "Decant-Internal": "reviews",
        "X-Decant-Internal": "1",
        "Decant-Caller": "books",
    }
    answer = requests.get(f"{club.urls['reviews']}/api/books/earthsea/reviews?x=1", headers=claims, timeout=5)
    assert [entry["field"] for entry in answer.json()["errors"]] == ["query.x"]
    assert requests.get(f"{club.urls['reviews']}/reviews", headers=claims, timeout=5).status_code == 200


def ask_reviews(club: Running) -> tuple[requests.Response, float]:
    started = time.monotonic()
    answer = requests.get(f"{club.urls['reviews']}/api/books/earthsea/reviews", timeout=10)
    return answer, time.monotonic() - started


def test_a_service_that_hangs_costs_the_deadline_and_no_more(club: Running) -> None:
    assert ask_reviews(club)[0].status_code == 200
    group = everyone(club, "books")
    group(signal.SIGSTOP)
    try:
        answer, took_s = ask_reviews(club)
    finally:
        group(signal.SIGCONT)
    assert (answer.status_code, answer.headers["Content-Type"]) == (504, "application/problem+json")
    assert took_s < DEADLINE_S + 0.5
    until(lambda: ask_reviews(club)[0].status_code == 200, 5, lambda: "it never recovered")


def test_a_service_that_is_down_is_a_503_at_once_and_back_when_it_is_back(club: Running, workspace: Path) -> None:
    kill(club, "books")
    answer, took_s = ask_reviews(club)
    problem = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) >= 1
    assert took_s < 1
    assert "127.0.0.1" not in answer.text, problem
    restart(club, workspace, "books")
    until(lambda: ask_reviews(club)[0].status_code == 200, 5, lambda: "it never recovered")


@pytest.mark.timeout(180)
def test_every_review_is_counted_once_although_services_are_killed(club: Running, workspace: Path) -> None:
    chosen = random.Random(20_261_121)
    before = counted(club)
    posted = 0
    for _ in range(5):
        for _ in range(chosen.randint(5, 25)):
            posted += post_review(club)
        service = chosen.choice(BOTH)
        kill(club, service)
        posted += sum(post_review(club) for _ in range(3)) if service == "books" else 0
        restart(club, workspace, service)
    expected = rows(workspace, "reviews_review")  # all are of earthsea
    assert expected >= before + posted, "what was answered with 201 is stored"
    until(lambda: counted(club) >= expected, 30, lambda: f"{counted(club)} of {expected} were counted")
    until(lambda: rows(workspace, "reviews_outbox") == 0, 10, lambda: "the outbox was never emptied")
    assert counted(club) == expected


def post_review(club: Running) -> bool:
    review = {"reader": "Ged", "stars": 5}
    try:
        answer = requests.post(f"{club.urls['reviews']}/api/books/earthsea/reviews", json=review, timeout=5)
    except requests.ConnectionError:
        return False
    assert answer.status_code in (201, 503), answer.text
    return answer.status_code == 201


def counted(club: Running) -> int:
    number: int = requests.get(f"{club.urls['books']}/api/books/earthsea", timeout=5).json()["reviews"]
    return number


def rows(workspace: Path, table: str) -> int:
    with closing(sqlite3.connect(workspace / ".decant" / "reviews.sqlite3")) as database:
        (number,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(number)


def everyone(club: Running, service: str) -> Callable[[int], Any]:
    """Return what sends a signal to all processes of a service; it leads a group of its own."""
    return lambda signum: os.killpg(club.processes[service].pid, signum)


def kill(club: Running, service: str) -> None:
    everyone(club, service)(signal.SIGKILL)
    club.processes[service].wait(5)


def restart(club: Running, workspace: Path, service: str) -> None:
    urls = {f"{name.upper()}_SERVICE_URL": url for name, url in club.urls.items()}
    env = environment(club.home, urls | {"DECANT_CALLS_DEADLINE_S": str(DEADLINE_S)})
    bind = club.urls[service].removeprefix("http://")
    club.processes[service] = start(workspace, ["serve", service, "--bind", bind], env, club.home / f"{service}.log")
    wait_ready(club, service, club.urls[service])
