"""Secrets that are sent to the shop or configured in it show up nowhere: not in logs, answers or traces (R35)."""

from __future__ import annotations

import base64
import gzip
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.acceptance.running import STORE, Running, copy_workspace, prepare, running
from tests.support.forwarder import Forwarder
from tests.support.trials import dice, full, record, trials
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.trials, pytest.mark.serving, pytest.mark.postgres]
PASSWORD, TOKEN, CARD = "canary-pa55word-Qx7", "canary.t0ken.Zk93hfWq81", "4111111111111111"
COOKIE, SERVICE, DATABASE, KEY = (
    "canary-c00kie-81hf",
    "canary-s3rvice-77ab",
    "canary-db-p4ss-55cd",
    "canary-k3y-" + "9f8e7d6c5b4a" * 4,
)
JWT = "canary-jwt-s3cret-" + "0a1b2c3d" * 4
NEVER = (PASSWORD, TOKEN, COOKIE, SERVICE, DATABASE, KEY, JWT)
CONFIGURED = (SERVICE, DATABASE, KEY, JWT)
LOGGED_NEVER = (*NEVER, CARD)
PAGES = [("GET", "/"), ("GET", "/sign-up"), ("POST", "/sign-up"), ("GET", "/sign-in"), ("POST", "/sign-in"), ("POST", "/sign-out"), ("GET", "/profile"), ("POST", "/profile"), ("GET", "/nowhere"), ("PATCH", "/auth/login")]  # fmt: skip


class Collector:
    """Takes spans by OTLP/HTTP and keeps what was sent, as text."""

    def __init__(self) -> None:
        kept: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.kept = kept
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def text(self) -> str:
        return b"\n".join(self.kept).decode()


@dataclass
class Case:
    """One request.

    Attributes:
        told: Whether its sender is told again where the canary stood: in a field's name, or in the address.
    """

    name: str
    headers: dict[str, str] = field(default_factory=dict)
    data: bytes | None = None
    query: str = ""
    told: bool = False


def cases(fields: frozenset[str]) -> Iterator[Case]:
    """Yield requests that hold every canary, in good form and in none.

    Args:
        fields: What the operation takes; more is sent where that is what is wrong.
    """
    kind = {"Content-Type": "application/json"}
    person: dict[str, Any] = {
        name: value
        for name, value in {
            "username": "ada", "email": "ada@example.org", "name": "Ada", "password": PASSWORD, "refresh_token": TOKEN, "bio": "x", "preferences": {},
        }.items()
        if name in fields
    }  # fmt: skip
    yield Case("good", kind, json.dumps(person).encode())
    for name, password in {
        "good": PASSWORD, "a list": [PASSWORD], "an object": {PASSWORD: PASSWORD}, "too long": PASSWORD * 200, "with a NUL": PASSWORD + "\0", "half a surrogate pair": PASSWORD + "\ud800", "with control characters": PASSWORD + "\x1b[31m\r\n",
        "with a format": PASSWORD + "%s{0}", "deep": [[[[[[PASSWORD]]]]]], "huge": PASSWORD * 60_000,
    }.items():  # fmt: skip
        yield Case(
            f"password {name}",
            kind,
            json.dumps(
                person | {field: password for field in ("password", "refresh_token") if field in fields or not fields}
            ).encode(),
        )
    yield Case(
        "a card number",
        kind,
        json.dumps(person | {"card_number": CARD, "preferences": {"card": CARD}, "name": [CARD]}).encode(),
    )
    yield Case(
        "everything in the wrong place",
        kind,
        json.dumps({PASSWORD: TOKEN, TOKEN: PASSWORD, "email": {"card": CARD}}).encode(),
        told=True,
    )
    for name, data in {
        "broken": f'{{"password": "{PASSWORD}", "refresh_token": "{TOKEN}"'.encode(), "a text": json.dumps(PASSWORD).encode(), "a list": json.dumps([PASSWORD, TOKEN]).encode(), "Latin-1": f'{{"password": "{PASSWORD}é"}}'.encode("latin-1"),
        "UTF-16": json.dumps(person).encode("utf-16"), "NaN": f'{{"password": NaN, "email": "{PASSWORD}"}}'.encode(), "twice": f'{{"password": "{PASSWORD}", "password": "{TOKEN}"}}'.encode(),
        "a depth of 5000": f'{{"password": "{PASSWORD}", "x": '.encode() + b"[" * 5000, "bytes": PASSWORD.encode() + bytes(range(256)),
    }.items():  # fmt: skip
        yield Case(f"a body that is {name}", kind, data)
    form = f"email=ada%40example.org&username=ada&name=Ada&password={PASSWORD}&card={CARD}".encode()
    for content_type in (
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        PASSWORD,
    ):
        yield Case(f"a form as {content_type[:30]}", {"Content-Type": content_type}, form)
    for name, headers in {
        "Bearer": {"Authorization": f"Bearer {TOKEN}"}, "no scheme": {"Authorization": TOKEN}, "Basic": {"Authorization": "Basic " + base64.b64encode(f"ada:{PASSWORD}".encode()).decode()}, "two tokens": {"Authorization": f"Bearer {TOKEN}, Bearer {TOKEN}"},
        "a cookie": {"Cookie": f"session={COOKIE}; {COOKIE}={COOKIE}"}, "a service token": {"Decant-Service-Token": SERVICE}, "an API key": {"X-Api-Key": SERVICE}, "an idempotency key": {"Idempotency-Key": f'"{PASSWORD}" {TOKEN}'},
        "a caller": {"X-User": TOKEN, "X-Forwarded-Authorization": TOKEN, "Proxy-Authorization": f"Basic {TOKEN}"}, "baggage": {"baggage": f"token={TOKEN}"},
    }.items():  # fmt: skip
        yield Case(f"header {name}", {**kind, **headers}, json.dumps(person).encode())
        yield Case(f"header {name}, no body", headers)
    yield Case("query", {}, None, f"?password={PASSWORD}&access_token={TOKEN}&card={CARD}", told=True)
    yield Case("query and a bad type", kind, b"1", f"?limit={PASSWORD}&cursor={TOKEN}", told=True)


