"""The shop behind the gateway answers as the shop in one process does; what is down costs its own part and no more."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.acceptance.edge import edge
from tests.acceptance.running import (
    STORE,
    Running,
    copy_workspace,
    environment,
    prepare,
    public_answer,
    running,
    start,
    until,
    wait_ready,
)

pytestmark = [pytest.mark.serving, pytest.mark.timeout(240)]

MODULES = ["auth", "users", "catalog", "cart", "orders", "payments", "notifications", "web"]
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
JSON = {"Accept": "application/json"}
XML = {"Accept": "application/xml"}
DEADLINE_S = 2
GRACE_S = 1
APART = {
    "DECANT_TOPOLOGY": "services",
    "DECANT_TRUSTED_PROXIES": "127.0.0.1",
    "DECANT_CALLS_DEADLINE_S": str(DEADLINE_S),
}
OVER_HTTP = {"DECANT_ENV": "staging", "DECANT_CALLS_MODE": "direct"}


@dataclass(frozen=True)
class Shops:
    """The same shop twice, on the same databases.

    Attributes:
        workspace: Where both are.
        monolith: The address of the one process.
        public: The address of the gateway.
        services: The processes behind it.
        gateway: Its own process.
    """

    workspace: Path
    monolith: str
    public: str
    services: Running
    gateway: Running

    @contextmanager
    def stopped(self, service: str) -> Iterator[None]:
        """Stop the processes of a service without ending them."""
        group = os.getpgid(self.services.processes[service].pid)
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    @contextmanager
    def killed(self, service: str) -> Iterator[None]:
        """Kill a service, and start it again."""
        process = self.services.processes[service]
        os.killpg(os.getpgid(process.pid), signal.SIGKILL)
        process.wait(10)
        url = self.services.urls[service]
        until(lambda: not listens(url), 10, lambda: f"somebody still listens on {url}")  # its workers die after it
        try:
            yield
        finally:
            told = {f"{name.upper()}_SERVICE_URL": url for name, url in self.services.urls.items()}
            bind = self.services.urls[service].removeprefix("http://")
            self.services.processes[service] = start(
                self.workspace,
                ["serve", service, "--bind", bind],
                environment(self.services.home, {**told, **OVER_HTTP, **APART}),
                self.services.home / f"{service}.log",
            )
            wait_ready(self.services, service, self.services.urls[service])


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shops]:
    workspace = copy_workspace(STORE, tmp_path_factory.mktemp("edge") / "store", "monolith")
    prepare(workspace)
    with ExitStack() as stack:
        one = stack.enter_context(running(workspace, ["store"], topology="monolith", env=OVER_HTTP))
        apart = stack.enter_context(running(workspace, MODULES, topology="services", env={**OVER_HTTP, **APART}))
        gateway = stack.enter_context(
            edge(workspace, apart.urls, arguments=["--topology", "services"], env={**OVER_HTTP, **APART})
        )
        yield Shops(workspace, one.urls["store"], gateway.urls["gateway"], apart, gateway)


def listens(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def ask(url: str, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> requests.Response:
    named = {"X-Request-ID": "the-same", **(headers or {})}  # pages of errors show it
    return requests.request(method, url + path, headers=named, allow_redirects=False, timeout=20, **more)


def seen(url: str, response: requests.Response) -> dict[str, Any]:
    if not response.content:  # to HEAD; what would be in it is compared with GET
        response.headers["Content-Type"] = response.headers.get("Content-Type", "").replace("problem+json", "problem")
    answer = public_answer(response, {url: "http://shop", url.removeprefix("http://"): "shop"})
    answer["body"] = re.sub(r"<trace_id>\w+</trace_id>", "", answer["body"])
    answer["body"] = re.sub(r'(name="csrf_token" value=")[^"]+', r"\1…", answer["body"])
    return answer


def both(shops: Shops, method: str, path: str, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return tuple(seen(url, ask(url, method, path, **more)) for url in (shops.monolith, shops.public))  # type: ignore[return-value]


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return where two answers part, in a line."""
    if (one["status"], one["headers"]) != (other["status"], other["headers"]):
        return f"{one['status']} {one['headers']} | {other['status']} {other['headers']}"
    pairs = zip(one["body"], other["body"], strict=False)
    at = next((place for place, (this, that) in enumerate(pairs) if this != that), 0)
    return f"…{one['body'][at - 30 : at + 60]!r} | {other['body'][at - 30 : at + 60]!r}"


