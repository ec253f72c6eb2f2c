"""The accounts by themselves: a service is made by hand, with a session and what signing in needs."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from store.auth import module
from store.auth.api import EmailTaken, Registration, SignUp, UsernameReserved, UsernameTaken, WrongCredentials
from store.auth.models import UserRow
from store.auth.seed import seed
from store.auth.service import AuthService
from store.auth.settings import AuthSettings

from decant import CallContext, Caller
from decant.auth import (
    AccessTokens,
    Keyring,
    LoginLimit,
    MemoryFailures,
    MemoryRevocations,
    Passwords,
    RefreshTokens,
    Revocations,
    SqliteRefreshStore,
    TooManyAttempts,
    generate_key,
    key_from_pem,
)
from decant.auth.sign_out import SignOut
from decant.clock import SystemClock
from decant.db import assert_no_drift, assert_reversible
from decant.errors import AuthenticationError

ADA = SignUp(email="Ada@Example.org", password="correct horse", name="Ada Lovelace")
PASSWORDS = Passwords(memory_kib=64, passes=1)
KEYS = Keyring(key_from_pem(generate_key().decode(), "a key"))


class Desk:
    """Makes the service as a caller meets it, signed in with a token or not."""

    def __init__(self, db: Session, folder: Path) -> None:
        self.db = db
        self.tokens = AccessTokens(KEYS, Revocations(MemoryRevocations()), issuer="store", audience="store")
        self.refresh_tokens = RefreshTokens(
            SqliteRefreshStore(folder / "refresh.sqlite3"),
            on_reuse=lambda entry: self.tokens.revoke_session(entry.family),
        )
        self.limit = LoginLimit(MemoryFailures(), per_account=3)

    def __call__(self, token: str | None = None, passwords: Passwords = PASSWORDS) -> AuthService:
        self.db.commit()  # the call before has ended
        caller = self.tokens.verify(token).caller() if token else Caller()
        return AuthService(
            self.db,
            CallContext(caller=caller, authorization=f"Bearer {token}" if token else None),
            passwords=passwords,
            limit=self.limit,
            tokens=self.tokens,
            refresh_tokens=self.refresh_tokens,
            ending=SignOut(self.tokens, self.refresh_tokens),
            clock=SystemClock(),
        )

    def refuses(self, token: str) -> bool:
        try:
            self.tokens.verify(token)
        except AuthenticationError:
            return True
        return False


@pytest.fixture
def auth(auth_db: Session, tmp_path: Path) -> Desk:
    return Desk(auth_db, tmp_path)


def registration(username: str = "ada", email: str = "ada@example.org") -> Registration:
    return Registration(username=username, email=email, password="correct horse")


def test_signing_up_takes_the_address_for_a_username_and_signs_in(auth: Desk) -> None:
    account = auth(auth().sign_up(ADA).access_token).me()
    assert (account.username, account.email, account.name) == ("ada@example.org", "ada@example.org", "Ada Lovelace")
    assert account.created_at.utcoffset() is not None


def test_a_password_is_stored_as_a_hash_of_argon2id(auth: Desk) -> None:
    auth().register(registration())
    assert (auth.db.scalar(select(UserRow.password_hash)) or "").startswith("$argon2id$")


@pytest.mark.parametrize("email", ["ada@example.org", "ADA@EXAMPLE.ORG"])
def test_an_address_has_one_account_upper_case_or_not(auth: Desk, email: str) -> None:
    auth().register(registration())
    with pytest.raises(EmailTaken):
        auth().register(registration("another", email))
    assert auth.db.scalar(select(func.count()).select_from(UserRow)) == 1


@pytest.mark.parametrize("username", ["ada", "Ada"])
def test_a_username_has_one_account_upper_case_or_not(auth: Desk, username: str) -> None:
    auth().register(registration())
    with pytest.raises(UsernameTaken):
        auth().register(registration(username, "another@example.org"))


def test_nobody_takes_another_ones_address_for_a_username(auth: Desk) -> None:
    with pytest.raises(UsernameReserved):
        auth().register(registration("bob@example.org"))
    auth().register(registration("Ada@example.org"))


@pytest.mark.parametrize(("email", "password"), [("ada@example.org", "wrong horse"), ("bob@example.org", "any horse")])
def test_a_wrong_password_and_an_unknown_address_are_told_alike(auth: Desk, email: str, password: str) -> None:
    auth().sign_up(ADA)
    with pytest.raises(WrongCredentials) as caught:
        auth().sign_in(email, password, "192.0.2.7")
    assert caught.value.detail == "The e-mail address or the password is wrong."


def test_the_right_password_signs_in_however_the_address_is_written(auth: Desk) -> None:
    signed_up = auth().sign_up(ADA)
    signed_in = auth().sign_in("ADA@example.ORG", "correct horse", "192.0.2.7")
    assert signed_in.user_id == signed_up.user_id
    assert signed_in.expires_in == 24 * 3600


def test_after_too_many_failures_even_the_right_password_waits(auth: Desk) -> None:
    auth().sign_up(ADA)
    for _ in range(3):
        with pytest.raises(WrongCredentials):
            auth().sign_in("ada@example.org", "wrong horse", "192.0.2.7")
    with pytest.raises(TooManyAttempts) as caught:
        auth().sign_in("ada@example.org", "correct horse", "192.0.2.8")
    assert 0 < int(caught.value.headers()["Retry-After"]) <= 60


def test_a_sign_in_makes_an_outdated_hash_new(auth: Desk) -> None:
    auth().sign_up(ADA)
    stronger = Passwords(memory_kib=128, passes=1)
    auth(passwords=stronger).sign_in("ada@example.org", "correct horse", "192.0.2.7")
    auth.db.commit()
    assert not stronger.needs_rehash(auth.db.scalar(select(UserRow.password_hash)) or "")
    auth(passwords=stronger).sign_in("ada@example.org", "correct horse", "192.0.2.7")


def test_an_account_without_a_password_signs_nobody_in(auth: Desk) -> None:
    auth().sign_up(ADA)
    auth.db.execute(update(UserRow).values(password_hash="!"))
    with pytest.raises(WrongCredentials):
        auth().sign_in("ada@example.org", "!", "192.0.2.7")


def test_signing_out_ends_the_access_token_and_the_refresh_token(auth: Desk) -> None:
    one, other = auth().sign_up(ADA), auth().sign_in("ada@example.org", "correct horse", "192.0.2.7")
    auth(one.access_token).sign_out()
    assert auth.refuses(one.access_token)
    assert not auth.refuses(other.access_token)
    with pytest.raises(AuthenticationError, match="revoked"):
        auth().refresh(one.refresh_token)


def test_signing_out_everywhere_ends_every_token(auth: Desk) -> None:
    one, other = auth().sign_up(ADA), auth().sign_in("ada@example.org", "correct horse", "192.0.2.7")
    auth(one.access_token).sign_out_everywhere()
    assert auth.refuses(one.access_token)
    assert auth.refuses(other.access_token)
    with pytest.raises(AuthenticationError):
        auth().refresh(other.refresh_token)


def test_a_refresh_token_is_good_for_one_use(auth: Desk) -> None:
    first = auth().sign_up(ADA)
    second = auth().refresh(first.refresh_token)
    assert auth(second.access_token).me().user_id == first.user_id
    with pytest.raises(AuthenticationError, match="used already"):
        auth().refresh(first.refresh_token)
    assert auth.refuses(second.access_token)
    with pytest.raises(AuthenticationError, match="revoked"):
        auth().refresh(second.refresh_token)


def test_the_account_of_a_token_may_be_gone(auth: Desk) -> None:
    with pytest.raises(AuthenticationError, match="gone"):
        auth(auth.tokens.issue("nobody")).me()


def test_sign_ins_are_written_down_without_what_was_typed(auth: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "decant.audit"):
        user_id = auth().sign_up(ADA).user_id
        with pytest.raises(WrongCredentials):
            auth().sign_in("ada@example.org", "wrong horse", "192.0.2.7")
        with pytest.raises(WrongCredentials):
            auth().sign_in("hunter2", "wrong horse", "192.0.2.7")
    known, unknown = caplog.records[1:]
    assert (known.event, known.outcome, known.subject) == ("sign-in", "refused", user_id)  # type: ignore[attr-defined]
    assert (unknown.reason, unknown.address) == ("auth.wrong-credentials", "192.0.2.7")  # type: ignore[attr-defined]
    written = repr([record.__dict__ for record in caplog.records])
    assert [secret for secret in ("horse", "hunter2", "ada@example.org") if secret in written] == []


def test_what_a_user_is_stands_in_their_tokens_also_in_renewed_ones(auth: Desk, auth_db: Session) -> None:
    signed_up = auth().sign_up(ADA)
    assert auth.tokens.verify(signed_up.access_token).roles == frozenset()
    auth_db.execute(update(UserRow).values(roles="admin helper"))
    signed_in = auth().sign_in("ada@example.org", "correct horse", "192.0.2.1")
    for answer in (signed_in, auth().refresh(signed_in.refresh_token)):
        assert auth.tokens.verify(answer.access_token).roles == {"admin", "helper"}


def test_an_administrator_is_seeded_once_and_only_where_a_password_is_set(auth_db: Session) -> None:
    for settings in (AuthSettings(), AuthSettings(admin_password=SecretStr("light the lamp"))):
        assert auth_db.scalar(select(func.count()).select_from(UserRow)) == 0
        seed(auth_db, PASSWORDS, SystemClock(), settings)
    seed(auth_db, PASSWORDS, SystemClock(), settings)
    assert auth_db.scalars(select(UserRow.roles)).all() == ["admin"]


def test_the_revisions_make_the_models_tables_and_can_be_undone() -> None:
    assert_no_drift(module)
    assert_reversible(module)
