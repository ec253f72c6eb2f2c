"""Verifying a user's access token: the first time, and every time after."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from decant.auth import AccessTokens, KeyFolder, Revocations, SqliteRevocations


def _tokens() -> AccessTokens:
    home = Path(tempfile.mkdtemp())
    revocations = Revocations(SqliteRevocations(home / "auth.sqlite3"))
    keys = KeyFolder(home / "keys", keep_s=3600)
    return AccessTokens(keys, revocations, issuer="https://shop.example", audience="shop")


def cached() -> Callable[[], object]:
    tokens = _tokens()
    token = tokens.issue("ada", scopes=["orders:read"])
    return lambda: tokens.verify(token)


def first_time() -> Callable[[], object]:
    tokens = _tokens()
    token = tokens.issue("ada", scopes=["orders:read"])

    def verify() -> object:
        tokens._known.clear()
        tokens._revocations.forget()
        return tokens.verify(token)

    return verify
