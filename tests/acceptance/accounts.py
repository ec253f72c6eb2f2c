"""Accounts of the shop as its clients see them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import requests

from decant.auth import generate_key
from decant.clock import SystemClock
from tests.acceptance.running import named
from tests.acceptance.store import Store, patiently
from tests.support.clocks import HandClock

PASSWORD = "correct horse battery"
DAY_S = 24 * 3600


@dataclass(frozen=True)
class User:
    """Somebody with an account, signed in."""

    email: str
    user_id: str
    token: str
    refresh_token: str


class Shop:
    """The shop's public address, for people with accounts."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.running = store.running
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
        answer = patiently(
            lambda: requests.request(
                method, self.running.edge + path, headers=sent, data=data, timeout=10, allow_redirects=False, **kwargs
            )
        )
        if self.kept is not None:
            self.kept.append((f"{method} {path}", answer))
        return answer

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

    def compare(self, visit: Callable[[Any], None], same_everywhere: Callable[..., None]) -> set[int]:
        """Write every answer of a visit down, to be the same in every topology; return their statuses."""
        self.kept = kept = []
        visit(self)
        self.kept = None
        for number, (asked, answer) in enumerate(kept):
            same_everywhere(f"{number} {named(asked, self.known)}", answer, known=self.known)
        return {answer.status_code for _, answer in kept}


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
    return shop.store.tokens(clock=clock).issue(shop.ada.user_id)


def issued_elsewhere(shop: Shop) -> str:
    """Return a token that is right but for its key."""
    return shop.store.tokens(generate_key().decode()).issue(shop.ada.user_id)
