import contextlib

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from decant.auth.keyring import Keyring, Keys
from decant.auth.principal import Principal
from decant.auth.revocation import MemoryRevocations, Revocations
from decant.auth.signing import Key, key_from_jwk, key_from_private, key_from_secret
from decant.auth.tokens import LEEWAY_S, AccessTokens
from decant.errors import AuthenticationError, SetupError, Unavailable
from tests.support.attacks import Forger
from tests.support.clocks import NOW, HandClock

KEY = key_from_private(ed25519.Ed25519PrivateKey.generate())
KEYS = [
    KEY,
    key_from_private(ec.generate_private_key(ec.SECP256R1())),
    key_from_private(rsa.generate_private_key(65537, 2048)),
    key_from_secret("a shared secret of 32 bytes, or more"),
]


def make(
    clock: HandClock, keys: Keys | None = None, store: MemoryRevocations | None = None, audience: str = "shop"
) -> AccessTokens:
    revocations = Revocations(store or MemoryRevocations(clock), clock)
    return AccessTokens(
        keys or Keyring(KEY),
        revocations,
        issuer="https://shop.example",
        audience=audience,
        lifetime_s=3600,
        clock=clock,
    )


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.algorithm)
def test_a_token_says_who_is_signed_in(key: Key, clock: HandClock) -> None:
    tokens = make(clock, Keyring(key))
    token = tokens.issue("ada", scopes=["b", "a"], roles=["admin"], session="s1")
    second = int(NOW.timestamp())
    found = tokens.verify(token)
    assert found == Principal("ada", frozenset("ab"), frozenset({"admin"}), found.token_id, second, second + 3600, "s1")
    assert len(found.token_id) == 22
    assert jwt.get_unverified_header(token) == {"typ": "at+jwt", "alg": key.algorithm, "kid": key.kid}
    assert tokens.verify_header(f"Bearer {token}") == tokens.verify_header(f"bearer  {token}") == found


def test_the_claims_are_those_of_the_rfc(clock: HandClock) -> None:
    claims = jwt.decode(make(clock).issue("ada", scopes=["a"]), options={"verify_signature": False})
    assert claims.keys() >= {"iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "jti", "scope", "roles"}


def test_two_tokens_are_never_the_same(clock: HandClock) -> None:
    assert make(clock).issue("ada") != make(clock).issue("ada")


@pytest.mark.parametrize("header", [None, "", "  ", 5])
def test_a_missing_token_is_said_to_be_missing(clock: HandClock, header: object) -> None:
    with pytest.raises(AuthenticationError, match="missing"):
        make(clock).verify_header(header)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Basic abc", "no bearer"),
        ("Bearer", "missing"),
        ("Bearer ", "missing"),
        ("Bearer abc", "malformed"),
        ("Bearer a b", "malformed"),
        ("Bearer\ta.b.c", "no bearer"),
        ("a.b.c", "no bearer"),
    ],
)
def test_a_header_without_a_proper_token_is_refused(clock: HandClock, header: str, message: str) -> None:
    with pytest.raises(AuthenticationError, match=message):
        make(clock).verify_header(header)


def test_a_token_is_good_until_the_leeway_after_its_end_and_no_longer(clock: HandClock) -> None:
    tokens = make(clock)
    token = tokens.issue("ada")
    clock.forward(3600 + LEEWAY_S - 0.1)
    assert tokens.verify(token).subject == "ada"
    clock.forward(0.2)
    for verifier in (tokens, make(clock)):
        with pytest.raises(AuthenticationError, match="expired"):
            verifier.verify(token)


def test_a_token_may_live_shorter_and_never_longer(clock: HandClock) -> None:
    tokens = make(clock)
    lives = [tokens.verify(tokens.issue("ada", lifetime_s=asked)) for asked in (60, 9999)]
    assert [each.expires_at - each.issued_at for each in lives] == [60, 3600]


def test_a_token_for_others_is_refused(clock: HandClock) -> None:
    with pytest.raises(AuthenticationError, match="another audience"):
        make(clock).verify(make(clock, audience="bank").issue("ada"))


def test_signing_out_revokes_the_token_at_once_and_no_other(clock: HandClock) -> None:
    tokens = make(clock)
    token, other = tokens.issue("ada"), tokens.issue("ada")
    tokens.revoke(tokens.verify(token))
    with pytest.raises(AuthenticationError, match="revoked"):
        tokens.verify(token)
    assert tokens.verify(other)


def test_signing_out_revokes_the_whole_session(clock: HandClock) -> None:
    tokens = make(clock)
    first, second, other = (tokens.issue("ada", session=name) for name in ("s1", "s1", "s2"))
    tokens.revoke(tokens.verify(first))
    with pytest.raises(AuthenticationError, match="revoked"):
        tokens.verify(second)
    assert tokens.verify(other)
    tokens.revoke_session("s2")
    with pytest.raises(AuthenticationError, match="revoked"):
        tokens.verify(other)


def test_another_process_refuses_a_revoked_token_within_a_second(clock: HandClock) -> None:
    store = MemoryRevocations(clock)
    here, there = make(clock, store=store), make(clock, store=store)
    token = here.issue("ada")
    assert there.verify(token)
    here.revoke(here.verify(token))
    clock.forward(0.99)
    with pytest.raises(AuthenticationError, match="revoked"):
        there.verify(token)


def test_a_revocation_lasts_until_the_token_would_have_expired(clock: HandClock) -> None:
    tokens = make(clock)
    token = tokens.issue("ada")
    tokens.revoke(tokens.verify(token))
    for _ in range(37):
        with pytest.raises(AuthenticationError):
            tokens.verify(token)
        clock.forward(100)


