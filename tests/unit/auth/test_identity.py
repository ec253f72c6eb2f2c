"""What the settings make of keys and stores, and what a header says about its sender."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr

from decant.auth import (
    AccessTokens,
    Identity,
    KeyFolder,
    Keyring,
    MemoryRevocations,
    PublicKeys,
    RedisRevocations,
    RemoteKeys,
    Revocations,
    SqliteRevocations,
    generate_key,
    parse_key,
)
from decant.auth.tokens import LEEWAY_S
from decant.context import NOBODY, CallContext, Caller, use
from decant.errors import AuthenticationError, SettingsError, SetupError, Unavailable
from decant.settings import AuthSettings, Urls
from tests.support.clocks import HandClock

PEM = generate_key().decode()
SECRET = Urls(jwt_secret_key=SecretStr("s" * 32))
JWKS = "https://auth.example.org/.well-known/jwks.json"


def public(pem: str) -> str:
    return (
        parse_key(pem)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def identity(tmp_path: Path, settings: AuthSettings | None = None, **options: Any) -> Identity:
    return Identity(settings, workspace="shop", home=tmp_path, **options)


def test_making_it_touches_nothing(tmp_path: Path) -> None:
    made = identity(tmp_path / "home", urls=Urls(redis_url="redis://127.0.0.1:1/0"))
    made.close()
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("settings", "urls", "kind"),
    [
        (AuthSettings(), Urls(), KeyFolder),
        (AuthSettings(signing_key=SecretStr(PEM)), Urls(), Keyring),
        (AuthSettings(verifying_keys=(public(PEM),)), Urls(), PublicKeys),
        (AuthSettings(jwks_url=JWKS), Urls(), RemoteKeys),
        (AuthSettings(), SECRET, Keyring),
    ],
)
def test_the_settings_say_which_keys(tmp_path: Path, settings: AuthSettings, urls: Urls, kind: type) -> None:
    made = identity(tmp_path, settings, urls=urls)
    assert isinstance(made.keys, kind)
    assert made.configured is (kind is not KeyFolder)


@pytest.mark.parametrize(
    ("settings", "urls"),
    [
        (AuthSettings(jwks_url=JWKS), SECRET),
        (AuthSettings(jwks_url=JWKS, signing_key=SecretStr(PEM)), Urls()),
        (AuthSettings(jwks_url=JWKS, verifying_keys=(public(PEM),)), Urls()),
        (AuthSettings(signing_key=SecretStr(PEM)), SECRET),
        (AuthSettings(verifying_keys=(public(PEM),)), SECRET),
        (AuthSettings(signing_key=SecretStr(PEM), verifying_keys=(public(PEM),)), Urls()),
        (AuthSettings(signing_key=SecretStr("nonsense")), Urls()),
        (AuthSettings(signing_key=SecretStr(public(PEM))), Urls()),
        (AuthSettings(verifying_keys=("nonsense",)), Urls()),
        (AuthSettings(jwks_url="ftp://auth.example.org/keys"), Urls()),
    ],
)
def test_keys_that_cannot_be_meant_are_refused(tmp_path: Path, settings: AuthSettings, urls: Urls) -> None:
    with pytest.raises((SetupError, SettingsError)) as caught:
        identity(tmp_path, settings, urls=urls).open()
    assert PEM not in str(caught.value)


def test_who_only_verifies_cannot_issue(tmp_path: Path) -> None:
    signer = identity(tmp_path, AuthSettings(signing_key=SecretStr(PEM)))
    reader = identity(tmp_path, AuthSettings(verifying_keys=(public(PEM),)))
    assert reader.tokens.verify(signer.tokens.issue("ada")).subject == "ada"
    with pytest.raises(SetupError, match="only verify"):
        reader.tokens.issue("ada")
    assert reader.jwks() == signer.jwks()


def test_a_replaced_key_verifies_until_its_last_token_has_expired(tmp_path: Path) -> None:
    keys = identity(tmp_path, AuthSettings(lifetime_s=60)).keys
    assert isinstance(keys, KeyFolder)
    assert keys._keep_s >= 60 + LEEWAY_S


def test_keys_are_published_unless_they_are_a_secret_or_anothers(tmp_path: Path) -> None:
    assert len((identity(tmp_path).jwks() or {})["keys"]) == 1
    assert identity(tmp_path, urls=SECRET).jwks() is None
    assert identity(tmp_path, AuthSettings(jwks_url=JWKS)).jwks() is None


def test_stores_are_in_redis_where_there_is_one_and_in_a_file_otherwise(tmp_path: Path) -> None:
    for urls, kind in ((Urls(), SqliteRevocations), (Urls(redis_url="redis://127.0.0.1:1/0"), RedisRevocations)):
        made = identity(tmp_path, urls=urls)
        assert isinstance(made.tokens._revocations.store, kind)
        made.close()


def test_nothing_depends_on_a_disk_where_there_is_a_redis(tmp_path: Path) -> None:
    made = identity(tmp_path / "none", urls=Urls(redis_url="redis://127.0.0.1:1/0", jwt_secret_key=SecretStr("s" * 32)))
    assert all((made.tokens, made.refresh, made.limit, made.sign_out))  # type: ignore[truthy-bool]
    for use_it in (made.refresh.start, made.tokens.revoke_all, made.sign_out.everywhere):
        with pytest.raises(Unavailable, match="Redis"):
            use_it("ada")
    assert not (tmp_path / "none").exists()
    made.close()


@pytest.mark.parametrize("authorization", [None, "", "Basic YTpi", "Bearer", "bearer", "Token x", "Bearerx y"])
def test_what_is_no_bearer_token_says_nothing(tmp_path: Path, authorization: str | None) -> None:
    assert identity(tmp_path).identify(authorization, True) == NOBODY


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_the_scheme_may_be_written_in_any_case(tmp_path: Path, scheme: str) -> None:
    made = identity(tmp_path)
    token = made.tokens.issue("ada", scopes=["read"], roles=["clerk"])
    expected = Caller("ada", scopes=frozenset({"read"}), roles=frozenset({"clerk"}))
    assert made.identify(f"{scheme}{token}", False) == expected
    made.close()


def test_a_token_that_is_not_taken_is_nobodys_with_the_reason(tmp_path: Path, clock: HandClock) -> None:
    made = identity(tmp_path, clock=clock)
    token = made.tokens.issue("ada")
    clock.forward(24 * 3600 + LEEWAY_S)
    assert made.identify(f"Bearer {token}", False) == Caller(refused="The access token has expired.")
    assert made.identify("Bearer x.y.z", False) == Caller(refused="The access token is malformed.")
    made.close()


def test_while_the_store_is_down_reading_goes_on(tmp_path: Path) -> None:
    made = identity(tmp_path, urls=Urls(redis_url="redis://127.0.0.1:1/0", jwt_secret_key=SecretStr("s" * 32)))
    tokens = AccessTokens(made.keys, Revocations(MemoryRevocations()), issuer="shop", audience="shop")
    header = f"Bearer {tokens.issue('ada')}"
    assert made.identify(header, True) == Caller("ada", unconfirmed=True)
    with pytest.raises(Unavailable) as caught:
        made.identify(header, False)
    assert caught.value.headers() == {"Retry-After": "1"}
    assert made.identify("Bearer x", False).refused, "a token that is none needs no store"
    made.close()


def test_the_principal_is_that_of_the_calls_own_token(tmp_path: Path) -> None:
    made = identity(tmp_path)
    header = f"Bearer {made.tokens.issue('ada', session='s1')}"
    with use(CallContext(caller=made.identify(header, True), authorization=header)):
        assert (made.principal().subject, made.principal().session) == ("ada", "s1")
    for caller, reason in ((NOBODY, "missing"), (Caller(refused="The access token has expired."), "expired")):
        with use(CallContext(caller=caller)), pytest.raises(AuthenticationError, match=reason):
            made.principal()
    made.close()


def test_a_caller_without_a_token_is_no_principal(tmp_path: Path) -> None:
    with use(CallContext(caller=Caller("ada"))), pytest.raises(AuthenticationError, match="missing"):
        identity(tmp_path).principal()
