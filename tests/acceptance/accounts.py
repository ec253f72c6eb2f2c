"""The shop as its clients see it, deployed in several ways."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests

from decant.auth import AccessTokens, Keyring, MemoryRevocations, Revocations, generate_key, key_from_pem
from decant.clock import Clock, SystemClock
from tests.acceptance.running import (
    STORE,
    Running,
    copy_workspace,
    environment,
    named,
    prepare,
    public_answer,
    running,
    start,
)
from tests.support.clocks import HandClock
from tests.support.servers import WHERE, mariadb_database, postgres_database

PASSWORD = "correct horse battery"
DAY_S = 24 * 3600
SERVICES = {"monolith": ["store"], "services": ["auth", "users"]}
DEPLOYMENTS = [
    "monolith-sqlite",
    "services-sqlite",
    pytest.param("monolith-postgres", marks=pytest.mark.postgres),
    pytest.param("services-postgres", marks=(pytest.mark.postgres, pytest.mark.slow)),
    pytest.param("monolith-mariadb", marks=(pytest.mark.mariadb, pytest.mark.slow)),
    pytest.param("services-mariadb", marks=(pytest.mark.mariadb, pytest.mark.slow)),
    pytest.param("services-redis", marks=(pytest.mark.redis, pytest.mark.slow)),
]


@dataclass(frozen=True)
class User:
    """Somebody with an account, signed in."""

    email: str
    user_id: str
    token: str
    refresh_token: str


class Shop:
    """The public address: each path is asked of the service that owns it."""

    def __init__(self, deployment: str, made: Running, name: str, env: dict[str, str]) -> None:
        self.deployment = deployment
        self.running = made
        self.name = name
        self.env = env
        self.known: dict[str, str] = {}
        self.kept: list[tuple[str, requests.Response]] | None = None

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
        **kwargs: Any,
    ) -> requests.Response:
        """Send a request; raw data is said to be JSON, unless a header says otherwise."""
        sent = {"Content-Type": "application/json"} if data is not None else {}
        sent |= {"Authorization": f"Bearer {token}"} if token is not None else {}
        sent |= headers or {}
        answer = requests.request(
            method, self.url(path) + path, headers=sent, data=data, timeout=10, allow_redirects=False, **kwargs
        )
        if self.kept is not None:
            self.kept.append((f"{method} {path}", answer))
        return answer

    def url(self, path: str) -> str:
        if self.running.topology == "monolith":
            return self.running.urls["store"]
        return self.running.urls["users" if "users" in path.split("/")[:3] else "auth"]

    def email(self) -> str:
        """Return an address that has no account."""
        return f"{secrets.token_hex(6)}@example.org"

    def registration(self) -> dict[str, str]:
        """Return what registers somebody new."""
        return {"username": f"user {secrets.token_hex(6)}", "email": self.email(), "password": PASSWORD}

    def user(self) -> User:
        """Sign somebody new up."""
        person = {"email": self.email(), "password": PASSWORD, "name": "Somebody"}
        answer = self.ask("POST", "/api/auth/signup", json=person)
        assert answer.status_code == 201, answer.text
        body = answer.json()
        return User(person["email"], body["user_id"], body["access_token"], body["refresh_token"])

    @cached_property
    def ada(self) -> User:
        """Somebody who stays signed in."""
        return self.user()

    @cached_property
    def signed_out(self) -> User:
        """Somebody who has signed out, in every service."""
        user = self.user()
        assert self.ask("POST", "/auth/logout", token=user.token).status_code == 200
        return user

    def know(self, user: User) -> None:
        """Give names to what differs from run to run."""
        self.known |= {user.user_id: "USER", user.token: "TOKEN"}

    def command(self, *arguments: str) -> tuple[int, str]:
        """Run a ``decant`` command in the workspace; return its exit status and what it printed."""
        log = self.running.home / "command.log"
        process = start(self.running.home.parent, [*arguments], environment(self.running.home, self.env), log)
        return process.wait(60), log.read_text()

    def recorded(self, visit: Callable[[Shop], None]) -> list[tuple[str, dict[str, Any]]]:
        """Return every answer of a visit, with names in place of what differs from run to run."""
        self.kept = []
        visit(self)
        kept, self.kept = self.kept, None
        return [(named(asked, self.known), public_answer(answer, self.known)) for asked, answer in kept]


S = TypeVar("S", bound=Shop)


@contextmanager
def deployed(
    deployment: str, folder: Path, services: Mapping[str, list[str]] = SERVICES, kind: type[S] = Shop
) -> Iterator[S]:
    """Deploy the shop: a topology, and where it keeps its data.

    Args:
        deployment: Both, for instance ``services-postgres``.
        folder: Where the workspace is copied to.
        services: The services to start, by topology.
        kind: The class that asks them.
    """
    topology, _, server = deployment.partition("-")
    name = f"store-{secrets.token_hex(4)}"  # so that nothing in a shared Redis is another run's
    with ExitStack() as stack:
        env = {
            "DECANT_AUTH_SIGNING_KEY": generate_key().decode(),
            "DECANT_AUTH_COOKIE_KEY": secrets.token_hex(32),
        }
        if server == "postgres":
            env["DATABASE_URL"] = stack.enter_context(postgres_database())
        elif server == "mariadb":
            env["DATABASE_URL"] = stack.enter_context(mariadb_database())
        elif server == "redis":
            env["REDIS_URL"] = env["CART_REDIS_URL"] = f"redis://{WHERE['redis']()}/15"
            env["CART_REDIS_PREFIX"] = f"{name}:cart:"
        workspace = copy_workspace(STORE, folder / topology, topology)
        config = workspace / "decant.toml"
        config.write_text(config.read_text().replace('name = "store"', f'name = "{name}"', 1))
        prepare(workspace, env)
        made = stack.enter_context(running(workspace, services[topology], topology=topology, env=env))
        yield kind(deployment, made, name, env)


def problem(answer: requests.Response, status: int) -> dict[str, Any]:
    """Return a problem document, once it is a whole one: for A.2's paths with a ``message``."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["title"]
    assert document["code"]
    if "/api/" not in answer.url:
        assert document["message"] == document["detail"]
    return document


def issued_yesterday(shop: Shop) -> str:
    """Return a token that has expired, signed with the shop's own key."""
    clock = HandClock()
    clock.time = SystemClock().now() - timedelta(seconds=DAY_S + 60)
    return _tokens(shop, shop.env["DECANT_AUTH_SIGNING_KEY"], clock).issue(shop.ada.user_id)


def issued_elsewhere(shop: Shop) -> str:
    """Return a token that is right but for its key."""
    return _tokens(shop, generate_key().decode(), SystemClock()).issue(shop.ada.user_id)


def _tokens(shop: Shop, signing_key: str, clock: Clock) -> AccessTokens:
    keys = Keyring(key_from_pem(signing_key, "a key"))
    return AccessTokens(keys, Revocations(MemoryRevocations()), issuer=shop.name, audience=shop.name, clock=clock)
