"""Forged tokens against a service that runs (R24), and best current practice item by item (R25)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.acceptance.raw import Answer, Raw, send
from tests.acceptance.running import Running
from tests.support.attacks import FAMILIES, PARTS, Forger, Vector, vectors
from tests.support.trials import dice, full, record, trials
from tests.trials.replicas import ISSUER, key_settings, replicas

pytestmark = [pytest.mark.trials, pytest.mark.serving]
MARK = "a-mark-of-the-watch"
ROUTES = (
    ("GET", "/me"), ("GET", "/notes"), ("POST", "/notes"), ("GET", "/notes/1"), ("PUT", "/notes/1"), ("DELETE", "/notes/1"), ("GET", "/admin"), ("POST", "/sessions/end"),
    ("POST", "/sessions/end-all"), ("HEAD", "/me"),
)  # fmt: skip


def forger_of(family: str) -> Forger:
    return Forger(family, int(time.time()), issuer=ISSUER, audience=ISSUER)


def ask(service: Running, token: str, method: str = "GET", path: str = "/me") -> Answer:
    header = ("Authorization", b"Bearer " + token.encode("utf-8", "surrogatepass"))
    kind = ("Content-Type", b"application/json")
    body = b'{"text": "x"}' if method in {"POST", "PUT"} else b""
    return send(service.urls["one"], Raw(method, path, (header, kind), body=body))


def fault_of(answer: Answer, token: str) -> str:
    """Return what is wrong with the answer to a forged token, or nothing."""
    no_header = any(ord(letter) < 32 or ord(letter) == 127 for letter in token) or len(token) > 16_000
    if answer.status in {400, 431} and no_header:
        return ""  # it is no HTTP request, and so no token
    if answer.status != 401:
        return f"status {answer.status}"
    if not answer.headers.get("www-authenticate", "").startswith("Bearer"):
        return "no WWW-Authenticate"
    if answer.media_type != "application/problem+json":
        return f"no problem but {answer.media_type}"
    if answer.body and json.loads(answer.body)["code"] != "unauthenticated":
        return f"another problem: {answer.body!r}"
    return "the answer repeats it" if leaked(token, answer.raw.decode(errors="replace")) else ""


def leaked(token: str, text: str) -> bool:
    return any(part in text for part in token.split(".") if len(part) > 24)


def sendable(made: list[Vector]) -> list[Vector]:
    """Leave out what would be another request, or the good token once HTTP has trimmed its header."""
    return [(name, token) for name, token in made if token and not {"\r", "\n"} & set(token)]


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def service(family: str, tmp_path: Path) -> Iterator[Running]:
    with replicas(tmp_path, env={**key_settings(family), "VAULT_WATCH": MARK}) as made:
        yield made


def test_a_running_service_takes_no_forged_token(family: str, service: Running) -> None:
    forger, failures = forger_of(family), []
    made = sendable(vectors(forger))
    attacks = dice("over http").sample(made, trials(len(made)))
    for name, token in attacks:
        if fault := fault_of(ask(service, token), token):
            failures.append(f"{name}: {fault}")
    assert ask(service, forger.forge()).status == 200, "the control: a good token passes"
    log = service.output("one")
    failures += [f"{name}: in the log" for name, token in attacks if leaked(token, log)]
    record(
        "R24",
        promised=f"A running service answers every forged token with 401, a problem and WWW-Authenticate, and logs none of it ({family})",
        tried="the same attacks over HTTP, byte for byte; where no header can carry one, the server may answer 400 or 431",
        count=len(attacks),
        failures=failures,
        control="the good token passes",
    )


ITEMS = {
    "3.1 the algorithm is verified": lambda part, name: part == "algorithms" or (part == "secrets" and "named" not in name),
    "3.2 only appropriate algorithms": lambda part, name: part == "algorithms" and "alg" in name,
    "3.3 every cryptographic operation is validated": lambda part, name: part == "signatures",
    "3.4 inputs are validated": lambda part, name: (part == "signatures" and ("r =" in name or "R " in name or "s =" in name)) or "jwk of" in name,
    "3.5 keys are no passwords": lambda part, name: part == "secrets" and "the secret" in name,
    "3.6 nothing is decompressed": lambda part, name: "compressed" in name or "zip" in name or "enc in" in name,
    "3.7 UTF-8 and nothing else": lambda part, name: "UTF-" in name or "Latin" in name or "byte order" in name or "CBOR" in name,
    "3.8 issuer and subject": lambda part, name: part == "claims" and name.startswith(("iss", "sub")),
    "3.9 audience": lambda part, name: part == "claims" and name.startswith("aud"),
    "3.10 no trust in header claims": lambda part, name: part == "headers" and not name.startswith("typ"),
    "3.11 explicit typing": lambda part, name: part == "headers" and name.startswith("typ"),
    "3.12 other kinds of tokens": lambda part, name: name in {"a service token under the same key", "a refresh token", "an API key", "JSON serialisation"} or "decant-service" in name or "refresh+jwt" in name or "id+jwt" in name,
}  # fmt: skip
EACH = 10


def playbook(forger: Forger) -> list[Vector]:
    """Return ten attacks for each item of RFC 8725, section 3, or as many as there are."""
    named = [(part.__name__, *vector) for part in PARTS for vector in part(forger)]
    chosen: list[Vector] = []
    for item, fits in ITEMS.items():
        found = sendable([(f"{item}: {name}", token) for part, name, token in named if fits(part, name)])
        assert found, item
        chosen += dice(item).sample(found, min(EACH, len(found)))
    for path in (
        f"../../{MARK}",
        f"/nowhere/{MARK}",
        f"file:///{MARK}",
        f"https://{MARK}.invalid/k",
        f"{MARK}.pem",
        f"|{MARK}",
        f"$({MARK})",
    ):
        chosen.append((f"3.10 kid {path}", forger.forge({"kid": path})))
        chosen.append((f"3.10 jku {path}", forger.forge({"jku": path}, key=forger.other)))
    for query in (
        f"{MARK}' OR '1'='1",
        f"x' UNION SELECT '{MARK}'--",
        f"'; DROP TABLE {MARK}; --",
        f"{MARK}%",
        f'{MARK}" OR 1=1',
    ):
        chosen.append((f"3.10 kid {query}", forger.forge({"kid": query})))
    return chosen


def test_best_current_practice_is_kept_on_every_route(family: str, service: Running) -> None:
    forger, failures, count = forger_of(family), [], 0
    attacks = playbook(forger)
    rounds = [(attack, route) for attack in attacks for route in ROUTES]
    for (name, token), (method, path) in rounds if full() else dice("routes").sample(rounds, trials(len(rounds))):
        count += 1
        if fault := fault_of(ask(service, token, method, path), token):
            failures.append(f"{method} {path}, {name}: {fault}")
    failures += touched(service)
    record(
        "R25",
        promised=f"RFC 8725, 3.1 to 3.12, holds on every route, and no key id or address in a token reaches a file, SQL or the network ({family})",
        tried=f"{len(attacks)} attacks, at most {EACH} for each item and more on key ids, on {len(ROUTES)} routes over HTTP; opened files, SQL and connections are watched",
        count=count,
        failures=failures,
        control="the watch sees a mark that is a user's name",
    )


def touched(service: Running) -> list[str]:
    """Return what reached a file, SQL or the network; then let the watch show that it is awake."""
    at_start = f"WATCHED open ('/nowhere/{MARK}'"
    found = [line for line in service.output("one").splitlines() if line.startswith("WATCHED")]
    reached = [line for line in found if not line.startswith(at_start)]
    token = requests.post(f"{service.urls['one']}/sessions", json={"subject": MARK}, timeout=5).json()["access_token"]
    done = requests.post(
        f"{service.urls['one']}/sessions/end-all", headers={"Authorization": f"Bearer {token}"}, timeout=5
    )
    assert done.status_code == 200, done.text
    lines = service.output("one").splitlines()
    assert any(line.startswith("WATCHED sql") for line in lines), "the watch sleeps"
    assert any(line.startswith("WATCHED open") for line in lines), "the watch sleeps"
    return reached
