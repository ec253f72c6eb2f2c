import threading
import time
import unicodedata
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decant.auth.passwords import LONGEST, Passwords, SignInBusy
from decant.context import deadline
from decant.errors import ValidationError
from tests.support.waiting import wait_until

QUICK = Passwords(at_once=8, memory_kib=16, passes=1)


def test_the_parameters_are_those_that_are_promised() -> None:
    assert Passwords().hash("secret").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_password_is_found_again_and_another_one_is_not() -> None:
    stored = QUICK.hash("correct horse")
    assert QUICK.verify(stored, "correct horse")
    assert not QUICK.verify(stored, "correct horse ")


def test_the_same_password_is_stored_differently_each_time() -> None:
    assert QUICK.hash("secret") != QUICK.hash("secret")


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_every_text_is_a_password(password: str) -> None:
    assert QUICK.verify(QUICK.hash(password), password)


def test_the_same_text_composed_and_decomposed_is_the_same_password() -> None:
    composed = "Zürich Å"
    assert QUICK.verify(QUICK.hash(composed), unicodedata.normalize("NFD", composed))


def test_look_alikes_are_different_passwords() -> None:
    assert not QUICK.verify(QUICK.hash("ﬁsh"), "fish")


@pytest.mark.parametrize("password", ["x", "x" * LONGEST, "ü" * LONGEST, "a\0b"])
def test_everything_from_1_to_1024_characters_is_accepted(password: str) -> None:
    assert QUICK.verify(QUICK.hash(password), password)


def test_what_follows_a_nul_counts() -> None:
    assert not QUICK.verify(QUICK.hash("a\0b"), "a\0c")


@pytest.mark.parametrize("password", ["", "x" * (LONGEST + 1), "\ud800", None, 5])
def test_what_cannot_be_a_password_is_refused_when_it_is_set(password: str) -> None:
    with pytest.raises(ValidationError) as caught:
        QUICK.hash(password)
    assert [fault["field"] for fault in caught.value.errors] == ["password"]


@pytest.mark.parametrize("password", ["", "x" * (LONGEST + 1), "\ud800", None])
def test_what_cannot_be_a_password_matches_nothing(password: str) -> None:
    assert not QUICK.verify(QUICK.hash("secret"), password)


@pytest.mark.parametrize("stored", ["", "!", "plain", "$argon2id$", "$argon2id$v=19$m=16,t=1,p=1$YQ$YQ", "\ud800", "ü"])
def test_a_stored_text_that_is_no_hash_matches_nothing(stored: str) -> None:
    assert not QUICK.verify(stored, "secret")


def test_a_hash_with_other_parameters_is_to_be_made_again() -> None:
    stored = QUICK.hash("secret")
    assert Passwords().needs_rehash(stored)
    assert not QUICK.needs_rehash(stored)
    assert QUICK.needs_rehash("!")


def test_a_hash_with_other_parameters_is_still_verified() -> None:
    assert Passwords().verify(QUICK.hash("secret"), "secret")


def test_an_unknown_account_takes_as_long_as_a_wrong_password() -> None:
    passwords = Passwords(at_once=1)
    stored = passwords.hash("secret")

    def cpu_s(call: object) -> float:
        samples = []
        for _ in range(9):
            started = time.thread_time()
            call()  # type: ignore[operator]
            samples.append(time.thread_time() - started)
        return min(samples)

    known, unknown = cpu_s(lambda: passwords.verify(stored, "wrong")), cpu_s(lambda: passwords.dummy_verify("wrong"))
    assert 0.7 < unknown / known < 1.4


def test_an_account_without_a_password_takes_as_long_too() -> None:
    passwords = Passwords(at_once=1)
    started = time.thread_time()
    passwords.verify("!", "secret")
    assert time.thread_time() - started > 0.002


class Held:
    """Fills the places of a ``Passwords`` until it is let go."""

    def __init__(self, passwords: Passwords, count: int) -> None:
        self.release = threading.Event()
        self.inside = threading.Semaphore(0)
        self.threads = [threading.Thread(target=self._hold, args=[passwords]) for _ in range(count)]

    def _hold(self, passwords: Passwords) -> None:
        with passwords._turn():
            self.inside.release()
            self.release.wait(10)

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        for _ in self.threads:
            assert self.inside.acquire(timeout=10)
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        for thread in self.threads:
            thread.join(10)


def test_who_waits_too_long_is_told_when_to_come_again() -> None:
    passwords = Passwords(at_once=1, wait_s=0.01, memory_kib=16)
    with Held(passwords, 1), pytest.raises(SignInBusy) as caught:
        passwords.hash("secret")
    assert (caught.value.status, caught.value.headers()) == (503, {"Retry-After": "1"})
    assert passwords.hash("secret")


def test_who_finds_no_place_to_wait_is_refused_at_once() -> None:
    passwords = Passwords(at_once=1, waiting=0, wait_s=60, memory_kib=16)
    with Held(passwords, 1):
        for attempt in (lambda: passwords.verify("!", "secret"), passwords.dummy_verify, lambda: passwords.hash("x")):
            with pytest.raises(SignInBusy):
                attempt()


def test_nobody_waits_beyond_the_deadline_of_the_call() -> None:
    passwords = Passwords(at_once=1, wait_s=60, memory_kib=16)
    with Held(passwords, 1), deadline(0.01), pytest.raises(SignInBusy):
        passwords.hash("secret")


def test_who_waits_gets_a_turn() -> None:
    passwords = Passwords(at_once=1, wait_s=10, memory_kib=16)
    done: list[str] = []
    with Held(passwords, 1) as held:
        waiter = threading.Thread(target=lambda: done.append(passwords.hash("secret")))
        waiter.start()
        assert not done
        held.release.set()
        wait_until(lambda: done, what="the hash")
        waiter.join(10)


def test_never_more_than_the_bound_run_at_once() -> None:
    passwords = Passwords(at_once=2, waiting=50, wait_s=10, memory_kib=16)
    with Held(passwords, 2):
        assert passwords._turns._value == 0  # type: ignore[attr-defined]
    assert passwords._turns._value == 2  # type: ignore[attr-defined]
