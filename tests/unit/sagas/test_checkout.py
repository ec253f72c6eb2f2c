"""What becomes of a checkout, whatever goes wrong."""

import logging
from collections.abc import Iterable

import pytest

from decant.db import ModuleDatabase
from decant.errors import OperationFailed
from decant.observe import failures
from decant.sagas import Failure, Instance, SagaRunner, SagaStore, strip
from decant.sagas.machine import Machine
from tests.unit.sagas.shop import Checkout, Declined, Lost, Trouble, Unreachable, World, place, status_of

FAILURE = Failure("charge", "saga.operator", "An operator wanted it so.")


def found(orders: ModuleDatabase, saga_id: str) -> Instance:
    (instance,) = SagaStore(orders).find(saga_id)
    return instance


def times(number: int, error: type[Exception]) -> Trouble:
    """Raise so often, and then no more."""
    errors: Iterable[Exception] = iter([error() for _ in range(number)])
    return lambda: next(iter(errors), None)


def test_all_steps_run_in_order_and_the_order_is_paid(orders: ModuleDatabase, world: World, runner: SagaRunner) -> None:
    saga = place(orders)

    runner.drain()

    assert status_of(orders) == ("paid", "")
    assert strip(found(orders, saga)) == "clear-cart ✓ → reserve ✓ → charge ✓ → notify ✓"
    assert found(orders, saga).state == "done"
    assert world.calls == [(name, f"{saga}:{name}") for name in ("clear-cart", "reserve", "charge", "notify")]


def test_what_a_step_learned_is_kept_for_the_next_ones(orders: ModuleDatabase, runner: SagaRunner) -> None:
    saga = place(orders)

    runner.drain()

    assert b'"payment_id":"pay-o1"' in found(orders, saga).data


def test_a_declared_error_takes_back_what_was_done_in_reverse_order(
    orders: ModuleDatabase, world: World, runner: SagaRunner
) -> None:
    world.before["charge"] = Declined
    saga = place(orders)

    runner.drain()

    assert status_of(orders) == ("cancelled", "payments.declined")
    assert strip(found(orders, saga)) == (
        "clear-cart ✓ → reserve ✓ → charge ✗ declined → release ✓ → cancel ✓ → compensated"
    )
    assert world.calls[-1] == ("release", f"{saga}:release")
    assert world.effects == {"clear-cart:o1": 1, "reserve:o1": 1, "release:o1": 1}


def test_an_unknown_outcome_is_asked_about_before_anything_is_done_again(
    orders: ModuleDatabase, world: World, runner: SagaRunner
) -> None:
    world.after["charge"] = times(1, Lost)
    saga = place(orders)

    runner.drain()

    assert world.names == ["clear-cart", "reserve", "charge", "find-charge", "notify"]
    assert status_of(orders) == ("paid", "")
    assert b"pay-o1" in found(orders, saga).data


def test_a_query_that_finds_nothing_lets_the_step_run_again_with_its_key(
    orders: ModuleDatabase, world: World, runner: SagaRunner
) -> None:
    world.before["charge"] = times(1, Lost)
    saga = place(orders)

    runner.drain()

    assert world.calls[2:5] == [
        ("charge", f"{saga}:charge"), ("find-charge", f"{saga}:find-charge"), ("charge", f"{saga}:charge"),
    ]  # fmt: skip
    assert world.effects["charge:o1"] == 1


def test_a_call_that_was_never_sent_is_made_again_without_asking(
    orders: ModuleDatabase, world: World, runner: SagaRunner
) -> None:
    world.before["charge"] = times(3, Unreachable)
    saga = place(orders)

    runner.drain()

    assert world.names == ["clear-cart", "reserve", *["charge"] * 4, "notify"]
    assert strip(found(orders, saga)) == "clear-cart ✓ → reserve ✓ → charge ✓ (×4) → notify ✓"


def test_what_nobody_knows_of_at_a_steps_deadline_is_compensated_too(
    orders: ModuleDatabase, world: World, runner: SagaRunner
) -> None:
    world.after["charge"] = world.before["find-charge"] = Lost
    saga = place(orders)

    runner.drain()

    assert world.effects == {f"{name}:o1": 1 for name in ("clear-cart", "reserve", "charge", "refund", "release")}
    assert status_of(orders) == ("cancelled", "remote-call")
    assert found(orders, saga).state == "compensated"
    assert "charge ? remote-call (×" in strip(found(orders, saga))


def test_an_error_after_an_attempt_nobody_knows_of_compensates_the_step_too(
    orders: ModuleDatabase, world: World, runner: SagaRunner
) -> None:
    outcomes: list[Exception] = [Lost(), Declined()]
    world.after["reserve"] = lambda: outcomes.pop(0)
    place(orders)

    runner.drain()

    assert world.effects["release:o1"] == 1


def test_a_step_that_a_query_did_not_find_is_compensated_when_it_is_not_wanted_any_more(
    orders: ModuleDatabase, world: World, runner: SagaRunner
) -> None:
    outcomes: list[Exception] = [Lost(), Declined()]  # the first call is on its way still when the query is answered
    world.before["charge"] = lambda: outcomes.pop(0)
    saga = place(orders)

    runner.drain()

    assert "charge ? declined (×2) → refund ✓ → release ✓" in strip(found(orders, saga))


def test_no_step_begins_after_the_deadline_of_the_whole(
    orders: ModuleDatabase, world: World, runner: SagaRunner
) -> None:
    saga = place(orders)
    with orders.transaction() as session:
        session.connection().exec_driver_sql("UPDATE orders_saga SET started_at = started_at - 601")

    runner.drain()

    assert world.calls == []
    assert status_of(orders) == ("cancelled", "saga.deadline")
    assert strip(found(orders, saga)) == "cancel ✓ → compensated"


