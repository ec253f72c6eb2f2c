"""Sagas in threads: woken at once, one owner at a time, handed over when it ends."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from decant.context import CallContext, current, use
from decant.db import ModuleDatabase, default_url
from decant.observe.tracing import SpanBuffer
from decant.sagas import Instance, Pace, SagaRunner, SagaStore, start
from decant.sagas.watching import sagas as gauge
from tests.support.waiting import wait_until
from tests.unit.sagas.shop import (
    Checkout,
    CheckoutData,
    Declined,
    Unreachable,
    World,
    participant,
    place,
    status_of,
)

SLOW_POLL = Pace(poll_s=30, lease_s=30)
QUICK_LEASE = Pace(poll_s=0.05, lease_s=0.3)


class Gate:
    """A call that waits until it is let through."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        assert self.opened.wait(10)


@pytest.fixture
def running(orders: ModuleDatabase, world: World) -> Iterator[SagaRunner]:
    runner = SagaRunner([participant(orders, world)], pace=SLOW_POLL)
    runner.start()
    yield runner
    runner.stop()


def found(orders: ModuleDatabase, saga_id: str) -> Instance:
    (instance,) = SagaStore(orders).find(saga_id)
    return instance


def has_state(orders: ModuleDatabase, saga_id: str, state: str) -> bool:
    return found(orders, saga_id).state == state


def test_a_commit_wakes_the_runner_at_once(orders: ModuleDatabase, running: SagaRunner) -> None:
    saga = place(orders)
    wait_until(partial(has_state, orders, saga, "done"), within_s=5)


def test_a_retry_waits_for_its_time_and_not_for_the_poll(
    orders: ModuleDatabase, world: World, running: SagaRunner
) -> None:
    errors = [Unreachable(), Unreachable()]
    world.before["charge"] = lambda: errors.pop() if errors else None
    saga = place(orders)
    wait_until(partial(has_state, orders, saga, "done"), within_s=5)


def test_a_saga_of_a_transaction_that_was_rolled_back_does_not_exist(
    orders: ModuleDatabase, runner: SagaRunner
) -> None:
    session = orders.session()
    start(session, Checkout, CheckoutData(order_id="o1"))
    orders.close_session(session, False)

    assert runner.drain() == 0


def test_what_nobody_told_of_is_found_by_looking(orders: ModuleDatabase, world: World) -> None:
    saga = place(orders)  # before the runner listens
    runner = SagaRunner([participant(orders, world)])
    runner.start()
    wait_until(partial(has_state, orders, saga, "done"), within_s=5)
    assert runner.stop()


def test_several_sagas_run_at_once_and_no_more_than_allowed(orders: ModuleDatabase, world: World) -> None:
    inside, most, lock, together = [0], [0], threading.Lock(), threading.Barrier(3)

    def count() -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        together.wait(10)
        with lock:
            inside[0] -= 1

    world.before["reserve"] = count
    ids = [place(orders, f"o{number}") for number in range(12)]
    runner = SagaRunner([participant(orders, world)], pace=Pace(concurrency=3))
    runner.start()
    for saga in ids:
        wait_until(partial(has_state, orders, saga, "done"))
    runner.stop()
    assert most[0] == 3


def test_two_runners_share_the_work_and_no_step_is_done_twice(orders: ModuleDatabase, world: World) -> None:
    runners = [SagaRunner([participant(orders, world)], pace=Pace(concurrency=4, poll_s=0.05)) for _ in range(2)]
    for runner in runners:
        runner.start()
    ids = [place(orders, f"o{number}") for number in range(20)]
    for saga in ids:
        wait_until(partial(has_state, orders, saga, "done"))
    for runner in runners:
        runner.stop()
    assert len(world.calls) == 20 * 4


def test_stopping_waits_for_the_running_step_and_begins_no_other(orders: ModuleDatabase, world: World) -> None:
    gate = world.before["reserve"] = Gate()
    runner = SagaRunner([participant(orders, world)], pace=SLOW_POLL)
    runner.start()
    saga = place(orders)
    assert gate.reached.wait(5)
    threading.Timer(0.1, gate.opened.set).start()

    assert runner.stop(5)

    assert world.names == ["clear-cart", "reserve"]
    assert status_of(orders)[0] == "reserved"
    assert found(orders, saga).unknown is False


