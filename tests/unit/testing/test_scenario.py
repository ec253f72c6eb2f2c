"""A scenario acts, waits for a condition, and says what was seen when it does not come."""

from __future__ import annotations

from itertools import count

import pytest

from decant.testing import Scenario


def test_the_first_value_that_is_as_it_must_be_is_returned() -> None:
    numbers = count()
    assert Scenario().wait("three", lambda: next(numbers), until=lambda seen: seen == 3, every_s=0) == 3
    assert Scenario().wait("any true one", lambda: "here") == "here"


def test_errors_of_something_that_is_not_there_yet_are_waited_over() -> None:
    tries = count(1)

    def look() -> str:
        number = next(tries)
        if number < 4:
            raise (AssertionError("not yet"), KeyError("none"), ConnectionRefusedError())[number - 1]
        return "there"

    assert Scenario().wait("it", look, every_s=0) == "there"


def test_any_other_error_comes_at_once() -> None:
    with pytest.raises(ZeroDivisionError):
        Scenario().wait("it", lambda: 1 / 0)


def test_a_wait_in_vain_tells_what_was_done_and_seen_and_how_things_stand() -> None:
    scenario, numbers = Scenario(lambda: "catalog: down"), count()
    scenario.act("order a book", lambda: "201 ordered")
    with pytest.raises(AssertionError) as caught:
        scenario.wait("the order is paid", lambda: "pending" if next(numbers) < 2 else "reserved", until=lambda seen: seen == "paid", within_s=0.1, every_s=0.01)  # fmt: skip
    told = str(caught.value)
    assert told.startswith("Waited 0.1 s in vain for this: the order is paid\n")
    assert "order a book: 201 ordered" in told
    assert told.count("pending") == told.count("reserved") == 1
    assert told.endswith("catalog: down")


def test_only_the_last_of_many_changes_are_told() -> None:
    numbers = count()
    with pytest.raises(AssertionError) as caught:
        Scenario().wait("nothing", lambda: next(numbers), until=lambda seen: False, within_s=0.1, every_s=0)
    assert "more before)" in str(caught.value)
    assert len(str(caught.value).splitlines()) < 30


def test_what_failed_to_be_done_is_told_too() -> None:
    scenario = Scenario()
    with pytest.raises(ZeroDivisionError):
        scenario.act("divide", lambda: 1 / 0)
    with pytest.raises(AssertionError, match="divide: ZeroDivisionError"):
        scenario.wait("it", lambda: None, within_s=0)
