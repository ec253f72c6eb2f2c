"""Keys rotate under load and no valid token is refused; made-up key names fetch nothing (R27)."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Self

import pytest
import requests

from decant.auth.keyring import ANNOUNCE_S, KeyFolder
from decant.auth.remote_keys import FETCH_AGAIN_S
from tests.acceptance.running import Running
from tests.support.attacks import Forger
from tests.support.trials import dice, record, trials
from tests.support.waiting import wait_until
from tests.trials.replicas import ISSUER, replicas

pytestmark = [pytest.mark.trials, pytest.mark.serving, pytest.mark.timeout(180)]
LIFETIME_S = 40
EVERY_S = 3.0
RATE = 100
SIGNERS, READERS = ("one", "two"), ("one", "two", "three")


class KeySets:
    """Stands in front of the signing service's key set and counts who asks."""

    def __init__(self) -> None:
        self.source = ""
        self.asked: list[float] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(time.monotonic())
                body = requests.get(outer.source, timeout=3).content
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def closest_s(self) -> float:
        """Return the shortest time between two questions."""
        pairs = zip(self.asked, self.asked[1:], strict=False)
        return min((later - earlier for earlier, later in pairs), default=float("inf"))


@pytest.fixture
def key_sets() -> Iterator[KeySets]:
    made = KeySets()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def three(key_sets: KeySets, tmp_path: Path) -> Iterator[Running]:
    """Serve two processes that share a folder of keys and sign, and one that reads their key set."""
    env = {"DECANT_ENV": "development", "DECANT_AUTH_LIFETIME_S": str(LIFETIME_S)}
    far = {"DECANT_AUTH_JWKS_URL": key_sets.url, "DECANT_HOME": str(tmp_path / "far")}
    with replicas(tmp_path, READERS, env=env, three=far) as made:
        key_sets.source = f"{made.urls['one']}/.well-known/jwks.json"
        yield made


class Load:
    """Signs in, and shows tokens of every age to every process, a hundred requests a second."""

    def __init__(self, running: Running, random: Random) -> None:
        self.urls = running.urls
        self.random = random
        self.over = threading.Event()
        self.tokens: list[tuple[float, str]] = []
        self.kids: set[str] = set()
        self.asked = 0
        self.refused: list[str] = []
        self.threads = [threading.Thread(target=self._run) for _ in range(4)]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _run(self) -> None:
        http, pause = requests.Session(), len(self.threads) / RATE
        due = time.monotonic()
        while not self.over.wait(max(0.0, due - time.monotonic())):
            due += pause
            self._sign_in(http) if self.random.random() < 0.1 or not self.tokens else self._show(http)

    def _sign_in(self, http: requests.Session) -> None:
        url = self.urls[self.random.choice(SIGNERS)]
        answer = http.post(f"{url}/sessions", json={"subject": "ada"}, timeout=10)
        token = answer.json()["access_token"]
        self.kids.add(token.partition(".")[0])
        self.tokens.append((time.monotonic() + LIFETIME_S - 3, token))
        if self.tokens[0][0] < time.monotonic():
            self.tokens = [known for known in self.tokens if known[0] > time.monotonic()]

    def _show(self, http: requests.Session) -> None:
        ends, token = self.random.choice(self.tokens[-3:] if self.random.random() < 0.5 else self.tokens)
        if ends < time.monotonic():
            return
        reader = self.random.choice(READERS)
        answer = http.get(f"{self.urls[reader]}/me", headers={"Authorization": f"Bearer {token}"}, timeout=10)
        self.asked += 1
        if answer.status_code != 200:
            self.refused.append(f"{reader}: {answer.status_code} {answer.text}")


def test_no_valid_token_is_refused_while_keys_rotate(three: Running, key_sets: KeySets) -> None:
    rotations = trials(20)
    keys = KeyFolder(three.home / "keys" / "users", keep_s=LIFETIME_S + 10)
    with Load(three, dice("rotation")) as load:
        wait_until(lambda: load.asked > RATE, within_s=20, what="load before the first rotation")
        before = len(load.kids)
        for number in range(rotations):
            keys.rotate()
            ends = time.monotonic() + EVERY_S
            wait_until(lambda ends=ends: time.monotonic() > ends, within_s=10, every_s=0.1, what=f"rotation {number}")
        wait_until(lambda: len(load.kids) >= before + rotations, within_s=ANNOUNCE_S + 20, what="the last key signs")
        asked = load.asked
        wait_until(lambda: load.asked > asked + RATE, within_s=20, what="load after the last rotation")
    assert load.asked > 0
    failures = [
        *load.refused,
        *([] if key_sets.closest_s() >= FETCH_AGAIN_S - 0.5 else [f"fetches {key_sets.closest_s():.1f} s apart"]),
    ]
    record(
        "R27",
        promised="Keys rotate and no valid token is refused",
        tried=f"a new key every {EVERY_S:g} s, each announced for the real {ANNOUNCE_S} s; {load.asked:,} requests at about {RATE} a second, two processes with the folder of keys and one that reads their key set",
        count=rotations,
        failures=failures,
    )


def test_made_up_key_names_fetch_nothing(three: Running, key_sets: KeySets) -> None:
    count, failures, url = trials(10_000), [], three.urls["three"]
    forger, http = Forger("EdDSA", int(time.time()), issuer=ISSUER, audience=ISSUER), requests.Session()
    good = requests.post(f"{three.urls['one']}/sessions", json={"subject": "ada"}, timeout=10).json()["access_token"]
    began = time.monotonic()
    for number in range(count):
        token = forger.forge({"kid": secrets.token_urlsafe(24)})
        answer = http.get(f"{url}/me", headers={"Authorization": f"Bearer {token}"}, timeout=10)
        if answer.status_code != 401:
            failures.append(f"{number}: {answer.status_code}")
        if number % 100 == 0:
            seen = http.get(f"{url}/me", headers={"Authorization": f"Bearer {good}"}, timeout=10).status_code
            assert seen == 200, "the control: a good token passes meanwhile"
    took = time.monotonic() - began
    allowed = 1 + took / FETCH_AGAIN_S
    if len(key_sets.asked) > allowed or key_sets.closest_s() < FETCH_AGAIN_S - 0.5:
        failures.append(f"{len(key_sets.asked)} fetches in {took:.0f} s")
    record(
        "R27",
        promised=f"Made-up key names cause one fetch of the key set in {FETCH_AGAIN_S:g} s at most",
        tried="tokens with random key ids, one after the other, at a process that reads the key set of another; a good token passes in between",
        count=count,
        failures=failures,
        control=f"one fetch for each unknown name would be {count:,}; there were {len(key_sets.asked)} in {took:.0f} s",
    )