def test_a_step_that_outlasts_the_grace_is_handed_over_and_cannot_write_any_more(
    orders: ModuleDatabase, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    gate = world.before["charge"] = Gate()
    runner = SagaRunner([participant(orders, world)], pace=SLOW_POLL)
    runner.start()
    saga = place(orders)
    assert gate.reached.wait(5)

    assert not runner.stop(0.05)
    world.before.pop("charge")
    other = SagaRunner([participant(orders, world)])
    other.drain()
    assert has_state(orders, saga, "done")
    with caplog.at_level(logging.WARNING):
        gate.opened.set()
        wait_until(lambda: "somebody else's by now" in caplog.text)

    assert world.effects["charge:o1"] == 1
    assert "find-charge" in world.names


def test_a_saga_whose_owner_shows_no_sign_of_life_is_taken_over(orders: ModuleDatabase, world: World) -> None:
    saga = place(orders)
    with orders.transaction() as session:
        session.execute(text("UPDATE orders_saga SET owner = 'gone'"))
    runner = SagaRunner([participant(orders, world)], pace=QUICK_LEASE)
    runner.start()
    wait_until(partial(has_state, orders, saga, "done"))
    runner.stop()


def test_a_step_that_takes_longer_than_the_lease_is_not_taken_over(orders: ModuleDatabase, world: World) -> None:
    gate = world.before["charge"] = Gate()
    runners = [SagaRunner([participant(orders, world)], pace=QUICK_LEASE) for _ in range(2)]
    for runner in runners:
        runner.start()
    saga = place(orders)
    assert gate.reached.wait(5)
    beats = text("SELECT beat FROM orders_saga")

    def has_beaten() -> bool:
        with orders.transaction() as session:
            return session.scalar(beats) > 8  # type: ignore[operator]

    wait_until(has_beaten)
    gate.opened.set()
    wait_until(partial(has_state, orders, saga, "done"))
    for runner in runners:
        runner.stop()
    assert world.names == ["clear-cart", "reserve", "charge", "notify"]


def test_a_database_that_is_locked_for_longer_than_the_lease_loses_nothing(
    tmp_path: Path, orders: ModuleDatabase, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    impatient = ModuleDatabase("orders", default_url(tmp_path, "orders"), busy_timeout_s=0.1)
    gate = world.before["reserve"] = Gate()
    runner = SagaRunner([participant(impatient, world)], pace=QUICK_LEASE)
    runner.start()
    saga = place(orders)
    assert gate.reached.wait(5)
    with orders.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE orders_saga SET beat = beat")  # holds the write lock
        gate.opened.set()
        wait_until(lambda: "cannot be recorded" in caplog.text, what="the step's record to fail")
        wait_until(lambda: "stand still" in caplog.text, what="the sign of life to fail")
        connection.rollback()
    wait_until(partial(has_state, orders, saga, "done"), within_s=20)
    runner.stop()
    impatient.close()
    assert all(count == 1 for count in world.effects.values())


def test_steps_run_in_the_trace_of_the_request_that_started_the_saga(orders: ModuleDatabase, world: World) -> None:
    seen: list[CallContext] = []
    world.before["reserve"] = lambda: seen.append(current.get())
    with use(CallContext(trace_id="a" * 32, span_id="b" * 16)):
        saga = place(orders)
    SagaRunner([participant(orders, world)]).drain()

    assert seen[0].trace_id == "a" * 32
    assert seen[0].request_id == saga
    assert seen[0].caller.service == "orders"


def test_open_and_parked_sagas_are_counted(orders: ModuleDatabase, world: World) -> None:
    world.before["notify"] = Declined
    place(orders)
    runner = SagaRunner([participant(orders, world)], pace=Pace(poll_s=0.02, count_s=0.02))
    runner.start()
    parked = gauge.child("orders", "checkout", "parked")
    wait_until(lambda: parked._value.get() == 1)
    runner.stop()


def test_sagas_that_ended_well_are_forgotten_after_a_while_and_parked_ones_never(
    orders: ModuleDatabase, world: World, runner: SagaRunner
) -> None:
    done = place(orders, "o1")
    runner.drain()
    world.before["notify"] = Declined
    parked = place(orders, "o2")
    runner.drain()

    assert SagaStore(orders).prune(time.time() + 1, 100) == 1
    assert SagaStore(orders).find(done) == []
    assert has_state(orders, parked, "parked")


def test_a_clock_that_was_set_back_delays_no_saga(orders: ModuleDatabase, world: World) -> None:
    saga = place(orders)
    with orders.transaction() as session:
        session.execute(text("UPDATE orders_saga SET due_at = due_at + 3600, started_at = started_at + 3600"))
    runner = SagaRunner([participant(orders, world)])
    runner.start()
    wait_until(partial(has_state, orders, saga, "done"), within_s=5)
    runner.stop()


def test_waiting_costs_nothing_while_every_thread_is_taken_and_others_are_due(
    orders: ModuleDatabase, world: World
) -> None:
    errors = [Unreachable()]
    world.before["clear-cart"] = lambda: errors.pop() if errors else None
    gate = Gate()
    runner = SagaRunner([participant(orders, world)], pace=Pace(concurrency=1, poll_s=30, lease_s=120))
    runner.start()
    first = place(orders, "o1")
    wait_until(lambda: found(orders, first).history and not found(orders, first).owner, what="the first to wait")
    world.before["clear-cart"] = gate
    second = place(orders, "o2")
    assert gate.reached.wait(5)
    looks = count_looks(runner)
    assert gate.opened.wait(0.5) is False
    assert looks() < 10
    gate.opened.set()
    for saga in (first, second):
        wait_until(partial(has_state, orders, saga, "done"), within_s=5)
    runner.stop()


def count_looks(runner: SagaRunner) -> Callable[[], int]:
    dispatcher = runner.dispatchers["orders"]
    original, counted = dispatcher._look, [0]

    def look() -> int:
        counted[0] += 1
        return original()

    dispatcher._look = look  # type: ignore[method-assign]
    return lambda: counted[0]


def test_a_step_is_a_span_in_the_trace_of_the_request(
    orders: ModuleDatabase, runner: SagaRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = SpanBuffer()
    buffer.recording = True
    monkeypatch.setattr("decant.sagas.watching.spans", buffer)
    with use(CallContext(trace_id="a" * 32, span_id="b" * 16)):
        place(orders)

    runner.drain()

    recorded = buffer.drain()
    assert [span.name for span in recorded] == [f"saga checkout.{name}" for name in Checkout.steps]
    assert {(span.trace_id, span.parent_id) for span in recorded} == {("a" * 32, "b" * 16)}