def test_beyond_the_pivot_nothing_takes_the_saga_back(orders: ModuleDatabase, world: World, runner: SagaRunner) -> None:
    world.before["notify"] = times(10, Unreachable)
    place(orders)

    runner.drain()

    assert status_of(orders) == ("paid", "")
    assert world.effects["notify:o1"] == 1


def test_a_step_beyond_the_pivot_that_cannot_succeed_is_left_to_a_person(
    orders: ModuleDatabase, world: World, runner: SagaRunner, caplog: pytest.LogCaptureFixture
) -> None:
    world.before["notify"] = Declined
    saga = place(orders)

    with caplog.at_level(logging.ERROR):
        runner.drain()

    assert found(orders, saga).state == "parked"
    assert f"saga checkout {saga} is parked at notify: Declined" in caplog.text
    assert strip(found(orders, saga)).endswith("notify ✗ declined → PARKED")
    assert status_of(orders) == ("paid", "")


def test_a_compensation_that_fails_is_tried_again(orders: ModuleDatabase, world: World, runner: SagaRunner) -> None:
    world.before["charge"] = Declined
    world.before["release"] = times(4, Declined)
    saga = place(orders)

    runner.drain()

    assert world.effects["release:o1"] == 1
    assert "release ✓ (×5)" in strip(found(orders, saga))


def test_a_compensation_that_keeps_failing_is_parked_and_can_be_tried_again(
    orders: ModuleDatabase, world: World, runner: SagaRunner, caplog: pytest.LogCaptureFixture
) -> None:
    world.before["charge"] = Declined
    world.before["release"] = Unreachable
    saga = place(orders)
    runner.drain()
    assert found(orders, saga).state == "parked"
    assert f"decant sagas show {saga}" in caplog.text
    assert status_of(orders) == ("reserved", "")

    world.before.pop("release")
    instance = found(orders, saga)
    runner.dispatchers["orders"].coordinator.machine("checkout").retry(instance, 0)
    with orders.transaction() as session:
        SagaStore(orders).record(session.connection(), instance, "")
    runner.drain()

    assert found(orders, saga).state == "compensated"
    assert status_of(orders) == ("cancelled", "payments.declined")


def test_a_parked_saga_says_which_way_its_call_went(orders: ModuleDatabase, world: World, runner: SagaRunner) -> None:
    def failed() -> Exception:
        error = OperationFailed(
            "stock.release failed with an internal error: KeyError: 'p1'", operation="stock.release"
        )
        step = failures.Step("stock", "stock.release", "stock/service.py", 7, error="KeyError")
        error.failure = failures.Failure((step,))
        return error

    world.before["charge"], world.before["release"] = Declined, failed
    saga = place(orders)
    runner.drain()
    instance = found(orders, saga)
    assert instance.state == "parked"
    assert str(instance.history[-1].error).endswith("KeyError: 'p1' [stock.release (stock/service.py:7)]")


def test_what_a_failed_step_wrote_is_rolled_back(orders: ModuleDatabase, world: World, runner: SagaRunner) -> None:
    def fail_after_writing() -> Exception | None:
        return None

    world.before["charge"] = fail_after_writing
    world.after["charge"] = Declined
    place(orders)

    runner.drain()

    assert status_of(orders)[0] == "cancelled"


def test_a_bug_in_a_step_is_logged_with_its_traceback_and_the_saga_is_compensated(
    orders: ModuleDatabase, world: World, runner: SagaRunner, caplog: pytest.LogCaptureFixture
) -> None:
    world.before["reserve"] = lambda: KeyError("oops")
    saga = place(orders)

    runner.drain()

    assert status_of(orders) == ("cancelled", "internal")
    assert "Traceback" in caplog.text
    assert found(orders, saga).state == "compensated"


def test_data_that_the_code_cannot_read_any_more_parks_the_saga(orders: ModuleDatabase, runner: SagaRunner) -> None:
    saga = place(orders)
    with orders.transaction() as session:
        session.connection().exec_driver_sql("UPDATE orders_saga SET data = ?", (b'{"other": 1}',))

    runner.drain()

    assert found(orders, saga).state == "parked"
    assert "ValidationError" in found(orders, saga).history[-1].error


@pytest.mark.parametrize("kept", [b"{", b"{}", b'{"entries": [{"odd": 1}]}', b'{"entries": 7}', b"[]"])
def test_a_saga_whose_history_cannot_be_read_is_parked_and_the_others_go_on(
    orders: ModuleDatabase, world: World, runner: SagaRunner, kept: bytes
) -> None:
    saga = place(orders)
    store = SagaStore(orders)
    with orders.engine.begin() as connection:
        connection.execute(store.table.update().values(history=kept))
    place(orders, "o2")

    runner.drain()

    spoilt = found(orders, saga)
    assert (spoilt.state, world.effects["charge:o1"], world.effects["charge:o2"]) == ("parked", 0, 1)
    assert kept.decode() in spoilt.history[-1].error
    for change in (Machine(Checkout).retry, lambda it, now: Machine(Checkout).compensate(it, FAILURE, now)):
        change(spoilt, 0.0)
        assert Machine(Checkout).advance(spoilt, 0.0) is None
        assert spoilt.state == "parked"


def test_a_saga_that_another_version_of_the_code_started_is_left_to_it(
    orders: ModuleDatabase, runner: SagaRunner
) -> None:
    saga = place(orders)
    with orders.transaction() as session:
        session.connection().exec_driver_sql("UPDATE orders_saga SET name = 'subscription'")

    assert runner.drain() == 0
    assert found(orders, saga).state == "running"