PAGES = ["/", "/?q=lamp", "/products/p1", "/products/nothing", "/cart", "/sign-in", "/sign-up", "/orders", "/checkout",
         "/profile", "/admin", "/mailbox", "/orders/1/events"]  # fmt: skip
API = ["/api/products", "/api/products?limit=2", "/api/products?limit=x", "/api/products/p1", "/api/products/nothing",
       "/api/categories", "/api/cart", "/api/orders/x", "/api/auth/me", "/users/profile", "/.well-known/jwks.json"]  # fmt: skip
LOST = ["/nothing", "/api/nothing", "/api", "/products", "/products/", "/-", "/-/products", "/products/p1/", "/static/none.css",
        "/docs/assets/none.css", "/docs/", "/health/", "/%C3%BC", "/a%20b"]  # fmt: skip
OWN = ["/openapi.json", "/docs", "/docs?q=cart", "/docs/assets/docs.css", "/docs/assets/docs.js", "/health"]
EVERY = [*PAGES, *API, *LOST, *OWN]


@pytest.mark.parametrize("accept", [BROWSER, JSON, XML, {"Accept": "*/*"}], ids=["browser", "json", "xml", "any"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "PATCH"])
def test_every_address_answers_alike(shops: Shops, method: str, accept: Mapping[str, str]) -> None:
    answers = {path: both(shops, method, path, headers=accept) for path in EVERY}
    assert not [f"{path}: {differences(*two)}" for path, two in answers.items() if two[0] != two[1]]


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("POST", "/api/auth/signup", {"data": "{", "headers": {"Content-Type": "application/json"}}),
        ("POST", "/api/auth/signup", {"json": {"email": 1, "more": 2}}),
        ("POST", "/auth/login", {"json": {"email": "nobody@example.org", "password": "wrong horse battery"}}),
        ("POST", "/auth/validate", {"headers": {"Authorization": "Bearer nonsense"}}),
        ("POST", "/auth/register", {"json": {}}),
        ("PUT", "/api/cart/items/p1", {"json": {"qty": 0}}),
        ("POST", "/api/checkout", {}),
        ("POST", "/sign-in", {"data": {"email": "x"}, "headers": BROWSER}),
        ("GET", "/openapi.json", {"headers": {"If-None-Match": "*"}}),
        ("GET", "/docs/assets/docs.css", {"headers": {"If-None-Match": "*"}}),
    ],
)
def test_requests_that_fail_do_so_alike(shops: Shops, method: str, path: str, more: Mapping[str, Any]) -> None:
    one, other = both(shops, method, path, **more)
    assert one == other


def test_files_are_alike(shops: Shops) -> None:
    page = ask(shops.monolith, "GET", "/", headers=BROWSER).text
    files = set(re.findall(r'(?:href|src)="(/static[^"]+)"', page))
    assert files
    for path in files:
        one, other = both(shops, "GET", path)
        assert one == other
        assert one["status"] == 200


