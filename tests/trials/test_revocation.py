"""Signing out holds everywhere within a second, and what happens while nobody can tell (R26)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import pytest
import requests

from tests.acceptance.running import Running
from tests.support.forwarder import Forwarder
from tests.support.trials import dice, record, trials
from tests.support.waiting import wait_until
from tests.trials.replicas import key_settings, replicas

pytestmark = [pytest.mark.trials, pytest.mark.serving]
BOUND_S = 1.0
BATCH = 100
ENDS = ("sign-out", "sign-out everywhere", "refresh token used twice")


@dataclass
class Sign:
    """One sign-in, and how it ended."""

    subject: str
    access: str
    refresh: str
    ended_by: str = ""
    ended_at: float = 0.0
    taken_at_once: bool = False

    @property
    def header(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access}"}


class People:
    """Sign in and out, each time at a process that the dice choose."""

    def __init__(self, running: Running, random: Random) -> None:
        self.urls = list(running.urls.values())
        self.random = random
        self.http = requests.Session()
        self.http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=32))

    def sign_in(self) -> Sign:
        subject = secrets.token_hex(8)
        answer = self.http.post(f"{self._any()}/sessions", json={"subject": subject}, timeout=10)
        assert answer.status_code == 201, answer.text
        return Sign(subject, answer.json()["access_token"], answer.json()["refresh_token"])

    def end(self, sign: Sign) -> None:
        sign.ended_by = self.random.choice(ENDS)
        self.reads(sign)
        if sign.ended_by == "refresh token used twice":
            first, second = (self._refresh(sign.refresh) for _ in range(2))
            assert (first.status_code, second.status_code) == (200, 401), (first.text, second.text)
            sign.access = self.random.choice([sign.access, first.json()["access_token"]])
        else:
            path = "end" if sign.ended_by == "sign-out" else "end-all"
            done = self.http.post(f"{self._any()}/sessions/{path}", headers=sign.header, timeout=10)
            assert done.status_code == 200, done.text
        sign.ended_at = time.monotonic()
        sign.taken_at_once = 200 in self.reads(sign)

    def reads(self, sign: Sign) -> list[int]:
        return [self.http.get(f"{url}/me", headers=sign.header, timeout=10).status_code for url in self.urls]

    def statuses(self, sign: Sign) -> list[int]:
        """Ask every process, reading and writing."""
        writes = [
            self.http.post(f"{url}/notes", headers=sign.header, json={"text": "x"}, timeout=10).status_code
            for url in self.urls
        ]
        return self.reads(sign) + writes

    def _refresh(self, token: str) -> requests.Response:
        return self.http.post(f"{self._any()}/sessions/refresh", json={"refresh_token": token}, timeout=10)

    def _any(self) -> str:
        return self.random.choice(self.urls)


@pytest.fixture(params=["embedded", "redis"])
def store(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pair(store: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    redis = {"REDIS_URL": request.getfixturevalue("redis_url")} if store == "redis" else {}
    with replicas(tmp_path, ("one", "two"), env={**key_settings("EdDSA"), **redis}) as made:
        yield made


def elapsed(signs: list[Sign]) -> bool:
    return time.monotonic() >= max(sign.ended_at for sign in signs) + BOUND_S


def test_whoever_signed_out_is_refused_everywhere_a_second_later(store: str, pair: Running) -> None:
    people, count, failures, early = People(pair, dice(f"revocation {store}")), trials(1000), [], 0
    with ThreadPoolExecutor(8) as threads:
        for start in range(0, count, BATCH):
            signs = list(threads.map(lambda _: people.sign_in(), range(min(BATCH, count - start))))
            for sign, seen in zip(signs, threads.map(people.statuses, signs), strict=True):
                assert set(seen) <= {200, 201}, f"the control: {sign} is good before, {seen}"
            list(threads.map(people.end, signs))
            early += sum(sign.taken_at_once for sign in signs)
            wait_until(partial(elapsed, signs), within_s=5, what="the bound")
            for sign, seen in zip(signs, threads.map(people.statuses, signs), strict=True):
                if set(seen) != {401}:
                    failures.append(f"{sign.ended_by}: {seen}")
    record(
        "R26",
        promised=f"A token is refused by every process one second after its sign-in ended ({store})",
        tried="sign-out, sign-out everywhere, a refresh token used twice; two processes that had taken the token just before, reading and writing",
        count=count,
        failures=failures,
        control=f"asked at once, {early} of {count} were still taken by a process",
    )


def test_while_the_store_is_down_reading_goes_on_and_writing_is_refused(redis_url: str, tmp_path: Path) -> None:
    count, failures = trials(100), []
    address, _, database = redis_url.removeprefix("redis://").partition("/")
    with Forwarder(address) as forwarder:
        forwarder.restore()
        env = {**key_settings("EdDSA"), "REDIS_URL": f"redis://127.0.0.1:{forwarder.port}/{database}"}
        with replicas(tmp_path, ("one", "two"), env=env) as pair:
            people = People(pair, dice("store down"))
            for _ in range(count):
                sign = people.sign_in()
                assert set(people.statuses(sign)) <= {200, 201}
                forwarder.cut()
                wait_until(lambda sign=sign: people.statuses(sign)[2:] == [503, 503], within_s=5, what="503")
                failures += down(people, sign)
                forwarder.restore()
                wait_until(lambda sign=sign: set(people.statuses(sign)) <= {200, 201}, within_s=5, what="recovery")
    record(
        "R26",
        promised="While the store of revocations is down reading goes on, writing is refused with 503 and Retry-After, and both recover by themselves",
        tried="Redis cut off and back behind a forwarder, two processes",
        count=count,
        failures=failures,
    )


def down(people: People, sign: Sign) -> Iterator[str]:
    """Yield what is not as it should be while the store is down."""
    for url in people.urls:
        read = people.http.get(f"{url}/me", headers=sign.header, timeout=5)
        if read.status_code != 200:
            yield f"reading: {read.status_code}"
        for path in ("notes", "sessions/end", "sessions/end-all"):
            write = people.http.post(f"{url}/{path}", headers=sign.header, json={"text": "x"}, timeout=5)
            if write.status_code != 503 or "Retry-After" not in write.headers:
                yield f"writing: {write.status_code} {write.headers}"
        forged = people.http.get(f"{url}/me", headers={"Authorization": f"Bearer {sign.access[:-4]}AAAA"}, timeout=5)
        if forged.status_code != 401:
            yield f"a forged token: {forged.status_code}"
