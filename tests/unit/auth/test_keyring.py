import stat
import tempfile
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from decant.auth import generate_key
from decant.auth.keyring import ANNOUNCE_S, REREAD_S, KeyFolder, Keyring, open_keyring
from decant.auth.revocation import MemoryRevocations, Revocations
from decant.auth.signing import key_from_jwk, key_from_pem, key_from_private, key_from_secret
from decant.auth.tokens import LEEWAY_S, AccessTokens
from decant.errors import SetupError
from tests.support.clocks import HandClock

A, B = (key_from_private(ed25519.Ed25519PrivateKey.generate()) for _ in range(2))
P256 = key_from_private(ec.generate_private_key(ec.SECP256R1()))
SECRET = "a shared secret of 32 bytes, or more"


def test_one_key_signs_and_the_others_verify() -> None:
    ring = Keyring(A, [P256])
    assert ring.signing() is A
    assert (ring.find(A.kid), ring.find(P256.kid), ring.find(B.kid)) == (A, P256, None)


def test_after_a_rotation_the_old_key_still_verifies_until_it_is_retired() -> None:
    ring = Keyring(A)
    ring.rotate(B)
    assert ring.signing() is B
    assert ring.find(A.kid) is A
    before = ring.version()
    ring.retire(A.kid)
    assert ring.find(A.kid) is None
    assert ring.version() != before


def test_a_key_that_was_announced_can_be_rotated_to() -> None:
    ring = Keyring(A, [B])
    ring.rotate(B)
    assert ring.signing() is B


def test_the_signing_key_cannot_be_retired() -> None:
    with pytest.raises(SetupError, match="Rotate"):
        Keyring(A).retire(A.kid)


def test_a_public_key_cannot_sign_and_no_key_is_there_twice() -> None:
    with pytest.raises(SetupError, match="private key"):
        Keyring(key_from_jwk(A.jwk or {}))
    with pytest.raises(SetupError, match="twice"):
        Keyring(A, [A])


def test_the_key_set_holds_public_keys_only() -> None:
    keys = Keyring(A, [P256, key_from_secret(SECRET)]).jwks()["keys"]
    assert [(key["kid"], key["alg"], key["use"]) for key in keys] == [
        (A.kid, "EdDSA", "sig"),
        (P256.kid, "ES256", "sig"),
    ]
    assert not any({"d", "k", "p", "q"} & key.keys() for key in keys)


def test_a_folder_makes_its_first_key_for_its_owner_alone(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys" / "users", keep_s=60)
    (file,) = folder.path.glob("*.pem")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert key_from_pem(file.read_bytes()).kid == folder.signing().kid


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    kids: list[str] = []
    threads = [
        threading.Thread(target=lambda: kids.append(KeyFolder(tmp_path, keep_s=60).signing().kid)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(kids) == 8
    assert len(set(kids)) == 1


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path, keep_s=60)
    next(folder.path.glob("*.pem")).chmod(0o644)
    with pytest.raises(SetupError, match="chmod 600"):
        KeyFolder(tmp_path, keep_s=60)


def test_a_new_key_verifies_at_once_and_signs_once_it_was_announced(tmp_path: Path, clock: HandClock) -> None:
    folder = KeyFolder(tmp_path, keep_s=60, clock=clock)
    first = folder.signing().kid
    second = folder.rotate().kid
    assert folder.find(second)
    assert {key["kid"] for key in folder.jwks()["keys"]} == {first, second}
    assert folder.signing().kid == first
    clock.forward(ANNOUNCE_S)
    assert folder.signing().kid == second


def test_another_process_finds_a_new_key_after_a_second(tmp_path: Path, clock: HandClock) -> None:
    here, there = (KeyFolder(tmp_path, keep_s=60, clock=clock) for _ in range(2))
    kid = here.rotate().kid
    there._look_again_at = 0.0
    assert there.find(kid)


def test_a_key_is_deleted_once_all_its_tokens_have_expired(tmp_path: Path, clock: HandClock) -> None:
    folder = KeyFolder(tmp_path, keep_s=60, clock=clock)
    first, version = folder.signing().kid, folder.version()
    folder.rotate()
    clock.forward(ANNOUNCE_S + 59)
    folder.rotate()
    assert folder.find(first)
    clock.forward(5)
    folder.rotate()
    assert folder.find(first) is None
    assert folder.version() != version


def test_a_folder_whose_keys_are_gone_is_said_so(tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path, keep_s=60)
    next(folder.path.glob("*.pem")).unlink()
    folder._look_again_at = 0.0
    with pytest.raises(SetupError, match="gone"):
        folder.version()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.just("rotate"), st.just("issue"), st.floats(0.1, 90.0)), max_size=25))
def test_no_rotation_refuses_a_token_that_is_still_valid(steps: list[object]) -> None:
    lifetime_s, clock = 60, HandClock()
    with tempfile.TemporaryDirectory() as home:
        folders = [KeyFolder(Path(home), keep_s=lifetime_s + LEEWAY_S, clock=clock) for _ in range(2)]
        issuer, verifier = (
            AccessTokens(
                folder,
                Revocations(MemoryRevocations(clock), clock),
                issuer="shop",
                audience="api",
                lifetime_s=lifetime_s,
                clock=clock,
            )
            for folder in folders
        )
        issued: list[tuple[float, str]] = []
        looked_at = clock.monotonic()
        for step in steps:
            if step == "rotate":
                folders[0].rotate()
            elif step == "issue":
                issued.append((clock.monotonic(), issuer.issue("ada")))
            else:
                assert isinstance(step, float)
                clock.forward(step)
                if clock.monotonic() >= looked_at + REREAD_S:  # the other process looks into the folder every second
                    folders[1]._look_again_at, looked_at = 0.0, clock.monotonic()
            for at, token in issued:
                if clock.monotonic() < at + lifetime_s - 1:
                    assert verifier.verify(token).subject == "ada"


def test_the_settings_choose_the_keys(tmp_path: Path) -> None:
    new, old = generate_key().decode(), generate_key().decode()
    ring = open_keyring(signing_key=new, verifying_keys=[old], keep_s=60)
    assert ring.signing().kid == key_from_pem(new).kid
    assert ring.find(key_from_pem(old).kid)
    assert open_keyring(secret=SECRET, keep_s=60).signing().algorithm == "HS256"
    assert open_keyring(home=tmp_path, keep_s=60).signing().algorithm == "EdDSA"
    assert list((tmp_path / "keys" / "users").iterdir())


def test_production_needs_a_key_of_its_settings() -> None:
    with pytest.raises(SetupError, match="no key"):
        open_keyring(keep_s=60)


@pytest.mark.parametrize("options", [{"signing_key": generate_key().decode()}, {"verifying_keys": ["x"]}])
def test_a_secret_and_a_key_pair_are_one_too_many(options: dict[str, object]) -> None:
    with pytest.raises(SetupError, match="two kinds"):
        open_keyring(secret=SECRET, keep_s=60, **options)  # type: ignore[arg-type]


def test_a_verifying_key_that_is_none_is_named() -> None:
    with pytest.raises(SetupError, match="Key 2 of DECANT_AUTH_VERIFYING_KEYS"):
        open_keyring(signing_key=generate_key().decode(), verifying_keys=[generate_key().decode(), "x"], keep_s=60)
