"""A conflict between transactions, in an operation that may run again because its call has a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from decant.context import idempotency_key
from decant.db import create_infrastructure
from decant.errors import Unavailable
from tests.integration.db.bank import Bank, make_bank
from tests.integration.db.test_restart import SERIALIZABLE, Rival
from tests.support.bank import SCENARIOS
from tests.support.bank.accounts.api import Accounts


@pytest.fixture(params=["direct", "strict"])
def bank(request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path) -> Iterator[Bank]:
    made = make_bank(tmp_path, postgres_url + SERIALIZABLE, request.param)
    with made.accounts.engine.begin() as connection:
        create_infrastructure(connection, "accounts")
    yield made
    made.runtime.stop(1)
    SCENARIOS.clear()


def test_a_call_with_a_key_runs_again_after_a_conflict(bank: Bank) -> None:
    rival = Rival(bank, 2)
    SCENARIOS["it"] = rival.add_one
    with idempotency_key("k1"):
        assert [bank.runtime.client(Accounts).keyed("it") for _ in range(2)] == [201, 201]
    assert (rival.tries, bank.balance()) == (3, 201)


def test_a_request_with_a_key_runs_again_after_a_conflict(bank: Bank) -> None:
    rival = Rival(bank, 2)
    SCENARIOS["it"] = rival.add_one
    for _ in range(2):
        assert bank.client.post("/accounts/keyed/it", headers={"Idempotency-Key": "k1"}).json == 201
    assert (rival.tries, bank.balance()) == (3, 201)


def test_a_call_without_a_key_runs_once(bank: Bank) -> None:
    rival = Rival(bank, 1)
    SCENARIOS["it"] = rival.add_one
    with pytest.raises(Unavailable):
        bank.runtime.client(Accounts).keyed("it")
    assert bank.client.post("/accounts/keyed/it").json == 101
    assert rival.tries == 2
