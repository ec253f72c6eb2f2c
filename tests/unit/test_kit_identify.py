"""The kit asks once per request who sends it; what it is told is the call's caller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from decant.auth import Identity
from decant.context import NOBODY, Caller, current
from decant.errors import Unavailable
from decant.kit import Kit, identify_callers

ADA = {"Authorization": "Bearer ada"}


class Asked:
    """Takes every bearer token for its user's name, and notes what it was asked."""

    def __init__(self) -> None:
        self.questions: list[tuple[str | None, bool]] = []

    def __call__(self, authorization: str | None, reading: bool) -> Caller:
        self.questions.append((authorization, reading))
        if not reading and authorization == "Bearer down":
            raise Unavailable("The store of revoked tokens cannot be asked.", retry_after_s=1)
        return Caller((authorization or "").removeprefix("Bearer "), scopes=frozenset({"read"}))


def shop(identify: Any = None) -> tuple[Flask, list[Caller]]:
    app, seen = Flask("shop"), []

    @app.route("/", methods=["GET", "POST", "DELETE"])
    def who() -> str:
        seen.append(current.get().caller)
        return "ok"

    Kit(app, identify=identify, environ={})
    return app, seen


def test_without_anybody_to_ask_nobody_is_known() -> None:
    app, seen = shop()
    app.test_client().get("/", headers=ADA)
    assert seen == [NOBODY]


def test_who_asks_is_the_caller() -> None:
    app, seen = shop(Asked())
    app.test_client().get("/", headers=ADA)
    assert seen == [Caller("ada", scopes=frozenset({"read"}))]
    assert current.get().caller is NOBODY, "and nobody's afterwards"


def test_without_the_header_nothing_is_asked() -> None:
    asked = Asked()
    app, seen = shop(asked)
    app.test_client().get("/")
    assert (asked.questions, seen) == ([], [NOBODY])


@pytest.mark.parametrize(
    ("method", "reading"), [("GET", True), ("HEAD", True), ("OPTIONS", True), ("POST", False), ("DELETE", False)]
)
def test_what_changes_nothing_is_told_from_what_may(method: str, reading: bool) -> None:
    asked = Asked()
    shop(asked)[0].test_client().open("/", method=method, headers=ADA)
    assert asked.questions == [("Bearer ada", reading)]


def test_the_calling_service_stays_known() -> None:
    app, seen = shop(Asked())
    app.test_client().get("/", headers=ADA, environ_overrides={"decant.internal": Caller(service="orders")})
    assert (seen[0].service, seen[0].subject, seen[0].scopes) == ("orders", "ada", frozenset({"read"}))


def test_when_nobody_can_tell_the_request_is_answered_with_503() -> None:
    app, seen = shop(Asked())
    down = {"Authorization": "Bearer down", "X-Request-ID": "r-1"}
    answer = app.test_client().post("/", headers=down)
    assert (answer.status_code, answer.headers["Retry-After"], answer.json["request_id"]) == (503, "1", "r-1")
    assert seen == []
    assert app.test_client().get("/", headers=down).status_code == 200


def test_an_application_that_has_a_kit_can_be_told_later_and_keeps_its_own_way() -> None:
    app, seen = shop()
    identify_callers(app, Asked())
    app.test_client().get("/", headers=ADA)
    assert seen[0].subject == "ada"
    own, _ = shop(lambda authorization, reading: Caller("own"))
    other = Asked()
    identify_callers(own, other)
    own.test_client().get("/", headers=ADA)
    assert other.questions == []


def test_the_identity_of_the_library_serves_any_application(tmp_path: Path) -> None:
    identity = Identity(workspace="shop", home=tmp_path)
    app, seen = shop(identity.identify)
    for authorization in (f"Bearer {identity.tokens.issue('ada')}", "Bearer x", "Basic YTpi"):
        assert app.test_client().get("/", headers={"Authorization": authorization}).status_code == 200
    assert seen == [Caller("ada"), Caller(refused="The access token is malformed."), NOBODY]
    identity.close()
