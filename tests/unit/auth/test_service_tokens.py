import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.auth import ServiceTokens, generate_key, parse_key
from decant.context import Caller
from decant.errors import AuthenticationError, SetupError
from tests.support.clocks import NOW, HandClock

KEY = parse_key(generate_key())
HEADERS = {"typ": "decant-service+jwt"}


@pytest.fixture
def orders(clock: HandClock) -> ServiceTokens:
    return ServiceTokens(KEY, "orders", clock)


@pytest.fixture
def catalog(clock: HandClock) -> ServiceTokens:
    return ServiceTokens(KEY, "catalog", clock)


def forge(key: Any = KEY, algorithm: str = "EdDSA", headers: dict[str, Any] | None = None, **changes: Any) -> str:
    now = int(NOW.timestamp())
    claims = {"iss": "orders", "aud": "catalog", "iat": now, "exp": now + 60} | changes
    claims = {name: value for name, value in claims.items() if value is not ...}
    return jwt.encode(claims, key, algorithm, headers=HEADERS if headers is None else headers)


def refused(tokens: ServiceTokens, token: Any) -> bool:
    with pytest.raises(AuthenticationError) as caught:
        tokens.verify(token, "catalog")
    return caught.value.status == 401


def test_a_token_says_who_calls(orders: ServiceTokens, catalog: ServiceTokens) -> None:
    assert catalog.verify(orders.issue("catalog"), "catalog") == Caller(service="orders")


def test_the_forged_tokens_of_this_file_are_good_where_nothing_is_changed(catalog: ServiceTokens) -> None:
    assert catalog.verify(forge(), "catalog").service == "orders"


def test_a_token_for_another_service_is_refused(orders: ServiceTokens, catalog: ServiceTokens) -> None:
    assert refused(catalog, orders.issue("payments"))


def test_a_token_that_was_good_for_one_service_is_not_good_for_the_next(
    orders: ServiceTokens, catalog: ServiceTokens
) -> None:
    token = orders.issue("catalog")
    catalog.verify(token, "catalog")
    with pytest.raises(AuthenticationError):
        catalog.verify(token, "payments")


def test_a_token_is_used_again_for_30_seconds(orders: ServiceTokens, clock: HandClock) -> None:
    first = orders.issue("catalog")
    clock.forward(29)
    assert orders.issue("catalog") == first
    clock.forward(1)
    assert orders.issue("catalog") != first


def test_each_target_gets_a_token_of_its_own(orders: ServiceTokens) -> None:
    assert orders.issue("catalog") != orders.issue("payments")


def test_a_clock_that_is_set_back_makes_a_new_token(
    orders: ServiceTokens, catalog: ServiceTokens, clock: HandClock
) -> None:
    orders.issue("catalog")
    clock.forward(-3600)
    assert catalog.verify(orders.issue("catalog"), "catalog")


def test_a_clock_that_jumps_ahead_makes_a_new_token(
    orders: ServiceTokens, catalog: ServiceTokens, clock: HandClock
) -> None:
    stale = orders.issue("catalog")
    clock.forward(3600)
    assert catalog.verify(orders.issue("catalog"), "catalog")
    assert refused(catalog, stale)


def test_a_token_that_was_overheard_is_of_use_until_it_expires_and_at_its_target_only(
    orders: ServiceTokens, catalog: ServiceTokens, clock: HandClock
) -> None:
    overheard = orders.issue("catalog")
    assert [catalog.verify(overheard, "catalog").service for _ in range(3)] == ["orders"] * 3
    with pytest.raises(AuthenticationError):
        catalog.verify(overheard, "payments")
    clock.forward(65)
    assert refused(catalog, overheard)


