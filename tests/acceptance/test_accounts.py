"""Accounts over real HTTP, each status, message and header: in one process and in several, on every database."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import pytest
import requests

from decant.testing import Variant
from tests.acceptance.accounts import (
    PASSWORD,
    Shop,
    User,
    issued_elsewhere,
    issued_yesterday,
    problem,
)
from tests.acceptance.running import public_answer, until
from tests.acceptance.store import EVERY_DATABASE, STARTS_S, Store, open_store

pytestmark = [pytest.mark.serving, pytest.mark.timeout(STARTS_S), pytest.mark.topologies(*EVERY_DATABASE)]

REGISTER, LOGIN, VALIDATE, LOGOUT = "/auth/register", "/auth/login", "/auth/validate", "/auth/logout"
SIGN_UP, PROFILE = "/api/auth/signup", "/users/profile"
MISSING = "The access token is missing."
MALFORMED = "The access token is malformed."
EXPIRED = "The access token has expired."
REVOKED = "The access token was revoked."
WRONG = "The e-mail address or the password is wrong."


@pytest.fixture(scope="session")
def shop(store: Store) -> Shop:
    return Shop(store)


# --- signing up -------------------------------------------------------------------------------------------------------


def test_registering_answers_with_a_message_and_the_public_id(shop: Shop) -> None:
    answer = shop.ask("POST", REGISTER, json=shop.registration())
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"message", "user_id"}
    assert body["message"] == "User registered successfully"
    assert len(body["user_id"]) == 36


def test_signing_up_answers_with_an_access_token_that_is_good_everywhere(shop: Shop) -> None:
    email = shop.email()
    answer = shop.ask("POST", SIGN_UP, json={"email": email, "password": PASSWORD, "name": "Ada"})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 24 * 3600)
    assert answer.headers["Cache-Control"] == "no-store"
    token = body["access_token"]
    validated = shop.ask("POST", VALIDATE, token=token)
    assert validated.json() == {"valid": True, "user_id": body["user_id"]}
    assert shop.ask("PUT", PROFILE, token=token, json={}).status_code == 200
    me = shop.ask("GET", "/api/auth/me", token=token).json()
    assert (me["username"], me["email"], me["name"]) == (email, email, "Ada")
    assert shop.ask("POST", LOGIN, json={"email": email, "password": PASSWORD}).json()["user_id"] == body["user_id"]


@pytest.mark.parametrize("change", [str.lower, str.upper])
def test_a_taken_address_is_a_conflict_whoever_asks_and_however_it_is_written(shop: Shop, change: Any) -> None:
    taken = shop.user()
    email = change(taken.email)
    one = shop.ask("POST", REGISTER, json=shop.registration() | {"email": email})
    assert problem(one, 409)["code"] == "auth.email-taken"
    two = shop.ask("POST", SIGN_UP, json={"email": email, "password": PASSWORD, "name": "Ada"})
    assert problem(two, 409)["code"] == "auth.email-taken"


def test_a_taken_username_is_a_conflict(shop: Shop) -> None:
    first = shop.registration()
    assert shop.ask("POST", REGISTER, json=first).status_code == 201
    for username in (first["username"], first["username"].upper()):
        answer = shop.ask("POST", REGISTER, json=shop.registration() | {"username": username})
        assert problem(answer, 409)["message"] == "There is an account with this username already."


def test_names_are_told_apart_alike_on_every_database(shop: Shop) -> None:
    plain = shop.registration()
    accented = shop.registration() | {"username": plain["username"] + "é"}
    assert shop.ask("POST", REGISTER, json=plain | {"username": plain["username"] + "e"}).status_code == 201
    assert shop.ask("POST", REGISTER, json=accented).status_code == 201


def test_of_simultaneous_sign_ups_exactly_one_wins(shop: Shop) -> None:
    person = {"email": shop.email(), "password": PASSWORD, "name": "Ada"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: shop.ask("POST", SIGN_UP, json=person), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409], [one.text for one in answers]


def test_of_simultaneous_registrations_of_a_username_exactly_one_wins(shop: Shop) -> None:
    username = f"Race {secrets.token_hex(4)}"
    people = [shop.registration() | {"username": username} for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda person: shop.ask("POST", REGISTER, json=person), people))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409], [one.text for one in answers]


BAD_FIELDS: list[tuple[str, str, dict[str, Any], set[str]]] = [
    ("POST", REGISTER, {}, {"username", "email", "password"}),
    ("POST", REGISTER, {"username": "", "email": "no address", "password": "short", "admin": 1},
     {"username", "email", "password", "admin"}),
    ("POST", REGISTER, {"username": True, "email": True, "password": True}, {"username", "email", "password"}),
    ("POST", REGISTER, {"username": None, "email": 7, "password": ["x"]}, {"username", "email", "password"}),
    ("POST", REGISTER, {"username": "a\x00b", "email": "a@b.org\n", "password": "p" * 1025},
     {"username", "email", "password"}),
    ("POST", SIGN_UP, {"email": "@", "password": "short", "name": " "}, {"email", "password", "name"}),
    ("POST", SIGN_UP, {"email": "é@a.org", "password": "1234567", "name": "two\nlines"}, {"email", "password", "name"}),
    ("POST", LOGIN, {}, {"email", "password"}),
    ("POST", LOGIN, {"email": True, "password": 1, "remember": True}, {"email", "password", "remember"}),
    ("PUT", PROFILE, {"bio": True, "avatar": 1, "preferences": [], "user_id": "x"},
     {"bio", "avatar", "preferences", "user_id"}),
    ("PUT", PROFILE, {"bio": "x" * 2001, "avatar": "x" * 501, "preferences": None}, {"bio", "avatar", "preferences"}),
    ("PUT", PROFILE, {"preferences": {"note": "x" * 20_000}}, {"preferences"}),
    ("PUT", PROFILE, {"preferences": "{}"}, {"preferences"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "fields"), BAD_FIELDS)
def test_every_bad_field_is_named(shop: Shop, method: str, path: str, body: dict[str, Any], fields: set[str]) -> None:
    answer = shop.ask(method, path, json=body, token=shop.ada.token)
    errors = problem(answer, 422)["errors"]
    assert {error["field"] for error in errors} == {f"body.{name}" for name in fields}
    assert all(error["message"] and error["code"] for error in errors)


BODIES = [("POST", REGISTER), ("POST", LOGIN), ("POST", SIGN_UP), ("PUT", PROFILE)]


@pytest.mark.parametrize(("method", "path"), BODIES)
@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"{not json", "application/json", 400),
        (b"", "application/json", 400),
        (b'{"email": NaN}', "application/json", 400),
        (b"email=a", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
    ],
)
def test_a_body_that_cannot_be_read_is_no_validation_error(
    shop: Shop, method: str, path: str, data: bytes, content_type: str, status: int
) -> None:
    answer = shop.ask(method, path, data=data, headers={"Content-Type": content_type}, token=shop.ada.token)
    problem(answer, status)


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_a_list_in_place_of_an_object_is_a_validation_error(shop: Shop, method: str, path: str) -> None:
    problem(shop.ask(method, path, json=[], token=shop.ada.token), 422)


# --- signing in -------------------------------------------------------------------------------------------------------


def test_signing_in_answers_with_a_token_and_the_public_id(shop: Shop) -> None:
    answer = shop.ask("POST", LOGIN, json={"email": shop.ada.email, "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json().keys() == {"token", "user_id"}
    assert answer.json()["user_id"] == shop.ada.user_id
    validated = shop.ask("POST", VALIDATE, token=answer.json()["token"])
    assert (validated.status_code, validated.json()) == (200, {"valid": True, "user_id": shop.ada.user_id})


def test_a_wrong_password_and_an_unknown_address_answer_alike(shop: Shop) -> None:
    wrong = shop.ask("POST", LOGIN, json={"email": shop.user().email, "password": "wrong horse"})
    unknown = shop.ask("POST", LOGIN, json={"email": shop.email(), "password": PASSWORD})
    nonsense = shop.ask("POST", LOGIN, json={"email": "no address", "password": ""})
    answers = [public_answer(answer, {}) for answer in (wrong, unknown, nonsense)]
    assert answers[0] == answers[1] == answers[2]
    assert problem(wrong, 401)["message"] == WRONG
    assert wrong.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.slow
@pytest.mark.topologies("monolith/direct")
def test_a_wrong_password_takes_as_long_as_an_unknown_address(topology_variant: Variant, tmp_path: Path) -> None:
    with open_store(topology_variant, tmp_path) as store:  # its own: failures are limited by address, too
        shop = Shop(store)
        users = [shop.user() for _ in range(4)]
        wrong, unknown = [], []
        for number in range(32):  # fewer than the limits on failures
            wrong.append(seconds(shop, users[number % 4].email))
            unknown.append(seconds(shop, shop.email()))
    # The fastest quarter: whatever else the machine does only ever adds.
    of_wrong, of_unknown = (median(sorted(times)[:8]) for times in (wrong, unknown))
    assert 0.6 < of_wrong / of_unknown < 1.6, (of_wrong, of_unknown)


def seconds(shop: Shop, email: str) -> float:
    began = perf_counter()
    answer = shop.ask("POST", LOGIN, json={"email": email, "password": "wrong horse"})
    took = perf_counter() - began
    assert answer.status_code == 401, answer.text
    return took


def test_ten_failures_shut_an_account_for_a_while_and_no_other_one(shop: Shop) -> None:
    user = shop.user()
    attempt = {"email": user.email, "password": "wrong horse"}
    assert {shop.ask("POST", LOGIN, json=attempt).status_code for _ in range(10)} == {401}
    refused = shop.ask("POST", LOGIN, json=attempt | {"password": PASSWORD})
    assert problem(refused, 429)["code"] == "too-many-attempts"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert shop.ask("POST", LOGIN, json={"email": shop.ada.email, "password": PASSWORD}).status_code == 200


# --- tokens -----------------------------------------------------------------------------------------------------------

PROTECTED = [
    ("POST", VALIDATE), ("POST", LOGOUT), ("GET", PROFILE), ("PUT", PROFILE), ("GET", "/api/auth/me"),
    ("POST", "/api/auth/signout-everywhere"),
]  # fmt: skip


def forged(token: str) -> str:
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_every_token_that_is_not_taken_is_told_why(shop: Shop, method: str, path: str) -> None:
    expectations = {
        None: MISSING,
        "nonsense": MALFORMED,
        forged(shop.ada.token): "The access token is not valid: its signature is wrong.",
        issued_yesterday(shop): EXPIRED,
        issued_elsewhere(shop): "The access token is not valid: its key or algorithm is not used here.",
        shop.signed_out.token: REVOKED,
    }
    for token, expected in expectations.items():
        answer = shop.ask(method, path, token=token)
        assert problem(answer, 401)["detail"] == expected
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge == "Bearer" if token is None else challenge.startswith("Bearer")


@pytest.mark.parametrize("authorization", ["Basic YTpi", "Bearer", "Bearer ", "Bearer a b", "nonsense"])
def test_what_is_no_bearer_token_is_refused(shop: Shop, authorization: str) -> None:
    answer = shop.ask("GET", PROFILE, headers={"Authorization": authorization})
    assert problem(answer, 401)["message"]


def test_who_is_not_signed_in_is_told_so_before_their_body_is_looked_at(shop: Shop) -> None:
    problem(shop.ask("PUT", PROFILE, json={"bio": True}), 401)
    problem(shop.ask("PUT", PROFILE, data=b"{not json"), 401)


def test_signing_out_is_refused_in_every_service_within_a_second(shop: Shop) -> None:
    user = shop.user()
    other = shop.ask("POST", LOGIN, json={"email": user.email, "password": PASSWORD}).json()["token"]
    for method, path in (("POST", VALIDATE), ("GET", PROFILE)):
        assert shop.ask(method, path, token=user.token).status_code in (200, 404)
    answer = shop.ask("POST", LOGOUT, token=user.token)
    assert (answer.status_code, answer.json().keys()) == (200, {"message"})
    for method, path in (("POST", VALIDATE), ("GET", PROFILE)):
        refused = refused_within_a_second(shop, method, path, user.token)
        assert problem(refused, 401)["message"] == REVOKED
    assert shop.ask("POST", VALIDATE, token=other).status_code == 200


def refused_within_a_second(shop: Shop, method: str, path: str, token: str) -> Any:
    def refused() -> list[Any]:
        answer = shop.ask(method, path, token=token)
        return [answer] if answer.status_code == 401 else []

    return until(refused, 1.0, lambda: f"{method} {path} still takes the token")[0]


def test_signing_out_everywhere_ends_every_token_of_the_user_alone(shop: Shop) -> None:
    user = shop.user()
    other = shop.ask("POST", LOGIN, json={"email": user.email, "password": PASSWORD}).json()["token"]
    assert shop.ask("POST", "/api/auth/signout-everywhere", token=user.token).status_code == 204
    for token in (user.token, other):
        for method, path in (("POST", VALIDATE), ("GET", PROFILE)):
            refused_within_a_second(shop, method, path, token)
    assert shop.ask("POST", VALIDATE, token=shop.ada.token).status_code == 200
    again = shop.ask("POST", LOGIN, json={"email": user.email, "password": PASSWORD}).json()["token"]
    assert shop.ask("GET", PROFILE, token=again).status_code == 404


def test_a_refresh_token_is_replaced_at_each_use_and_ends_its_sign_in_when_it_comes_twice(shop: Shop) -> None:
    user = shop.user()
    refreshed = shop.ask("POST", "/api/auth/refresh", json={"refresh_token": user.refresh_token})
    assert refreshed.status_code == 200
    second = refreshed.json()
    assert shop.ask("GET", PROFILE, token=second["access_token"]).status_code == 404
    again = shop.ask("POST", "/api/auth/refresh", json={"refresh_token": user.refresh_token})
    assert problem(again, 401)["detail"] == "The refresh token was used already: sign in again."
    refused_within_a_second(shop, "GET", PROFILE, second["access_token"])
    last = shop.ask("POST", "/api/auth/refresh", json={"refresh_token": second["refresh_token"]})
    assert problem(last, 401)["detail"] == "The refresh token was revoked."


# --- profiles ---------------------------------------------------------------------------------------------------------


def test_a_profile_is_not_there_before_the_first_put_and_keeps_what_is_not_named(shop: Shop) -> None:
    user = shop.user()
    assert problem(shop.ask("GET", PROFILE, token=user.token), 404)["code"] == "users.profile-missing"
    for change, expected in (
        ({"bio": "Poet"}, {"bio": "Poet", "avatar": None, "preferences": {}}),
        ({"preferences": {"a": [1, 2.5, None, "é"]}},
         {"bio": "Poet", "avatar": None, "preferences": {"a": [1, 2.5, None, "é"]}}),
        ({"avatar": "/a.png", "preferences": {}}, {"bio": "Poet", "avatar": "/a.png", "preferences": {}}),
        ({}, {"bio": "Poet", "avatar": "/a.png", "preferences": {}}),
        ({"bio": None, "avatar": None}, {"bio": None, "avatar": None, "preferences": {}}),
        ({"bio": "🦆" * 2000}, {"bio": "🦆" * 2000, "avatar": None, "preferences": {}}),
    ):  # fmt: skip
        put = shop.ask("PUT", PROFILE, token=user.token, json=change)
        assert (put.status_code, put.json().keys()) == (200, {"message"}), put.text
        shown = shop.ask("GET", PROFILE, token=user.token)
        assert (shown.status_code, shown.json()) == (200, {"user_id": user.user_id, "profile": expected})


def test_of_simultaneous_first_puts_none_fails_and_nothing_is_lost(shop: Shop) -> None:
    user = shop.user()
    changes = [{"bio": "Poet"}, {"avatar": "/a.png"}, {"preferences": {"a": 1}}]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda change: shop.ask("PUT", PROFILE, token=user.token, json=change), changes))
    assert [answer.status_code for answer in answers] == [200, 200, 200], [answer.text for answer in answers]
    shown = shop.ask("GET", PROFILE, token=user.token).json()["profile"]
    assert shown == {"bio": "Poet", "avatar": "/a.png", "preferences": {"a": 1}}


def test_no_token_ever_reads_or_changes_the_profile_of_another_user(shop: Shop) -> None:
    ada, eve = shop.user(), shop.user()
    shop.ask("PUT", PROFILE, token=ada.token, json={"bio": "Ada's"})
    for attempt in (f"{PROFILE}?user_id={ada.user_id}", f"{PROFILE}/{ada.user_id}", f"/users/{ada.user_id}/profile"):
        assert shop.ask("GET", attempt, token=eve.token).status_code in (404, 422)
        assert shop.ask("PUT", attempt, token=eve.token, json={"bio": "Eve's"}).status_code in (404, 405, 422)
    problem(shop.ask("PUT", PROFILE, token=eve.token, json={"bio": "Eve's", "user_id": ada.user_id}), 422)
    assert shop.ask("GET", PROFILE, token=eve.token).status_code == 404
    shop.ask("PUT", PROFILE, token=eve.token, json={"bio": "Eve's"})
    for user, bio in ((ada, "Ada's"), (eve, "Eve's")):
        shown = shop.ask("GET", PROFILE, token=user.token).json()
        assert (shown["user_id"], shown["profile"]["bio"]) == (user.user_id, bio)


# --- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", REGISTER, "OPTIONS, POST"),
        ("GET", LOGIN, "OPTIONS, POST"),
        ("PUT", VALIDATE, "OPTIONS, POST"),
        ("DELETE", LOGOUT, "OPTIONS, POST"),
        ("DELETE", PROFILE, "GET, HEAD, OPTIONS, PUT"),
    ],
)
def test_another_method_is_told_which_are_allowed(shop: Shop, method: str, path: str, allow: str) -> None:
    answer = shop.ask(method, path, token=shop.ada.token)
    assert problem(answer, 405)["message"]
    assert answer.headers["Allow"] == allow


def test_what_is_not_there_is_a_problem_too(shop: Shop) -> None:
    for path in ("/auth/nowhere", "/users/nowhere", "/api/auth/registrations", "/api/users/profile"):
        problem(shop.ask("GET", path, token=shop.ada.token), 404)


def test_answers_and_problems_come_as_xml_for_whoever_asks_for_it(shop: Shop) -> None:
    accept = {"Accept": "application/xml"}
    shop.ask("PUT", PROFILE, token=shop.ada.token, json={"bio": "Poet"})
    shown = shop.ask("GET", PROFILE, token=shop.ada.token, headers=accept)
    assert shown.headers["Content-Type"].startswith("application/xml")
    assert "<bio>Poet</bio>" in shown.text
    refused = shop.ask("GET", PROFILE, headers=accept)
    assert refused.headers["Content-Type"].startswith("application/problem+xml")
    assert f"<message>{MISSING}</message>" in refused.text


def test_health_names_every_module_at_the_public_address_and_is_short_in_a_service(shop: Shop) -> None:
    body = shop.ask("GET", "/health").json()
    assert body["gateway"] == "healthy"
    assert {"auth": True, "users": True}.items() <= body["services"].items()
    if "users" in shop.running.urls:
        assert requests.get(f"{shop.running.urls['users'][0]}/health", timeout=10).json()["status"] == "healthy"


def test_the_migrations_make_what_the_models_say(shop: Shop) -> None:
    shop.running.commands.run("db", "check")


def test_nothing_was_answered_by_a_traceback_or_logged_a_secret(shop: Shop) -> None:
    output = shop.running.log(limit=0)
    assert "GET /users/profile" in output
    assert [line for line in output.splitlines() if "Traceback" in line] == []
    assert [secret for secret in (PASSWORD, "wrong horse", shop.ada.token) if secret in output] == []


def test_a_visit_is_answered_alike_in_every_topology(shop: Shop, same_everywhere: Any) -> None:
    assert shop.compare(visit, same_everywhere) == {200, 201, 204, 400, 401, 404, 405, 409, 422}


def visit(shop: Shop) -> None:
    """Do everything once, well and badly."""
    person = {"username": "Visitor", "email": "visitor@example.org", "password": PASSWORD}
    user_id = shop.ask("POST", REGISTER, json=person).json()["user_id"]
    shop.ask("POST", REGISTER, json=person)
    shop.ask("POST", REGISTER, json={})
    shop.ask("POST", LOGIN, data=b"{")
    shop.ask("POST", LOGIN, json={"email": "visitor@example.org", "password": "wrong horse"})
    token = shop.ask("POST", LOGIN, json={"email": "visitor@example.org", "password": PASSWORD}).json()["token"]
    visitor = User("visitor@example.org", user_id, token, "")
    shop.know(visitor)
    for method, path, body in (
        ("POST", VALIDATE, None), ("GET", PROFILE, None), ("PUT", PROFILE, {"bio": "Poet"}), ("GET", PROFILE, None),
        ("DELETE", PROFILE, None), ("POST", "/api/auth/signout-everywhere", None), ("POST", VALIDATE, None),
    ):  # fmt: skip
        shop.ask(method, path, token=token, json=body)
    shop.ask("POST", VALIDATE)
    shop.ask("GET", REGISTER)
    shop.ask("GET", "/auth/nowhere")
