"""Processes that carry sagas on are killed and stopped at any moment; a ledger of its own is the judge."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from decant.db import default_url
from tests.integration.sagas.coordinators import Coordinators
from tests.integration.sagas.shop_process import place
from tests.support.waiting import wait_until

SERVERS = [
    "sqlite",
    pytest.param("postgres_url", marks=pytest.mark.postgres),
    pytest.param("mariadb_url", marks=pytest.mark.mariadb),
]


@pytest.fixture(params=SERVERS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Coordinators]:
    url = default_url(tmp_path, "orders") if request.param == "sqlite" else request.getfixturevalue(request.param)
    made = Coordinators(tmp_path, url)
    yield made
    made.close()


def place_orders(shop: Coordinators, first: int, number: int) -> None:
    place(shop.orders, [f"order-{first + at}" for at in range(number)])


@pytest.mark.timeout(180)
def test_however_often_processes_are_killed_every_order_ends_and_nothing_happens_twice(shop: Coordinators) -> None:
    dice = random.Random(11)
    running = [shop.start(delay_s=0.02) for _ in range(2)]
    for round_ in range(5):
        place_orders(shop, first=1 + 8 * round_, number=8)
        time.sleep(dice.uniform(0, 0.3))  # so that the kill hits any moment of the work
        victim = running.pop(dice.randrange(2))
        shop.kill(victim)
        running.append(shop.start(delay_s=0.02))
    wait_until(shop.all_ended, within_s=60, what="every saga to end")
    assert shop.faults() == []


@pytest.mark.timeout(120)
def test_a_process_that_was_stopped_past_its_lease_cannot_write_any_more(shop: Coordinators) -> None:
    late = shop.start(lease_s=0.5, delay_s=0.05)
    place_orders(shop, first=1, number=12)
    wait_until(lambda: any(lease.owner for lease in shop.store.leases(["checkout"])), what="a saga to be claimed")
    shop.stop_in_its_tracks(late)
    left = {lease.id for lease in shop.store.leases(["checkout"])}
    shop.start(lease_s=0.5, delay_s=0.05)
    wait_until(shop.all_ended, within_s=60, what="another process to end every saga")
    before = {instance.id: instance.version for instance in shop.store.list(["done", "compensated"], 100)}

    shop.go_on(late)
    place_orders(shop, first=100, number=4)
    wait_until(shop.all_ended, within_s=60, what="the next sagas to end")

    assert left
    after = {instance.id: instance.version for instance in shop.store.list(["done", "compensated"], 100)}
    assert {saga: after[saga] for saga in before} == before
    assert shop.faults() == []
