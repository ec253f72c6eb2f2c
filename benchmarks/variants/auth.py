"""A user's access token, verified the first time and every time after; a sign-in, beside the hash that it waits for."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from argon2 import PasswordHasher

from decant.auth import (
    AccessTokens,
    Identity,
    KeyFolder,
    LoginLimit,
    Passwords,
    RefreshTokens,
    Revocations,
    SqliteFailures,
    SqliteRefreshStore,
    SqliteRevocations,
)


def _tokens() -> AccessTokens:
    home = Path(tempfile.mkdtemp())
    revocations = Revocations(SqliteRevocations(home / "auth.sqlite3"))
    keys = KeyFolder(home / "keys", keep_s=3600)
    return AccessTokens(keys, revocations, issuer="https://shop.example", audience="shop")


def cached() -> Callable[[], object]:
    tokens = _tokens()
    token = tokens.issue("ada", scopes=["orders:read"])
    return lambda: tokens.verify(token)


def identify() -> Callable[[], object]:
    identity = Identity(workspace="shop", home=Path(tempfile.mkdtemp()))
    header = f"Bearer {identity.tokens.issue('ada', scopes=['orders:read'])}"
    return lambda: identity.identify(header, False)


def first_time() -> Callable[[], object]:
    tokens = _tokens()
    token = tokens.issue("ada", scopes=["orders:read"])

    def verify() -> object:
        tokens._known.clear()
        tokens._revocations.forget()
        return tokens.verify(token)

    return verify


PASSWORD = "correct horse battery"


def argon2() -> Callable[[], object]:
    hasher = PasswordHasher(2, 19 * 1024, 1)
    stored = hasher.hash(PASSWORD)
    return lambda: hasher.verify(stored, PASSWORD)


def password() -> Callable[[], object]:
    passwords = Passwords()
    stored = passwords.hash(PASSWORD)
    return lambda: passwords.verify(stored, PASSWORD)


def sign_in() -> Callable[[], object]:
    """Do all that a sign-in does besides finding the account: limit, password, refresh token, access token."""
    file = Path(tempfile.mkdtemp()) / "sign-ins.sqlite3"
    passwords, tokens = Passwords(), _tokens()
    limit, refresh_tokens = LoginLimit(SqliteFailures(file)), RefreshTokens(SqliteRefreshStore(file))
    stored = passwords.hash(PASSWORD)

    def once() -> object:
        with limit.attempt("ada@example.org", "192.0.2.7"):
            passwords.verify(stored, PASSWORD)
        first = refresh_tokens.start("ada")
        return tokens.issue("ada", session=first.family)

    return once
