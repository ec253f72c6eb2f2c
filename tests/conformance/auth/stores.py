"""What every store behind signing in promises. Subclass a suite, and give it a fixture ``store``.

Times come from :class:`HandClock`; a store that forgets by a clock of its own overrides ``forward``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from decant.auth import FailureStore, RefreshEntry, RefreshStore, RefreshTokens, RevocationStore
from decant.errors import AuthenticationError
from tests.support.clocks import NOW, HandClock

SECOND = NOW.timestamp()
Forward = Callable[[float], None]


class Suite:
    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    def forward(self, clock: HandClock) -> Forward:
        """Return what lets seconds pass."""
        return clock.forward


class RevocationStoreSuite(Suite):
    """Gives ``store`` the clock of the fixture ``clock``."""

    def test_nothing_is_revoked_at_first(self, store: RevocationStore) -> None:
        assert not store.is_revoked(["t1"])
        assert not store.is_revoked(["t1", "s1"])
        assert store.issued_before("ada") == 0

    def test_a_revoked_token_is_known_and_others_are_not_touched(self, store: RevocationStore) -> None:
        store.revoke("t1", SECOND + 60)
        assert store.is_revoked(["t1"])
        assert store.is_revoked(["t2", "t1"])
        assert not store.is_revoked(["t2", "t'1", ""])

    def test_revoking_twice_is_revoking_once_for_the_longer_time(
        self, store: RevocationStore, forward: Forward
    ) -> None:
        store.revoke("t1", SECOND + 60)
        store.revoke("t1", SECOND + 30)
        forward(45)
        assert store.is_revoked(["t1"])

    def test_an_entry_is_forgotten_after_its_time(self, store: RevocationStore, forward: Forward) -> None:
        store.revoke("t1", SECOND + 60)
        store.revoke_before("ada", int(SECOND), SECOND + 60)
        forward(62)
        assert not store.is_revoked(["t1"])
        assert store.issued_before("ada") == 0

    def test_what_is_over_already_is_not_kept(self, store: RevocationStore) -> None:
        store.revoke("t1", SECOND - 5)
        assert not store.is_revoked(["t1"])

    def test_the_later_moment_counts(self, store: RevocationStore) -> None:
        store.revoke_before("ada", 1_767_322_845, SECOND + 60)
        store.revoke_before("ada", 100, SECOND + 30)
        assert (store.issued_before("ada"), store.issued_before("bob")) == (1_767_322_845, 0)

    def test_many_threads_revoke_at_once(self, store: RevocationStore) -> None:
        names = [f"t{number}" for number in range(40)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: store.revoke(name, SECOND + 60), names))
        assert all(store.is_revoked([name]) for name in names)

    def test_it_can_be_used_after_it_was_closed(self, store: RevocationStore) -> None:
        store.revoke("t1", SECOND + 60)
        store.close()
        assert store.is_revoked(["t1"])


class FailureStoreSuite(Suite):
    def test_nothing_failed_at_first(self, store: FailureStore) -> None:
        assert list(store.recent(b"ada", 0.0, 10)) == []

    def test_a_failure_is_noted_under_each_key(self, store: FailureStore) -> None:
        store.add([b"ada", b"here"], SECOND, SECOND - 60)
        store.add([b"bob", b"here"], SECOND + 1, SECOND - 59)
        assert list(store.recent(b"ada", SECOND - 60, 10)) == [SECOND]
        assert list(store.recent(b"here", SECOND - 60, 10)) == [SECOND + 1, SECOND]

    def test_failures_of_one_moment_are_counted_each(self, store: FailureStore) -> None:
        for _ in range(3):
            store.add([b"ada"], SECOND, SECOND - 60)
        assert list(store.recent(b"ada", SECOND - 60, 10)) == [SECOND] * 3

    def test_the_newest_are_told_and_no_more_than_asked_for(self, store: FailureStore) -> None:
        for number in range(5):
            store.add([b"ada"], SECOND + number + 0.25, SECOND - 60)
        assert list(store.recent(b"ada", 0.0, 2)) == [SECOND + 4.25, SECOND + 3.25]

    def test_a_moment_itself_is_not_after_it(self, store: FailureStore) -> None:
        store.add([b"ada"], SECOND, SECOND - 60)
        assert list(store.recent(b"ada", SECOND, 10)) == []

    def test_old_ones_are_forgotten_when_new_ones_come(self, store: FailureStore) -> None:
        store.add([b"ada"], SECOND, SECOND - 60)
        store.add([b"ada"], SECOND + 61, SECOND + 1)
        assert list(store.recent(b"ada", 0.0, 10)) == [SECOND + 61]

    def test_what_is_cleared_is_gone_and_nothing_else(self, store: FailureStore) -> None:
        store.add([b"ada", b"here"], SECOND, SECOND - 60)
        store.clear(b"ada")
        store.clear(b"nobody")
        assert list(store.recent(b"ada", 0.0, 10)) == []
        assert list(store.recent(b"here", 0.0, 10)) == [SECOND]

    def test_many_threads_fail_at_once(self, store: FailureStore) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: store.add([b"here"], SECOND + number, SECOND - 60), range(40)))
        assert len(store.recent(b"here", 0.0, 100)) == 40


class RefreshStoreSuite(Suite):
    @pytest.fixture
    def tokens(self, store: RefreshStore, clock: HandClock) -> RefreshTokens:
        return RefreshTokens(store, lifetime_s=100, family_lifetime_s=250, clock=clock)

    def test_what_was_stored_is_found(self, store: RefreshStore) -> None:
        entry = RefreshEntry(digest_of("one"), "f1", "ada", SECOND + 100.25, SECOND + 250.125)
        store.add(entry, SECOND)
        assert store.find(digest_of("one")) == entry
        assert store.find(digest_of("two")) is None

    def test_an_exchange_uses_up_a_token_and_stores_its_successor(self, store: RefreshStore) -> None:
        entry = RefreshEntry(digest_of("one"), "f1", "ada", SECOND + 100, SECOND + 250)
        store.add(entry, SECOND)
        assert store.exchange(digest_of("one"), digest_of("two"), SECOND + 300, SECOND) == entry
        used, successor = store.find(digest_of("one")), store.find(digest_of("two"))
        assert used == RefreshEntry(entry.digest, "f1", "ada", SECOND + 100, SECOND + 250, used=True)
        assert successor == RefreshEntry(digest_of("two"), "f1", "ada", SECOND + 250, SECOND + 250)

    def test_an_unknown_token_is_exchanged_for_nothing(self, store: RefreshStore) -> None:
        assert store.exchange(digest_of("one"), digest_of("two"), SECOND + 100, SECOND) is None
        assert store.find(digest_of("two")) is None

    def test_an_expired_token_changes_nothing(self, store: RefreshStore) -> None:
        entry = RefreshEntry(digest_of("one"), "f1", "ada", SECOND + 100, SECOND + 250)
        store.add(entry, SECOND)
        assert store.exchange(digest_of("one"), digest_of("two"), SECOND + 200, SECOND + 100) == entry
        assert (store.find(digest_of("one")), store.find(digest_of("two"))) == (entry, None)

    def test_a_token_that_is_used_twice_ends_its_family(self, tokens: RefreshTokens) -> None:
        first, other = tokens.start("ada"), tokens.start("ada")
        second = tokens.rotate(first.token)
        with pytest.raises(AuthenticationError, match="used already"):
            tokens.rotate(first.token)
        with pytest.raises(AuthenticationError, match="revoked"):
            tokens.rotate(second.token)
        assert tokens.rotate(other.token)

    def test_a_family_can_be_ended_and_no_other_ends(self, tokens: RefreshTokens) -> None:
        one, other = tokens.start("ada"), tokens.start("ada")
        tokens.end_family(one.family)
        tokens.end_family("nobody's")
        with pytest.raises(AuthenticationError, match="revoked"):
            tokens.rotate(one.token)
        assert tokens.rotate(other.token)

    def test_all_families_of_a_user_can_be_ended_and_nobody_elses(self, tokens: RefreshTokens) -> None:
        mine, bobs = [tokens.start("ada") for _ in range(3)], tokens.start("bob")
        tokens.end_all("ada")
        tokens.end_all("nobody")
        for each in mine:
            with pytest.raises(AuthenticationError, match="revoked"):
                tokens.rotate(each.token)
        assert tokens.rotate(bobs.token)
        assert tokens.rotate(tokens.start("ada").token)

    def test_it_is_told_which_families_end(self, store: RefreshStore, tokens: RefreshTokens) -> None:
        mine = [tokens.start("ada") for _ in range(3)]
        tokens.end_family(mine[0].family)
        assert sorted(store.end_subject("ada")) == sorted(started.family for started in mine[1:])
        assert list(store.end_subject("ada")) == []

    def test_a_family_ends_however_often_its_user_comes(self, tokens: RefreshTokens, forward: Forward) -> None:
        last = tokens.start("ada")
        for _ in range(3):
            forward(80)
            last = tokens.rotate(last.token)
        assert last.expires_at == SECOND + 250
        forward(10)
        with pytest.raises(AuthenticationError):
            tokens.rotate(last.token)

    def test_what_ended_is_forgotten(self, tokens: RefreshTokens, forward: Forward) -> None:
        old = tokens.start("ada")
        young = tokens.rotate(old.token)
        forward(252)
        tokens.start("bob")
        for gone in (old, young):
            with pytest.raises(AuthenticationError, match="not known"):
                tokens.rotate(gone.token)

    def test_of_many_that_use_a_token_at_once_one_wins_and_the_family_ends(self, tokens: RefreshTokens) -> None:
        first, start = tokens.start("ada"), threading.Barrier(8)

        def use(_: int) -> str | None:
            start.wait(10)
            try:
                return tokens.rotate(first.token).token
            except AuthenticationError:
                return None

        with ThreadPoolExecutor(8) as pool:
            (won,) = filter(None, pool.map(use, range(8)))
        with pytest.raises(AuthenticationError, match="revoked"):
            tokens.rotate(won)


def digest_of(text: str) -> bytes:
    return sha256(text.encode()).digest()