def test_the_document_is_the_same_to_the_byte(shops: Shops) -> None:
    one, other = (ask(url, "GET", "/openapi.json") for url in (shops.monolith, shops.public))
    assert one.content == other.content
    assert one.headers["ETag"] == other.headers["ETag"]
    again = ask(shops.public, "GET", "/openapi.json", headers={"If-None-Match": one.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_health_has_a_key_for_each_module(shops: Shops) -> None:
    answer = ask(shops.public, "GET", "/health")
    assert answer.status_code == 200
    assert answer.json() == {"gateway": "healthy", "services": dict.fromkeys(MODULES, True)}


def test_the_gateway_says_that_it_lives_is_ready_and_what_it_measured(shops: Shops) -> None:
    assert ask(shops.public, "GET", "/health/live").json() == {"status": "alive"}
    assert ask(shops.public, "GET", "/health/ready").json() == {"status": "ready", "checks": {}}
    assert "http_server_request_duration_seconds" in ask(shops.public, "GET", "/metrics").text


def test_what_is_for_services_is_not_there(shops: Shops) -> None:
    for path in ("/reservations", "/-/reservations", "/products/p1/stock", "/auth/accounts"):
        answer = ask(shops.public, "POST", path, json={}, headers={"Decant-Edge": "200", "Decant-Service-Token": "x"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def timed(work: Callable[[], requests.Response]) -> tuple[requests.Response, float]:
    began = time.monotonic()
    return work(), time.monotonic() - began


def test_a_service_that_is_down_is_a_503_at_once_and_the_rest_goes_on(shops: Shops) -> None:
    with shops.killed("catalog"):
        for _ in range(3):
            answer, took_s = timed(lambda: ask(shops.public, "GET", "/api/products"))
            assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
            assert took_s < 1
            assert "Traceback" not in answer.text
        assert ask(shops.public, "GET", "/api/cart").status_code == 401
        health, took_s = timed(lambda: ask(shops.public, "GET", "/health"))
        until(
            lambda: ask(shops.public, "GET", "/health").json()["services"]["catalog"] is False, 5, lambda: health.text
        )
        assert health.status_code == 200
        assert took_s < 1.5
    until(lambda: ask(shops.public, "GET", "/api/products").status_code == 200, 15, lambda: "it did not come back")
    until(lambda: ask(shops.public, "GET", "/health").json()["services"]["catalog"], 5, lambda: "not well again")


def test_a_service_that_hangs_is_a_504_in_bounded_time(shops: Shops) -> None:
    with shops.stopped("catalog"):
        answer, took_s = timed(lambda: ask(shops.public, "GET", "/api/products"))
        assert (answer.status_code, answer.headers["Content-Type"]) == (504, "application/problem+json")
        assert took_s < DEADLINE_S + GRACE_S + 2
        health, took_s = timed(lambda: ask(shops.public, "GET", "/health"))
        assert took_s < 1.5
        assert health.json()["services"] | {"catalog": False} == health.json()["services"] | {"catalog": False}
        until(lambda: not ask(shops.public, "GET", "/health").json()["services"]["catalog"], 5, lambda: "still well")
        assert ask(shops.public, "GET", "/api/cart").status_code == 401
    until(lambda: ask(shops.public, "GET", "/api/products").status_code == 200, 15, lambda: "it did not come back")


class From(HTTPAdapter):
    """Sends from one of this machine's own addresses."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        super().init_poolmanager(*arguments, source_address=(self.address, 0), **more)


def sign_in_from(url: str, address: str, email: str, **headers: str) -> requests.Response:
    with requests.Session() as session:
        session.mount("http://", From(address))
        body = {"email": email, "password": "wrong horse battery"}
        return session.post(f"{url}/auth/login", json=body, headers=headers, timeout=20)


def test_services_know_the_client_behind_the_gateway_and_believe_nobody_else(shops: Shops) -> None:
    said = {"X-Forwarded-For": "198.51.100.7", "Forwarded": "for=198.51.100.7"}
    sign_in_from(shops.public, "127.0.0.21", "first@example.org", **said)
    sign_in_from(shops.services.urls["auth"], "127.0.0.22", "second@example.org", **said)
    log = until(
        lambda: "127.0.0.22" in (text := shops.services.output("auth")) and text,
        10,
        lambda: shops.services.output("auth"),
    )
    assert "127.0.0.21" in log
    assert "127.0.0.22" in log
    assert "198.51.100.7" not in log


@pytest.mark.slow
def test_the_limit_of_failed_sign_ins_counts_real_clients(shops: Shops) -> None:
    answers = [
        sign_in_from(shops.public, "127.0.0.31", f"guess{number}@example.org").status_code for number in range(102)
    ]
    assert answers[:100] == [401] * 100
    assert answers[101] == 429
    assert sign_in_from(shops.public, "127.0.0.32", "guess@example.org").status_code == 401


def test_the_manifest_of_a_file_gives_the_same_routes(shops: Shops, tmp_path: Path) -> None:
    file = tmp_path / "routes.json"
    done = start(
        shops.workspace, ["routes", "--manifest", str(file)], environment(shops.services.home, {}), tmp_path / "log"
    )
    assert done.wait(60) == 0, (tmp_path / "log").read_text()
    arguments = ["--topology", "services", "--manifest", str(file)]
    with edge(
        shops.workspace, shops.services.urls, arguments=arguments, env={"DECANT_ENV": "production"}, name="imaged"
    ) as imaged:
        url = imaged.urls["imaged"]
        for path in ("/", "/api/products/p1", "/nothing", "/openapi.json"):
            one, other = ask(shops.public, "GET", path, headers=JSON), ask(url, "GET", path, headers=JSON)
            assert seen(shops.public, one) == seen(url, other)
    assert imaged.processes["imaged"].returncode == 0