def test_a_token_expires_even_when_it_was_verified_before(
    orders: ServiceTokens, catalog: ServiceTokens, clock: HandClock
) -> None:
    token = orders.issue("catalog")
    catalog.verify(token, "catalog")
    clock.forward(64)
    catalog.verify(token, "catalog")
    clock.forward(1)
    assert refused(catalog, token)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": ...},
        {"iat": ...},
        {"iss": ...},
        {"aud": ...},
        {"iss": ""},
        {"aud": ["catalog", "payments"]},
        {"exp": int(NOW.timestamp()) + 3600},
        {"iat": int(NOW.timestamp()) + 30},
        {"exp": int(NOW.timestamp()) - 3600, "iat": int(NOW.timestamp()) - 3660},
        {"iat": True},
        {"exp": float("inf")},
        {"exp": str(int(NOW.timestamp()) + 60)},
        {"exp": -1},
    ],
)
def test_wrong_claims_are_refused(catalog: ServiceTokens, changes: dict[str, Any]) -> None:
    assert refused(catalog, forge(**changes))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"typ": "JWT"},
        HEADERS | {"kid": "1"},
        HEADERS | {"jku": "http://evil.example"},
        HEADERS | {"crit": ["x"], "x": 1},
    ],
)
def test_any_other_header_is_refused(catalog: ServiceTokens, headers: dict[str, Any]) -> None:
    assert refused(catalog, forge(headers=headers))


def test_another_key_is_refused(catalog: ServiceTokens) -> None:
    assert refused(catalog, forge(parse_key(generate_key())))


def test_no_algorithm_but_eddsa_is_taken(catalog: ServiceTokens) -> None:
    assert refused(catalog, forge(key="", algorithm="none"))
    assert refused(catalog, forge(key=KEY.public_key().public_bytes_raw(), algorithm="HS256"))


def test_another_spelling_of_a_good_token_is_refused(orders: ServiceTokens, catalog: ServiceTokens) -> None:
    token = orders.issue("catalog")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    respelled = token[:-1] + alphabet[alphabet.index(token[-1]) + 1]  # the unused bits of the last letter
    assert base64.urlsafe_b64decode(respelled.split(".")[2] + "==") == base64.urlsafe_b64decode(
        token.split(".")[2] + "=="
    )
    assert refused(catalog, respelled)


@pytest.mark.parametrize("change", ["{} ", " {}", "{}=", "{}\n", "{}.", ".{}", "{}.x", "Bearer {}"])
def test_nothing_may_stand_around_a_token(orders: ServiceTokens, catalog: ServiceTokens, change: str) -> None:
    assert refused(catalog, change.format(orders.issue("catalog")))


@pytest.mark.parametrize(
    "token", [None, 7, b"a.b.c", "", "..", "a.b.c", "x" * 3000, "ä.b.c", "a.b\x00.c", "\ud800.b.c"]
)
def test_what_is_no_token_is_refused(catalog: ServiceTokens, token: Any) -> None:
    assert refused(catalog, token)


def test_a_deeply_nested_payload_is_refused(catalog: ServiceTokens) -> None:
    header = forge().split(".")[0]
    body = base64.urlsafe_b64encode(b"[" * 1000).rstrip(b"=").decode()
    signature = base64.urlsafe_b64encode(KEY.sign(f"{header}.{body}".encode())).rstrip(b"=").decode()
    assert refused(catalog, f"{header}.{body}.{signature}")


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", fullmatch=True))
def test_no_text_whatever_raises_anything_else(token: str) -> None:
    assert refused(ServiceTokens(KEY, "catalog"), token)


@given(
    payload=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["iss", "aud", "iat", "exp", "nbf"]), inner),
    )
)
def test_no_signed_payload_whatever_raises_anything_else(payload: Any) -> None:
    header = forge().split(".")[0]
    body = base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()
    signature = base64.urlsafe_b64encode(KEY.sign(f"{header}.{body}".encode())).rstrip(b"=").decode()
    assert refused(ServiceTokens(KEY, "catalog"), f"{header}.{body}.{signature}")


@given(st.integers(0, 400), st.characters(codec="ascii"))
def test_a_token_with_one_letter_changed_is_refused(position: int, letter: str) -> None:
    token = ServiceTokens(KEY, "orders").issue("catalog")
    position %= len(token)
    if token[position] != letter:
        assert refused(ServiceTokens(KEY, "catalog"), token[:position] + letter + token[position + 1 :])


def test_a_service_without_name_cannot_issue() -> None:
    with pytest.raises(SetupError):
        ServiceTokens(KEY, "")


def test_the_memory_of_verified_tokens_is_bounded(catalog: ServiceTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decant.auth.service_tokens._REMEMBERED", 3)
    for number in range(10):
        catalog.verify(forge(iss=f"orders-{number}"), "catalog")
    assert len(catalog._known) <= 3
