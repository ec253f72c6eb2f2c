"""Real servers with more to do than they can: refused early, with health answered all along."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import requests

from tests.integration.serving.harness import Service, wait_until

pytestmark = pytest.mark.serving
Serve = Callable[..., Service]


@pytest.mark.parametrize("server", ["granian", "gunicorn", "gevent"])
def test_what_finds_no_place_is_refused_early_and_health_is_answered(serve: Serve, server: str) -> None:
    service = serve(server, threads=8, streams=1).ready()  # six places
    url = f"http://127.0.0.1:{service.port}"
    answers: list[requests.Response] = []

    def ask() -> None:
        answers.append(requests.get(f"{url}/slow?seconds=4", timeout=30))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answers) >= 10, "ten are refused while six have a place")
    assert {answer.status_code for answer in answers} == {503}
    assert requests.get(f"{url}/health/ready", timeout=10).status_code == 200
    for thread in threads:
        thread.join()
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(answers) - len(refused) >= 4
    for answer in refused:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Retry-After"] == "1"
        assert answer.json()["code"] == "overloaded"
    assert requests.get(f"{url}/fast", timeout=10).status_code == 200


def test_a_refused_post_leaves_its_connection_usable(serve: Serve) -> None:
    service = serve("granian", threads=4, streams=1).ready()
    url = f"http://127.0.0.1:{service.port}"
    threads = [
        threading.Thread(target=lambda: requests.get(f"{url}/slow?seconds=4", timeout=30), daemon=True)
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    with requests.Session() as session:

        def refused() -> bool:
            return session.post(f"{url}/fast", data=b"x" * 3000, timeout=10).status_code == 503

        wait_until(refused, "a request is refused")
        wait_until(lambda: session.get(f"{url}/fast", timeout=10).status_code == 200, "there is room again")
    for thread in threads:
        thread.join()


def test_a_call_past_its_deadline_does_not_run(serve: Serve) -> None:
    service = serve("granian").ready()
    headers = {"Decant-Service-Token": "any", "Decant-Deadline-Ms": "0"}
    began = time.monotonic()
    answer = requests.get(f"http://127.0.0.1:{service.port}/slow?seconds=30", headers=headers, timeout=20)
    assert answer.status_code == 504
    assert answer.json()["code"] == "deadline-exceeded"
    assert time.monotonic() - began < 15
