"""Many clients with one key, and a process that is killed while it answers them."""

from __future__ import annotations

import threading

import pytest

from tests.integration.idempotency.running import TillProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


def test_fifty_requests_with_one_key_have_one_effect_and_one_answer(process: TillProcess) -> None:
    answers = process.charge_many(50, "k1", "order-1", pause_s=0.05)
    assert len(set(answers)) == 1
    assert answers[0].status == 201
    assert process.charges("order-1") == 1


def test_a_second_request_is_told_to_wait_while_the_first_one_runs(process: TillProcess) -> None:
    first = threading.Thread(target=process.charge_until_answered, args=("k1", "order-1"), kwargs={"pause_s": 1.5})
    first.start()
    wait_until(process.claims, what="the claim")
    second = process.charge("k1", "order-1", pause_s=1.5)
    first.join(10)
    assert (second.status, second.code) == (409, "idempotency-key-in-use")
    assert process.charges("order-1") == 1


def test_what_was_killed_in_the_middle_runs_again_once_its_lease_is_over(process: TillProcess) -> None:
    lost = threading.Thread(target=process.charge_until_answered, args=("k1", "order-1"), kwargs={"pause_s": 1.5})
    process.prepare()
    lost.start()
    wait_until(process.claims, what="the claim")
    process.kill_now()
    assert process.charges("order-1") == 0
    process.start()
    answers = process.charge_many(10, "k1", "order-1", pause_s=1.5)
    lost.join(30)
    assert {answer.status for answer in answers} == {201}
    assert len(set(answers)) == 1
    assert process.charges("order-1") == 1


def test_what_was_killed_after_it_committed_by_itself_is_not_run_again(process: TillProcess) -> None:
    lost = threading.Thread(target=process.try_to_charge, args=("k1", "order-1", "/charges-in-parts", 5.0))
    process.prepare()
    lost.start()
    wait_until(lambda: process.charges("order-1"), what="the effect")
    process.kill_now()
    lost.join(30)
    process.start()

    def repeat() -> str | None:
        answer = process.charge("k1", "order-1", "/charges-in-parts", pause_s=5.0)
        assert answer.status == 409
        return None if answer.code == "idempotency-key-in-use" else answer.code

    assert wait_until(repeat, what="the end of the lease") == "idempotency-answer-lost"
    assert process.charges("order-1") == 1
