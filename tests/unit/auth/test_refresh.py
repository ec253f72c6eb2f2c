"""Refresh tokens in a file; what every store promises is in tests/conformance/auth."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.auth.refresh import RefreshEntry, RefreshStore, RefreshTokens, SqliteRefreshStore
from decant.errors import AuthenticationError, Unavailable
from tests.support.clocks import HandClock


@pytest.fixture
def store(tmp_path: Path) -> RefreshStore:
    return SqliteRefreshStore(tmp_path / "auth.sqlite3")


@pytest.fixture
def tokens(store: RefreshStore, clock: HandClock) -> RefreshTokens:
    return RefreshTokens(store, lifetime_s=100, family_lifetime_s=250, clock=clock)


def test_a_token_is_replaced_by_the_next_of_its_family(tokens: RefreshTokens) -> None:
    first = tokens.start("ada")
    second = tokens.rotate(first.token)
    third = tokens.rotate(second.token)
    assert (third.subject, third.family) == ("ada", first.family)
    assert len({first.token, second.token, third.token}) == 3
    assert len(first.token) == 43


def test_only_hashes_are_stored(tokens: RefreshTokens, tmp_path: Path) -> None:
    token = tokens.start("ada").token
    assert all(token.encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_a_token_that_is_used_twice_ends_its_family(store: RefreshStore, clock: HandClock) -> None:
    stolen: list[RefreshEntry] = []
    tokens = RefreshTokens(store, on_reuse=stolen.append, clock=clock)
    first, other = tokens.start("ada"), tokens.start("ada")
    second = tokens.rotate(first.token)
    with pytest.raises(AuthenticationError, match="used already"):
        tokens.rotate(first.token)
    with pytest.raises(AuthenticationError, match="revoked"):
        tokens.rotate(second.token)
    with pytest.raises(AuthenticationError, match="revoked"):
        tokens.rotate(first.token)
    assert [entry.family for entry in stolen] == [first.family, first.family]
    assert tokens.rotate(other.token)


def test_a_token_expires(tokens: RefreshTokens, clock: HandClock) -> None:
    token = tokens.start("ada").token
    clock.forward(100)
    with pytest.raises(AuthenticationError, match="expired"):
        tokens.rotate(token)


def test_what_ended_is_forgotten(tokens: RefreshTokens, store: SqliteRefreshStore, clock: HandClock) -> None:
    old = tokens.start("ada")
    tokens.rotate(old.token)
    clock.forward(251)
    tokens.start("bob")
    with store._file.reading() as connection:
        counts = connection.execute("SELECT (SELECT count(*) FROM refresh_tokens), count(*) FROM refresh_families")
        assert counts.fetchone() == (1, 1)
    with pytest.raises(AuthenticationError, match="not known"):
        tokens.rotate(old.token)


def test_signing_out_ends_the_family_and_no_other(tokens: RefreshTokens) -> None:
    one, other = tokens.start("ada"), tokens.start("ada")
    tokens.end(one.token)
    with pytest.raises(AuthenticationError, match="revoked"):
        tokens.rotate(one.token)
    assert tokens.rotate(other.token)
    tokens.end("A" * 43)


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (None, "missing"),
        ("", "missing"),
        (5, "missing"),
        ("x", "malformed"),
        ("A" * 44, "malformed"),
        ("A" * 42 + "\n", "malformed"),
        ("ü" * 43, "malformed"),
        ("A" * 43, "not known"),
    ],
)
def test_anything_else_is_refused(tokens: RefreshTokens, token: object, message: str) -> None:
    with pytest.raises(AuthenticationError, match=message):
        tokens.rotate(token)


class Nothing(RefreshStore):
    """A store that knows no token."""

    def add(self, entry: RefreshEntry, now: float) -> None: ...

    def exchange(self, digest: bytes, successor: bytes, expires_at: float, now: float) -> RefreshEntry | None: ...

    def end_family(self, family: str) -> None: ...

    def end_subject(self, subject: str) -> None: ...

    def find(self, digest: bytes) -> RefreshEntry | None: ...


@given(st.one_of(st.text(), st.binary(), st.none(), st.integers()))
def test_nothing_but_a_refusal_comes_of_anything(token: object) -> None:
    with pytest.raises(AuthenticationError):
        RefreshTokens(Nothing()).rotate(token)


def test_a_store_that_is_locked_leaves_the_token_good(tokens: RefreshTokens, tmp_path: Path) -> None:
    first = tokens.start("ada")
    other = sqlite3.connect(tmp_path / "auth.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        tokens.rotate(first.token)
    other.execute("ROLLBACK")
    other.close()
    assert tokens.rotate(first.token)
