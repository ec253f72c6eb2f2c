"""A saga survives the death of whoever works on it, of all at once, and whoever comes back late (R12-R14)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from decant.db import default_url
from tests.integration.sagas.coordinators import Coordinators
from tests.integration.sagas.shop_process import place
from tests.support.trials import dice, record, trials
from tests.support.waiting import wait_until

pytestmark = pytest.mark.trials
OPEN_SAGAS = 1000
BOUND_S = 10.0


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Coordinators]:
    made = Coordinators(tmp_path, default_url(tmp_path, "orders"))
    yield made
    made.close()


@pytest.mark.timeout(3600)
def test_compensations_that_are_killed_refund_once_and_never_more_than_was_captured(shop: Coordinators) -> None:
    tries, random, numbers = trials(200), dice("kill-compensation"), count(3, 3)  # every third order is declined
    failures: list[str] = []
    for _ in range(tries):
        placed = [f"order-{next(numbers)}" for _ in range(4)]
        place(shop.orders, placed)
        victim = shop.start(lease_s=0.5, delay_s=0.03)
        wait_until(
            lambda: shop.store.list(["compensating"], 1) or shop.all_ended(), every_s=0.002, what="a compensation"
        )
        time.sleep(random.uniform(0, 0.1))  # so that the kill hits any moment of it
        shop.kill(victim)
        last = shop.start(lease_s=0.5)
        try:
            wait_until(shop.all_ended, within_s=60, what="every saga to end")
        except AssertionError as error:
            failures.append(str(error))
        shop.kill(last)
    failures += shop.faults()
    record(
        requirement="R12",
        promised="Compensations that are killed are carried on: each refund and release once, for what was captured",
        tried="4 declined orders of which each is taken back, SIGKILL in the middle of it; SQLite",
        count=tries,
        failures=failures,
    )


@pytest.mark.timeout(3600)
def test_a_coordinator_that_comes_back_after_its_lease_is_fenced_off(shop: Coordinators) -> None:
    tries, random, numbers = trials(100), dice("stop-coordinator"), count(1)
    failures: list[str] = []
    for _ in range(tries):
        late = shop.start(lease_s=0.5, delay_s=0.03)
        place(shop.orders, [f"order-{next(numbers)}" for _ in range(4)])
        wait_until(lambda: shop.store.leases(["checkout"]), every_s=0.002, what="a saga to be claimed")
        time.sleep(random.uniform(0, 0.05))  # so that the stop hits any moment of the work
        shop.stop_in_its_tracks(late)
        other = shop.start(lease_s=0.5)
        try:
            wait_until(shop.all_ended, within_s=60, what="another process to end every saga")
        except AssertionError as error:
            failures.append(str(error))
        before = versions(shop)
        shop.go_on(late)
        place(shop.orders, [f"order-{next(numbers)}" for _ in range(4)])
        wait_until(shop.all_ended, within_s=60, what="both processes to go on")
        now = versions(shop)
        failures += [f"{saga} was written to after its end" for saga in before if now[saga] != before[saga]]
        shop.kill(late)
        shop.kill(other)
    failures += shop.faults()
    record(
        requirement="R13",
        promised="A coordinator that was stopped past its lease writes nothing any more: one outcome, each effect once",
        tried="SIGSTOP in the middle of 4 sagas, another process ends them, SIGCONT; SQLite",
        count=tries,
        failures=failures,
    )


@pytest.mark.timeout(3600)
def test_a_thousand_open_sagas_go_on_soon_after_everything_was_killed(tmp_path: Path) -> None:
    tries, failures, slowest = trials(20), [], 0.0
    for number in range(tries):
        folder = tmp_path / str(number)
        folder.mkdir()
        shop = Coordinators(folder, default_url(folder, "orders"))
        try:
            running = [shop.start(lease_s=5.0, delay_s=0.02) for _ in range(2)]
            place(shop.orders, [f"order-{1 + at}" for at in range(OPEN_SAGAS)])
            wait_until(lambda shop=shop: len(shop.store.leases(["checkout"])) > 16, what="both to work")
            for process in running:
                shop.kill(process)
            took_s = time_to_resume(shop)
            slowest = max(slowest, took_s)
            if took_s > BOUND_S:
                failures.append(f"{took_s:.1f} s")
            wait_until(shop.all_ended, within_s=120, what="every saga to end")
            failures += shop.faults()
        finally:
            shop.close()
    record(
        requirement="R14",
        promised="After SIGKILL of everything, sagas that nobody held go on at once and those held within 10 s",
        tried=f"{OPEN_SAGAS:,} open sagas, 2 processes, lease of 5 s; the slowest took {slowest:.1f} s; SQLite",
        count=tries,
        failures=failures,
    )


def time_to_resume(shop: Coordinators) -> float:
    """Return the seconds from a process's start until every saga that was held has moved on, and others too."""
    held = {lease.id: lease.version for lease in shop.store.leases(["checkout"])}
    before = versions(shop)
    began = time.monotonic()
    shop.start(lease_s=5.0)

    def have_moved() -> bool:
        now = versions(shop)
        others = sum(now[saga] != version for saga, version in before.items() if saga not in held)
        return all(now[saga] != version for saga, version in held.items()) and others >= len(held)

    wait_until(have_moved, within_s=60, every_s=0.1, what="the sagas to go on")
    return time.monotonic() - began


def versions(shop: Coordinators) -> dict[str, int]:
    everything = ["running", "compensating", "parked", "done", "compensated"]
    return {instance.id: instance.version for instance in shop.store.list(everything, 1_000_000)}
