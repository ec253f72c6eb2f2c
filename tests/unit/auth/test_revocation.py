"""The file of revocations, and what asking a store costs and means; tests/conformance/auth has what each promises."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from decant.auth.principal import Principal
from decant.auth.revocation import MemoryRevocations, Revocations, SqliteRevocations
from decant.errors import Unavailable
from tests.support.clocks import NOW, HandClock

SECOND = NOW.timestamp()


def test_what_is_forgotten_leaves_the_file(tmp_path: Path, clock: HandClock) -> None:
    store = SqliteRevocations(tmp_path / "auth.sqlite3", clock)
    for number in range(20):
        store.revoke(f"t{number}", SECOND + 10)
        store.revoke_before(f"u{number}", 5, SECOND + 10)
    clock.forward(11)
    store.revoke("last", SECOND + 60)
    with store._file.reading() as connection:
        assert connection.execute("SELECT (SELECT count(*) FROM revoked), count(*) FROM revoked_before").fetchone() == (
            1,
            0,
        )


def test_another_process_sees_it_at_once(tmp_path: Path, clock: HandClock) -> None:
    one, two = (SqliteRevocations(tmp_path / "auth.sqlite3", clock) for _ in range(2))
    assert not two.is_revoked(["t1"])
    one.revoke("t1", SECOND + 60)
    assert two.is_revoked(["t1"])
    one.close()


def test_the_file_is_readable_by_its_owner_alone(tmp_path: Path, clock: HandClock) -> None:
    SqliteRevocations(tmp_path / "home" / "auth.sqlite3", clock).revoke("t1", SECOND + 60)
    files = list((tmp_path / "home").iterdir())
    assert files
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)


@pytest.mark.parametrize("content", [None, b"this is no database at all, whatever its name says" * 40])
def test_a_file_that_cannot_be_used_is_said_so(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "auth.sqlite3"
    path.mkdir() if content is None else path.write_bytes(content)
    store = SqliteRevocations(path)
    calls: list[Callable[[], object]] = [
        lambda: store.revoke("t1", 5),
        lambda: store.is_revoked(["t1"]),
        lambda: store.issued_before("ada"),
    ]
    for call in calls:
        with pytest.raises(Unavailable, match=r"auth\.sqlite3") as caught:
            call()
        assert caught.value.headers() == {"Retry-After": "1"}


def test_a_forked_child_has_connections_of_its_own(tmp_path: Path, clock: HandClock) -> None:
    store = SqliteRevocations(tmp_path / "auth.sqlite3", clock)
    store.revoke("before", SECOND + 60)
    child = os.fork()
    if child == 0:
        os._exit(0 if store.is_revoked(["before"]) and len(store._file._idle) == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class Counted(MemoryRevocations):
    """Counts the questions, and fails when it is told to."""

    down = False
    asked = 0

    def is_revoked(self, identifiers: object) -> bool:
        self.asked += 1
        if self.down:
            raise Unavailable("down")
        return super().is_revoked(identifiers)  # type: ignore[arg-type]


@pytest.fixture
def counted(clock: HandClock) -> Counted:
    return Counted(clock)


ADA = Principal("ada", token_id="t1", issued_at=100, expires_at=int(SECOND) + 60)


def test_the_store_is_asked_twice_a_second_at_most(counted: Counted, clock: HandClock) -> None:
    revocations = Revocations(counted, clock)
    for _ in range(1000):
        assert not revocations.is_revoked(ADA)
        clock.forward(0.01)
    assert counted.asked <= 21


def test_a_revocation_elsewhere_is_effective_within_a_second(counted: Counted, clock: HandClock) -> None:
    revocations = Revocations(counted, clock)
    assert not revocations.is_revoked(ADA)
    counted.revoke("t1", SECOND + 60)
    clock.forward(0.6)
    assert revocations.is_revoked(ADA)


def test_a_revocation_here_is_effective_at_once_when_it_is_told(counted: Counted, clock: HandClock) -> None:
    revocations = Revocations(counted, clock)
    assert not revocations.is_revoked(ADA)
    counted.revoke("t1", SECOND + 60)
    revocations.forget()
    assert revocations.is_revoked(ADA)


def test_once_revoked_the_store_is_not_asked_again(counted: Counted, clock: HandClock) -> None:
    revocations = Revocations(counted, clock)
    counted.revoke("t1", SECOND + 60)
    assert all(revocations.is_revoked(ADA) for _ in range(10))
    assert counted.asked == 1


def test_a_session_and_a_moment_revoke_too(counted: Counted, clock: HandClock) -> None:
    counted.revoke("s1", SECOND + 60)
    counted.revoke_before("bob", 101, SECOND + 60)
    revocations = Revocations(counted, clock)
    assert revocations.is_revoked(Principal("ada", token_id="t2", session="s1"))
    assert revocations.is_revoked(Principal("bob", token_id="t3", issued_at=100))
    assert not revocations.is_revoked(Principal("bob", token_id="t4", issued_at=101))


def test_without_the_store_what_changes_something_is_refused_and_reading_goes_on(
    counted: Counted, clock: HandClock
) -> None:
    revocations = Revocations(counted, clock)
    counted.down = True
    with pytest.raises(Unavailable):
        revocations.is_revoked(ADA)
    assert not revocations.is_revoked(ADA, reading=True)


def test_what_was_revoked_stays_so_without_the_store(counted: Counted, clock: HandClock) -> None:
    revocations = Revocations(counted, clock)
    counted.revoke("t1", SECOND + 60)
    assert revocations.is_revoked(ADA)
    counted.down = True
    clock.forward(5)
    assert revocations.is_revoked(ADA, reading=True)


def test_a_store_that_failed_is_left_alone_for_a_moment_and_asked_again_after_it(
    counted: Counted, clock: HandClock
) -> None:
    revocations = Revocations(counted, clock)
    counted.down = True
    for _ in range(10):
        with pytest.raises(Unavailable):
            revocations.is_revoked(ADA)
    assert counted.asked == 1
    counted.down = False
    clock.forward(0.6)
    assert not revocations.is_revoked(ADA)


def test_a_clock_that_was_set_back_is_no_reason_to_believe_an_old_answer(counted: Counted, clock: HandClock) -> None:
    revocations = Revocations(counted, clock)
    assert not revocations.is_revoked(ADA)
    clock.forward(-3600)
    counted.revoke("t1", SECOND + 60)
    assert revocations.is_revoked(ADA)