def test_signing_out_everywhere_revokes_all_that_one_has_and_nobody_elses(clock: HandClock) -> None:
    tokens = make(clock)
    mine, bobs = [tokens.issue("ada") for _ in range(3)], tokens.issue("bob")
    tokens.revoke_all("ada")
    for token in mine:
        with pytest.raises(AuthenticationError, match="revoked"):
            tokens.verify(token)
    assert tokens.verify(bobs)


def test_who_signs_in_again_in_the_same_second_is_let_in(clock: HandClock) -> None:
    tokens = make(clock)
    tokens.revoke_all("ada")
    assert tokens.verify(tokens.issue("ada")).subject == "ada"


def test_a_verified_token_is_not_checked_again(clock: HandClock) -> None:
    calls = 0

    def verify(data: bytes, signature: bytes) -> bool:
        nonlocal calls
        calls += 1
        return KEY.verify(data, signature)

    tokens = make(clock, Keyring(Key(KEY.kid, KEY.algorithm, verify, KEY.sign, KEY.jwk)))
    token = tokens.issue("ada")
    for _ in range(5):
        tokens.verify(token)
    assert calls == 1


def test_a_retired_key_is_refused_though_its_token_was_verified_before(clock: HandClock) -> None:
    ring = Keyring(KEY)
    tokens = make(clock, ring)
    token = tokens.issue("ada")
    assert tokens.verify(token)
    ring.rotate(KEYS[1])
    assert tokens.verify(token)
    ring.retire(KEY.kid)
    with pytest.raises(AuthenticationError, match="its key"):
        tokens.verify(token)


class Down(MemoryRevocations):
    def is_revoked(self, identifiers: object) -> bool:
        raise Unavailable("down")

    def issued_before(self, subject: str) -> int:
        raise Unavailable("down")


def test_without_the_store_reading_goes_on_and_everything_else_is_refused(clock: HandClock) -> None:
    token, tokens = make(clock).issue("ada"), make(clock, store=Down(clock))
    assert tokens.verify(token, reading=True).subject == "ada"
    with pytest.raises(Unavailable):
        tokens.verify(token)
    with pytest.raises(Unavailable):
        tokens.issue("ada")


def test_keys_that_only_verify_issue_nothing(clock: HandClock) -> None:
    class Public:
        def find(self, kid: str) -> Key | None:
            return key_from_jwk(KEY.jwk or {}) if kid == KEY.kid else None

        def version(self) -> int:
            return 0

    tokens = make(clock, Public())
    assert tokens.verify(make(clock).issue("ada"))
    with pytest.raises(SetupError, match="only verify"):
        tokens.issue("ada")


@pytest.mark.parametrize(
    "options",
    [
        {"scopes": ["a b"]},
        {"scopes": [""]},
        {"scopes": ["ü"]},
        {"roles": [""]},
        {"roles": ["a\n"]},
        {"roles": [str(number) * 200 for number in range(99)]},
        {"session": ""},
        {"lifetime_s": 0},
        {"lifetime_s": -5},
    ],
)
def test_what_no_token_can_carry_is_refused_when_it_is_issued(clock: HandClock, options: dict[str, object]) -> None:
    with pytest.raises(SetupError):
        make(clock).issue("ada", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("subject", ["", "a\0b", "x" * 256, "a\nb"])
def test_a_subject_is_a_printable_name(clock: HandClock, subject: str) -> None:
    with pytest.raises(SetupError):
        make(clock).issue(subject)


@pytest.mark.parametrize("options", [{"issuer": ""}, {"audience": ""}, {"lifetime_s": 0}, {"lifetime_s": 10**9}])
def test_wrong_set_up_is_said_at_once(options: dict[str, object]) -> None:
    with pytest.raises(SetupError):
        AccessTokens(Keyring(KEY), Revocations(MemoryRevocations()), **{"issuer": "a", "audience": "b"} | options)  # type: ignore[arg-type]


TOKENS = make(HandClock())
GOOD = TOKENS.issue("ada", scopes=["a"], roles=["r"])


@given(
    st.one_of(
        st.text(),
        st.binary(),
        st.none(),
        st.integers(),
        st.from_regex(r"[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}\.[A-Za-z0-9_-]{0,20}"),
    )
)
def test_nothing_but_a_refusal_comes_of_anything(token: object) -> None:
    with pytest.raises(AuthenticationError):
        TOKENS.verify(token)
    with pytest.raises(AuthenticationError):
        TOKENS.verify_header(token)


@given(st.integers(0, len(GOOD) - 1), st.characters())
def test_one_changed_character_is_enough_to_be_refused(place: int, character: str) -> None:
    token = GOOD[:place] + character + GOOD[place + 1 :]
    if token != GOOD:
        with pytest.raises(AuthenticationError):
            TOKENS.verify(token)


@given(st.integers(0, len(GOOD)), st.text(max_size=5))
def test_nothing_can_be_put_in_or_left_out(place: int, text: str) -> None:
    for token in (GOOD[:place] + text + GOOD[place:], GOOD[:place]):
        if token != GOOD:
            with pytest.raises(AuthenticationError):
                TOKENS.verify(token)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@given(
    st.dictionaries(
        st.sampled_from(["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "scope", "roles", "sid", "x"]), JSON
    )
)
def test_a_signed_token_with_any_claims_is_taken_or_refused_and_nothing_else(changes: dict[str, object]) -> None:
    forger = Forger("EdDSA", int(NOW.timestamp()), issuer="https://shop.example", audience="shop")
    with contextlib.suppress(AuthenticationError):
        TOKENS.verify(forger.forge(claims=changes, key=KEY))
