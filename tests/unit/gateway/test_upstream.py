"""Which address is asked next, and when one that could not be reached is tried again."""

from __future__ import annotations

import pytest

from decant.gateway.backend import BackendConnection
from decant.gateway.limits import PoolLimits
from decant.gateway.problems import Refused
from decant.gateway.upstream import Address, Instance, Upstream

ONE, TWO, THREE = (Address("127.0.0.1", port) for port in (1, 2, 3))


def busy(instance: Instance, count: int) -> None:
    instance.busy = {BackendConnection(lambda _: None, lambda _: None) for _ in range(count)}


def test_a_service_needs_an_address() -> None:
    with pytest.raises(ValueError, match="has no address"):
        Upstream("shop", [])


def test_the_address_with_the_fewest_requests_is_asked() -> None:
    upstream = Upstream("shop", [ONE, TWO, THREE])
    for instance, count in zip(upstream._instances, (2, 0, 1), strict=True):
        busy(instance, count)
    for _ in range(4):
        assert upstream._choose(0.0) is upstream._instances[1]


def test_equals_take_turns() -> None:
    upstream = Upstream("shop", [ONE, TWO, THREE])
    chosen = [upstream._choose(0.0) for _ in range(6)]
    assert len(set(map(id, chosen))) == 3


def test_an_address_that_rests_is_asked_last_and_by_one_request_when_its_rest_is_over() -> None:
    upstream = Upstream("shop", [ONE, TWO], PoolLimits(first_pause_s=1.0))
    down, well = upstream._instances
    down.failures, down.rests_until = 1, 10.0
    busy(well, 5)
    assert upstream._choose(9.0) is well
    assert upstream._choose(11.0) is down
    assert upstream._choose(11.1) is well


def test_when_all_rest_they_are_asked_all_the_same() -> None:
    upstream = Upstream("shop", [ONE, TWO])
    for instance in upstream._instances:
        instance.failures, instance.rests_until = 3, 100.0
    assert upstream._choose(0.0) is not None


def test_an_address_that_was_tried_is_not_tried_again_for_the_same_request() -> None:
    upstream = Upstream("shop", [ONE, TWO])
    assert upstream._choose(0.0, {ONE}) is upstream._instances[1]
    assert upstream._choose(0.0, {ONE, TWO}) is None


def test_a_full_address_is_not_chosen() -> None:
    upstream = Upstream("shop", [ONE], PoolLimits(connections=2))
    upstream._instances[0].opened = 2
    assert upstream._choose(0.0) is None


def test_rests_double_up_to_the_longest() -> None:
    upstream = Upstream("shop", [ONE], PoolLimits(first_pause_s=0.25, longest_pause_s=5.0))
    (instance,) = upstream._instances
    pauses = []
    for failures in (1, 2, 3, 10, 1_000):
        instance.failures = failures
        pauses.append(upstream._pause(instance))
    assert pauses == [0.25, 0.5, 1.0, 5.0, 5.0]


def test_who_gave_up_keeps_nobody_out_of_the_queue() -> None:
    class Seeking:
        refused: Refused | None = None

        def on_connection(self, connection: BackendConnection) -> None:
            raise AssertionError("there is none")

        def on_no_connection(self, refused: Refused) -> None:
            self.refused = refused

    upstream = Upstream("shop", [Address("127.0.0.1", 1)], PoolLimits(connections=0, waiting=2))
    first, second, third, fourth = (Seeking() for _ in range(4))
    upstream.connect(first, 0.0)
    given_up = upstream.connect(second, 0.0)
    assert given_up is not None
    given_up.cancel()
    assert upstream.connect(third, 0.0) is not None
    assert upstream.connect(fourth, 0.0) is None
    assert [one.refused is None for one in (first, second, third, fourth)] == [True, True, True, False]
