import contextlib
import threading
from pathlib import Path

import pytest

from decant.auth.limits import FailureStore, LoginLimit, MemoryFailures, SqliteFailures, TooManyAttempts
from decant.errors import AuthenticationError
from tests.support.clocks import HandClock

HERE = "192.0.2.7"


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FailureStore:
    return MemoryFailures() if request.param == "memory" else SqliteFailures(tmp_path / "auth.sqlite3")


@pytest.fixture
def limit(store: FailureStore, clock: HandClock) -> LoginLimit:
    return LoginLimit(store, clock=clock)


def fail(limit: LoginLimit, account: str = "ada", address: str = HERE) -> None:
    with pytest.raises(AuthenticationError), limit.attempt(account, address):
        raise AuthenticationError("wrong password")


def succeed(limit: LoginLimit, account: str = "ada", address: str = HERE) -> None:
    with limit.attempt(account, address):
        pass


def test_ten_failures_a_minute_are_allowed_and_then_not_even_the_right_password_is(limit: LoginLimit) -> None:
    for _ in range(10):
        fail(limit)
    with pytest.raises(TooManyAttempts) as caught:
        succeed(limit)
    assert (caught.value.status, caught.value.headers()) == (429, {"Retry-After": "60"})


def test_what_is_refused_does_not_run(limit: LoginLimit) -> None:
    for _ in range(10):
        fail(limit)
    ran = False
    with pytest.raises(TooManyAttempts), limit.attempt("ada", HERE):
        ran = True
    assert not ran


def test_successes_do_not_count(limit: LoginLimit) -> None:
    for _ in range(300):
        succeed(limit)


def test_the_time_to_wait_is_that_until_a_failure_is_forgotten(limit: LoginLimit, clock: HandClock) -> None:
    for _ in range(10):
        fail(limit)
        clock.forward(5)
    with pytest.raises(TooManyAttempts) as caught:
        limit.check("ada", HERE)
    assert caught.value.retry_after_s == 10
    clock.forward(10)
    fail(limit)
    with pytest.raises(TooManyAttempts):
        limit.check("ada", HERE)


def test_a_success_forgets_the_failures_of_the_account(limit: LoginLimit) -> None:
    for _ in range(5):
        for _ in range(9):
            fail(limit)
        succeed(limit)


def test_a_success_does_not_forget_those_of_the_address(limit: LoginLimit) -> None:
    for number in range(100):
        fail(limit, f"user{number}")
        if number % 10 == 0:
            succeed(limit, "mallory")
    with pytest.raises(TooManyAttempts):
        succeed(limit, "mallory")
    succeed(limit, "mallory", "192.0.2.8")


def test_one_account_is_no_matter_to_another(limit: LoginLimit) -> None:
    for _ in range(10):
        fail(limit)
    succeed(limit, "bob")


def test_an_account_is_the_same_however_it_is_typed(limit: LoginLimit) -> None:
    for number in range(10):
        fail(limit, (" Zoë@Example.org", "zoe\u0308@example.ORG ")[number % 2])
    with pytest.raises(TooManyAttempts):
        succeed(limit, "zoë@example.org")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("unix:", "unix:", True),
        ("", "fe80::1%eth0", False),
    ],
)
def test_an_address_is_what_one_client_has(clock: HandClock, one: str, other: str, same: bool) -> None:
    limit = LoginLimit(MemoryFailures(), per_address=1, clock=clock)
    fail(limit, "ada", one)
    if same:
        with pytest.raises(TooManyAttempts):
            succeed(limit, "bob", other)
    else:
        succeed(limit, "bob", other)


def test_other_errors_are_no_failures(limit: LoginLimit) -> None:
    for _ in range(20):
        with pytest.raises(KeyError), limit.attempt("ada", HERE):
            raise KeyError
    succeed(limit)


def test_of_many_guesses_at_once_none_is_told_to_be_right_after_ten_failures(limit: LoginLimit) -> None:
    checked, failed, told = threading.Barrier(41), threading.Barrier(41), []

    def wrong() -> None:
        with contextlib.suppress(AuthenticationError), limit.attempt("ada", HERE):
            checked.wait(20)
            raise AuthenticationError("wrong password")
        failed.wait(20)

    def right() -> None:
        try:
            with limit.attempt("ada", HERE):
                checked.wait(20)
                failed.wait(20)
        except TooManyAttempts as error:
            told.append(error)

    threads = [threading.Thread(target=wrong) for _ in range(40)] + [threading.Thread(target=right)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert len(told) == 1


def test_memory_is_bounded_and_the_oldest_are_forgotten_first() -> None:
    store = MemoryFailures(keys=10, each=3)
    for number in range(50):
        store.add([bytes([number])] * 5, number, 0)
    assert len(store._times) == 10
    assert len(store.recent(bytes([49]), 0, 99)) == 3
    assert not store.recent(bytes([1]), 0, 99)


def test_the_file_forgets_after_a_minute(tmp_path: Path, clock: HandClock) -> None:
    store = SqliteFailures(tmp_path / "auth.sqlite3")
    limit = LoginLimit(store, clock=clock)
    for number in range(10):
        fail(limit, f"user{number}")
    clock.forward(61)
    fail(limit)
    with store._file.reading() as connection:
        assert connection.execute("SELECT count(*) FROM failures").fetchone() == (2,)


def test_what_was_typed_is_not_stored(tmp_path: Path, clock: HandClock) -> None:
    fail(LoginLimit(SqliteFailures(tmp_path / "auth.sqlite3"), clock=clock), "hunter2")
    assert all(b"hunter2" not in file.read_bytes() for file in tmp_path.iterdir())
