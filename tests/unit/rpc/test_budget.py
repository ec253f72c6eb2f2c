from __future__ import annotations

import threading

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from decant.rpc.policy import RetryBudget
from tests.support.clocks import HandClock


def taken(budget: RetryBudget, wanted: int) -> int:
    return sum(budget.withdraw() for _ in range(wanted))


def test_an_edge_without_traffic_has_ten_retries() -> None:
    assert taken(RetryBudget(0.2, 10, HandClock()), 50) == 10


def test_calls_pay_for_a_fifth_as_many_retries() -> None:
    budget = RetryBudget(0.2, 0, HandClock())
    granted = 0
    for _ in range(1000):
        budget.deposit()
        granted += budget.withdraw()
    assert 199 <= granted <= 202


def test_time_pays_for_ten_retries_a_second() -> None:
    clock = HandClock()
    budget = RetryBudget(0.2, 10, clock)
    taken(budget, 10)
    clock.forward(0.5)
    assert taken(budget, 50) == 5


def test_a_long_quiet_time_saves_up_one_second_of_retries() -> None:
    clock = HandClock()
    budget = RetryBudget(0.2, 10, clock)
    clock.forward(3600)
    assert taken(budget, 50) == 10


def test_without_ratio_and_floor_nothing_is_refilled() -> None:
    clock = HandClock()
    budget = RetryBudget(0, 0, clock)
    taken(budget, 1)
    budget.deposit()
    clock.forward(3600)
    assert taken(budget, 5) == 0


def test_threads_share_one_budget() -> None:
    budget, granted = RetryBudget(0.2, 10, HandClock()), []

    def spend() -> None:
        granted.append(taken(budget, 100))

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sum(granted) == 10


class Bounded(RuleBasedStateMachine):
    """However calls, retries and time mix, retries stay below the share of the calls and the floor."""

    @initialize(ratio=st.sampled_from([0.0, 0.1, 0.2, 1.0]), per_s=st.sampled_from([0.0, 1.0, 10.0]))
    def begin(self, ratio: float, per_s: float) -> None:
        self.ratio, self.per_s = ratio, per_s
        self.clock = HandClock()
        self.budget = RetryBudget(ratio, per_s, self.clock)
        self.began, self.calls, self.retries = self.clock.monotonic(), 0, 0

    @rule(count=st.integers(1, 50))
    def call(self, count: int) -> None:
        for _ in range(count):
            self.budget.deposit()
        self.calls += count

    @rule(count=st.integers(1, 50))
    def retry(self, count: int) -> None:
        self.retries += taken(self.budget, count)
        seconds = self.clock.monotonic() - self.began
        assert self.retries <= self.ratio * self.calls + self.per_s * seconds + max(1.0, self.per_s) + 1e-6

    @rule(seconds=st.floats(0.01, 5))
    def wait(self, seconds: float) -> None:
        self.clock.forward(seconds)


TestBounded = Bounded.TestCase
TestBounded.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
