"""Idempotency keys: killed in the middle (R5), other bodies and other users (R6), and after a day (R7)."""

from __future__ import annotations

import string
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from decant.db.infrastructure import infrastructure_of
from decant.idempotency import PRUNE_EVERY_S, IdempotentCalls
from decant.service import Runtime
from tests.integration.idempotency.running import Answer, TillProcess
from tests.integration.idempotency.till_process import make_till
from tests.support.clocks import HandClock
from tests.support.till.models import Charge
from tests.support.trials import dice, record, trials
from tests.support.waiting import wait_until

pytestmark = pytest.mark.trials
CLIENTS = 50
KEYS = [
    pytest.param("sqlite", 168),
    pytest.param("postgres", 166, marks=pytest.mark.postgres),
    pytest.param("mariadb", 166, marks=pytest.mark.mariadb),
]


@pytest.mark.parametrize(("kind", "keys"), KEYS)
def test_one_effect_and_one_answer_for_a_key_whoever_is_killed(
    kind: str, keys: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/till.sqlite3" if kind == "sqlite" else request.getfixturevalue(f"{kind}_url")
    random, process = dice(f"R5 {kind}"), TillProcess(url, tmp_path, lease_s=1.0)
    count, failures = trials(keys), []
    try:
        for number in range(count):
            answers = killed(process, f"order-{number}", random, key=f"key-{number}")
            charges = process.charges(f"order-{number}")
            if charges != 1 or len(set(answers)) != 1 or answers[0].status != 201:
                failures.append((number, charges, set(answers)))
        careless = [order_without_key(process, f"careless-{number}", random) for number in range(max(1, count // 20))]
    finally:
        process.kill()
    record(
        "R5",
        promised="Requests with one idempotency key and body have one effect and get one answer",
        tried=f"{CLIENTS} clients at once, who repeat until they are answered; `kill -9` of the service in the middle",
        count=count,
        failures=failures,
        control=f"without a key up to {max(careless)} effects for one order",
    )


def killed(process: TillProcess, order: str, random: Random, **arguments: Any) -> list[Answer]:
    """Ask from many clients, kill the service while they do, and start it again; return all answers."""
    answers: list[Answer] = []
    pause_s = random.uniform(0.0, 0.05)

    def ask() -> None:
        answers.extend(process.charge_many(CLIENTS, order=order, pause_s=pause_s, **arguments))

    process.prepare()
    clients = threading.Thread(target=ask)
    clients.start()
    wait_until(lambda: process.claims() or process.charges(order), what="the first effect of a request")
    threading.Event().wait(random.uniform(0.0, 0.08))  # before the answer is committed, or after
    process.kill_now()
    process.start()
    clients.join(120)
    assert len(answers) == CLIENTS, f"{order}: only {len(answers)} answers"
    return answers


def order_without_key(process: TillProcess, order: str, random: Random) -> int:
    """Return the effects of the same requests without a key."""
    process.charge_many(CLIENTS, None, order, pause_s=random.uniform(0.0, 0.01), path="/careless-charges")
    return process.charges(order)


class Till:
    """The till within this process, with its clock and its users."""

    def __init__(self, folder: Path) -> None:
        self.app, self.runtime = make_till(f"sqlite:///{folder}/till.sqlite3", folder)
        self.client = self.app.test_client()
        self.clock = HandClock()
        calls_of(self.runtime).clock = self.clock

    def charge(self, key: str, user: str, body: dict[str, Any]) -> Any:
        token = self.runtime.identity.tokens.issue(user)
        headers = {"Idempotency-Key": key, "Authorization": f"Bearer {token}"}
        return self.client.post("/charges", json=body, headers=headers)

    def count(self, what: Any = Charge) -> int:
        with self.runtime.databases["till"].transaction() as session:
            return session.scalar(select(func.count()).select_from(what)) or 0


def calls_of(runtime: Runtime) -> IdempotentCalls:
    registry = runtime.registry("till")
    calls: IdempotentCalls = registry.getter(IdempotentCalls)(registry.open())
    return calls


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    made = Till(tmp_path)
    yield made
    made.runtime.stop(1)


def body_of(random: Random) -> dict[str, Any]:
    return {
        "order": "".join(random.choices(string.printable + "äöü€", k=random.randint(1, 20))),
        "cents": random.randint(-9, 9),
    }


def changed(body: dict[str, Any], random: Random) -> dict[str, Any]:
    """Return a body that differs as little as a body can, or a wrong one."""
    order, cents = body["order"], body["cents"]
    return random.choice(
        [
            body | {"cents": cents + 1},
            body | {"cents": -cents or 1},
            body | {"order": order + " "},
            body | {"order": order.swapcase() if order.swapcase() != order else order * 2},
            body | {"pause_s": 1e-9},
            body | {"cents": str(cents) + "x"},
            {"order": order},
        ]
    )


def test_another_body_and_another_user_get_nothing_of_a_key(till: Till) -> None:
    random, failures, count = dice("R6"), [], trials(500)
    for number in range(count):
        key, body = "".join(random.choices("abc!~{}:'", k=random.randint(1, 6))) + str(number), body_of(random)
        first = till.charge(key, "a", body)
        before = till.count()
        other = till.charge(key, "a", changed(body, random))
        if other.status_code != 422 or till.count() != before:
            failures.append((key, body, other.status_code))
        foreign = till.charge(key, "b", body)
        if foreign.status_code != 201 or foreign.json["number"] == first.json["number"]:
            failures.append((key, body, "another user's answer"))
        again = till.charge(key, "a", dict(reversed(body.items())))
        if (again.data, again.status_code) != (first.data, 201) or till.count() != before + 1:
            failures.append((key, body, "not the first answer"))
    record(
        "R6",
        promised="A key with another body is refused without effect, and nobody gets another user's answer",
        tried="random keys and bodies, each with a body that hardly differs, another user, and the same in another order",
        count=count,
        failures=failures,
        control=f"the first answer comes back each time, and {till.count():,} charges were made",
    )


def test_a_key_lives_for_a_day_and_the_table_stays_small(till: Till) -> None:
    random, failures, count = dice("R7"), [], trials(50)
    table = infrastructure_of("till").idempotency
    for number in range(count):
        body = body_of(random)
        for other in range(20):
            till.charge(f"crowd-{number}-{other}", "a", body)
        first = till.charge(f"key-{number}", "a", body)
        till.clock.forward(23 * 3600 + random.uniform(0, 3599))
        if till.charge(f"key-{number}", "a", body).data != first.data:
            failures.append((number, "not known at 23 h"))
        till.clock.forward(3600 + PRUNE_EVERY_S)
        again = till.charge(f"key-{number}", "a", body)
        if again.status_code != 201 or again.json["number"] == first.json["number"]:
            failures.append((number, "still known after a day"))
        if till.count(table) > 22:
            failures.append((number, f"{till.count(table)} rows"))
    record(
        "R7",
        promised="A key is known for 24 hours, then forgotten and deleted",
        tried="21 keys at a time; the clock set forward by 23 to 24 hours, and beyond",
        count=count,
        failures=failures,
        control="the answer at 23 hours is the first one",
    )