def shown(text: str, canaries: tuple[str, ...]) -> list[str]:
    """Return the canaries in a text: as they are, and as base64."""
    return [canary for canary in canaries if canary in text or base64.b64encode(canary.encode()).decode()[:-4] in text]


def fault_of(answer: requests.Response, case: Case) -> str:
    canaries = CONFIGURED if case.told else NEVER if answer.ok else LOGGED_NEVER
    text = "".join(f"{name}: {value}\n" for name, value in answer.headers.items()) + answer.text
    if found := shown(text, canaries):
        return f"shows {found}"
    return "a stack trace" if "Traceback" in text or 'File "' in text or ".py" in text else ""


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def database(postgres_url: str) -> Iterator[tuple[Forwarder, str]]:
    """Put a forwarder before the database, and a canary into its URL."""
    scheme, _, rest = postgres_url.partition("://")
    user, _, where = rest.partition("@")
    address, _, name = where.partition("/")
    with Forwarder(address) as forwarder:
        forwarder.restore()
        yield forwarder, f"{scheme}://{user}:{DATABASE}@127.0.0.1:{forwarder.port}/{name}"


@pytest.fixture
def shop(database: tuple[Forwarder, str], collector: Collector, tmp_path: Path) -> Iterator[Running]:
    env = {
        "JWT_SECRET_KEY": JWT, "DECANT_AUTH_COOKIE_KEY": KEY, "DATABASE_URL": database[1], "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={SERVICE}", "DECANT_LOG_FORMAT": "json", "DECANT_LOG_LEVEL": "DEBUG",
    }  # fmt: skip
    workspace = copy_workspace(STORE, tmp_path / "store", "monolith")
    prepare(workspace, env)
    with running(workspace, ["store"], topology="monolith", env=env) as made:
        yield made


def test_no_secret_shows_in_logs_answers_or_traces(
    shop: Running, collector: Collector, database: tuple[Forwarder, str]
) -> None:
    url, forwarder = shop.urls["store"], database[0]
    document = requests.get(f"{url}/openapi.json", timeout=5).json()
    routes = [
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if method in {"get", "post", "put", "delete", "patch"}
    ]
    every = [
        (method, path, case) for method, path in routes + PAGES for case in cases(fields_of(document, method, path))
    ]
    chosen = every if full() else dice("leaks").sample(every, trials(len(every)))
    failures = [*ask_all(url, chosen, "")]
    forwarder.cut()
    down = dice("leaks, down").sample(chosen, len(chosen) // 3 + 1)
    down += [
        one
        for one in every
        if one[1] in {"/auth/login", "/auth/register", "/api/auth/signup"} and one[2].name == "good"
    ]
    failures += ask_all(url, down, "the database is down, ")
    forwarder.restore()
    wait_until(lambda: "/auth/login" in collector.text, within_s=30, what="the spans of the last requests")
    log = shop.output("store")
    assert '"status":503' in log or '"status":500' in log, "the database was never missed"
    assert "/auth/login" in log
    failures += [f"the log shows {found}" for found in shown(log, LOGGED_NEVER)]
    failures += [f"the traces show {found}" for found in shown(collector.text, LOGGED_NEVER)]
    record(
        "R35",
        promised="No password, token, card number, cookie, key or database password shows in a log, an answer or a trace, and no answer has a stack trace",
        tried=f"the shop in production, all its {len(routes)} operations and its pages, canaries in {len(list(cases(frozenset())))} kinds of good and broken requests, a third again with its database cut off; log level DEBUG; a field's name and the address itself may be told to who sent them",
        count=len(chosen) + len(down),
        failures=failures,
        control="what is no secret is found in the log and in the traces",
    )


def fields_of(document: dict[str, Any], method: str, path: str) -> frozenset[str]:
    """Return the names that an operation's body has."""
    body = document["paths"].get(path, {}).get(method.lower(), {}).get("requestBody", {})
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return frozenset(schema.get("properties", {}))


def ask_all(url: str, chosen: list[tuple[str, str, Case]], when: str) -> Iterator[str]:
    """Send requests, and yield what their answers show that they must not."""
    http = requests.Session()
    person = {"email": f"{secrets.token_hex(8)}@example.org", "password": PASSWORD, "name": "Ada"}
    known = http.post(f"{url}/api/auth/signup", json=person, timeout=15).json().get("access_token", "")
    for method, path, case in chosen:
        answer = http.request(
            method,
            f"{url}{path}{case.query}",
            headers={"Origin": url, "Authorization": f"Bearer {known}", **case.headers},
            data=case.data,
            timeout=15,
            allow_redirects=False,
        )
        http.cookies.clear()
        if fault := fault_of(answer, case):
            yield f"{when}{method} {path}, {case.name}: {answer.status_code} {fault}"
