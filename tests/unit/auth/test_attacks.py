"""Attacks on access tokens, one per line: every one of them is refused, and with 401."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from decant.auth.keyring import Keyring
from decant.auth.revocation import MemoryRevocations, Revocations
from decant.auth.signing import key_from_private
from decant.auth.tokens import AccessTokens
from decant.errors import AuthenticationError
from tests.support.attacks import FAMILIES, Forger, vectors
from tests.support.clocks import NOW, HandClock

SECOND = int(NOW.timestamp())
FORGERS = {family: Forger(family, SECOND) for family in FAMILIES}
PAIRS = [FORGERS[family].key for family in FAMILIES if family != "HS256"]
EDDSA, SECRET = FORGERS["EdDSA"], FORGERS["HS256"]
VECTORS = vectors(EDDSA)


def verifier(ring: Keyring | None = None) -> AccessTokens:
    clock = HandClock()
    store = Revocations(MemoryRevocations(clock), clock)
    return AccessTokens(ring or Keyring(EDDSA.key, PAIRS[1:]), store, issuer="shop", audience="api", clock=clock)


def test_the_forger_makes_good_tokens_where_it_changes_nothing() -> None:
    for family in FAMILIES[:3]:
        assert verifier().verify(FORGERS[family].forge()).subject == "ada"
    assert verifier().verify(EDDSA.forge()).scopes == {"a", "b"}
    assert verifier().verify(EDDSA.forge(claims={"aud": ["other", "api"], "nbf": ...})).subject == "ada"
    assert verifier(Keyring(SECRET.key)).verify(SECRET.forge()).subject == "ada"


@pytest.mark.parametrize("family", FAMILIES)
def test_there_are_more_attacks_than_in_the_public_collections(family: str) -> None:
    made = vectors(FORGERS[family])
    assert len({token for _, token in made}) == len({name for name, _ in made}) == len(made) >= 700


@pytest.mark.parametrize("token", [pytest.param(token, id=name) for name, token in VECTORS])
def test_an_attack_is_refused(token: str) -> None:
    tokens = verifier()
    for attempt in (tokens.verify, tokens.verify, lambda given: tokens.verify_header(f"Bearer {given}")):
        with pytest.raises(AuthenticationError) as caught:
            attempt(token)
        assert caught.value.status == 401
        assert "ada" not in str(caught.value)


@pytest.mark.parametrize(
    "token", [pytest.param(token, id=name) for name, token in VECTORS if "HS256" in name or "none" in name.lower()]
)
def test_a_shared_secret_is_confused_with_nothing(token: str) -> None:
    with pytest.raises(AuthenticationError):
        verifier(Keyring(SECRET.key)).verify(token)


@pytest.mark.parametrize("private", [ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)])
def test_a_key_that_is_not_in_the_ring_signs_nothing(private: object) -> None:
    with pytest.raises(AuthenticationError, match="key or algorithm"):
        verifier().verify(EDDSA.forge(key=key_from_private(private)))


def test_a_token_of_the_real_clock_is_no_token_of_this_one() -> None:
    later = Forger("EdDSA", int(datetime(2036, 1, 1, tzinfo=UTC).timestamp()))
    with pytest.raises(AuthenticationError, match="not valid yet"):
        verifier().verify(later.forge())
