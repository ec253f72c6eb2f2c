from concurrent.futures import ThreadPoolExecutor

import pytest

from decant.errors import BulkheadFull
from decant.rpc.policy import Bulkhead
from tests.support.waiting import wait_until

LONG_S = 300.0


def test_so_many_have_a_turn_at_once_and_no_more() -> None:
    bulkhead = Bulkhead(2, "a to b")
    bulkhead.enter(LONG_S)
    bulkhead.enter(LONG_S)
    with pytest.raises(BulkheadFull) as caught:
        bulkhead.enter(0.01)
    assert not caught.value.may_have_run
    assert "2 calls from a to b" in str(caught.value)
    bulkhead.leave()
    bulkhead.enter(0.01)


def test_each_turn_that_ends_wakes_one_that_waits() -> None:
    bulkhead = Bulkhead(2, "a to b")
    bulkhead.enter(LONG_S)
    bulkhead.enter(LONG_S)
    with ThreadPoolExecutor(3) as pool:
        entered = [pool.submit(bulkhead.enter, LONG_S) for _ in range(3)]
        wait_until(lambda: bulkhead.waiting == 3)
        bulkhead.leave()
        bulkhead.leave()
        wait_until(lambda: sum(one.done() for one in entered) == 2)
        assert bulkhead.waiting == 1
        bulkhead.leave()
        for one in entered:
            one.result(LONG_S)
    assert bulkhead.waiting == 0


def test_who_waited_in_vain_takes_no_turn_away() -> None:
    bulkhead = Bulkhead(1, "a to b")
    bulkhead.enter(LONG_S)
    with pytest.raises(BulkheadFull):
        bulkhead.enter(0.01)
    bulkhead.leave()
    bulkhead.enter(0.01)


def test_a_deadline_that_passed_meanwhile_is_no_error_of_its_own() -> None:
    bulkhead = Bulkhead(1, "a to b")
    bulkhead.enter(-1.0)  # there was room; the call itself finds out that it is too late
    with pytest.raises(BulkheadFull):
        bulkhead.enter(-1.0)
