from __future__ import annotations

import threading

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from decant.rpc.policy import Breaker, BreakerPolicy, State
from decant.rpc.policy.breaker import BUCKETS, Window
from tests.support.clocks import HandClock

POLICY = BreakerPolicy(failure_ratio=0.5, volume=4, window_s=2.0, probe_s=1.0)


def call(breaker: Breaker, *, failed: bool) -> None:
    ticket = breaker.admit()
    assert ticket is not None
    breaker.record(ticket, failed=failed)


def opened(clock: HandClock) -> Breaker:
    breaker = Breaker(POLICY, clock)
    for _ in range(POLICY.volume):
        call(breaker, failed=True)
    return breaker


def test_it_opens_once_enough_calls_were_made_and_half_of_them_failed() -> None:
    breaker = Breaker(POLICY, HandClock())
    for failed in (False, True, False):
        call(breaker, failed=failed)
    assert breaker.state is State.CLOSED
    call(breaker, failed=True)
    assert breaker.state is State.OPEN
    assert breaker.admit() is None


def test_few_calls_open_nothing_though_all_of_them_fail() -> None:
    breaker = Breaker(POLICY, HandClock())
    for _ in range(POLICY.volume - 1):
        call(breaker, failed=True)
    assert breaker.state is State.CLOSED


def test_failures_in_a_row_are_enough_whatever_was_before() -> None:
    clock = HandClock()
    breaker = Breaker(POLICY, clock)
    for _ in range(1000):
        call(breaker, failed=False)
    for _ in range(POLICY.volume):
        assert breaker.state is State.CLOSED
        call(breaker, failed=True)
        clock.forward(60 / POLICY.volume)
    assert breaker.state is State.OPEN


def test_failures_of_long_ago_are_forgotten() -> None:
    clock = HandClock()
    breaker = Breaker(POLICY, clock)
    for number in range(20):
        call(breaker, failed=number % 3 != 0)
        clock.forward(POLICY.window_s / 3 * 2)
    assert breaker.state is State.CLOSED


def test_one_probe_a_second_is_let_through_though_the_one_before_hangs() -> None:
    clock = HandClock()
    breaker = opened(clock)
    assert breaker.probe_in_s() == pytest.approx(1)
    for _ in range(3):
        clock.forward(1)
        assert breaker.admit() is not None
        assert [breaker.admit() for _ in range(5)] == [None] * 5
        assert breaker.state is State.HALF_OPEN


def test_a_probe_that_succeeds_closes_it_and_the_past_is_forgotten() -> None:
    clock = HandClock()
    breaker = opened(clock)
    clock.forward(1)
    call(breaker, failed=False)
    assert breaker.state is State.CLOSED
    for _ in range(POLICY.volume - 1):
        call(breaker, failed=True)
    assert breaker.state is State.CLOSED


def test_a_probe_that_fails_opens_it_for_another_second() -> None:
    clock = HandClock()
    breaker = opened(clock)
    clock.forward(1)
    call(breaker, failed=True)
    assert breaker.state is State.OPEN
    assert breaker.admit() is None
    clock.forward(1)
    assert breaker.admit() is not None


def test_a_late_success_of_before_closes_nothing() -> None:
    clock = HandClock()
    breaker = Breaker(POLICY, clock)
    late = breaker.admit()
    assert late is not None
    for _ in range(POLICY.volume):
        call(breaker, failed=True)
    breaker.record(late, failed=False)
    assert breaker.state is State.OPEN


def test_each_change_is_told() -> None:
    clock, seen = HandClock(), []
    breaker = Breaker(POLICY, clock, lambda before, after: seen.append((before, after)))
    for _ in range(POLICY.volume):
        call(breaker, failed=True)
    clock.forward(1)
    call(breaker, failed=True)
    clock.forward(1)
    call(breaker, failed=False)
    closed, half, opening = State.CLOSED, State.HALF_OPEN, State.OPEN
    assert seen == [(closed, opening), (opening, half), (half, opening), (opening, half), (half, closed)]


def test_threads_get_one_probe_between_them() -> None:
    clock = HandClock()
    breaker = opened(clock)
    clock.forward(1)
    gate, admitted = threading.Barrier(8), []

    def ask() -> None:
        gate.wait(10)
        admitted.append(breaker.admit() is not None)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(admitted) == [False] * 7 + [True]


class AnyHistory(RuleBasedStateMachine):
    """Calls that start and end in any order, and what holds all the time."""

    @initialize()
    def begin(self) -> None:
        self.clock = HandClock()
        self.breaker = Breaker(POLICY, self.clock)
        self.tickets: list[int] = []
        self.probes: list[float] = []
        self.window: list[tuple[float, bool]] = []

    @rule()
    def start(self) -> None:
        before = self.breaker.state
        ticket = self.breaker.admit()
        if before is State.CLOSED:
            assert ticket is not None
        elif ticket is not None:
            self.probes.append(self.clock.monotonic())
        if ticket is not None:
            self.tickets.append(ticket)

    @rule(failed=st.booleans(), newest=st.booleans())
    def end(self, failed: bool, newest: bool) -> None:
        if self.tickets:
            self.breaker.record(self.tickets.pop(-1 if newest else 0), failed=failed)

    @rule(seconds=st.floats(0.01, 3))
    def wait(self, seconds: float) -> None:
        self.clock.forward(seconds)

    @invariant()
    def probes_are_a_second_apart(self) -> None:
        for one, next_one in zip(self.probes, self.probes[1:], strict=False):
            assert next_one - one >= POLICY.probe_s - 1e-6

    @invariant()
    def it_lets_a_call_through_within_a_second(self) -> None:
        assert self.breaker.probe_in_s() <= POLICY.probe_s + 1e-6


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


class WindowHistory(RuleBasedStateMachine):
    """A window counts what ended within its seconds, give or take the part that it rolls on by."""

    @initialize()
    def begin(self) -> None:
        self.now, self.window, self.added = 1000.0, Window(2.0), list[tuple[float, bool]]()

    @rule(failed=st.booleans(), seconds=st.one_of(st.just(0.0), st.floats(0, 0.3), st.floats(0, 9)))
    def add(self, failed: bool, seconds: float) -> None:
        self.now += seconds
        self.window.add(self.now, failed)
        self.added.append((self.now, failed))
        surely = [failed for at, failed in self.added if at > self.now - 2.0 + 2.0 / BUCKETS + 1e-6]
        maybe = [failed for at, failed in self.added if at > self.now - 2.0 - 1e-6]
        assert len(surely) <= self.window.calls <= len(maybe)
        assert sum(surely) <= self.window.failures <= sum(maybe)


TestWindowHistory = WindowHistory.TestCase
TestWindowHistory.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
