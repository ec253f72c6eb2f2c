"""Waiting on conditions."""

from __future__ import annotations

import itertools

import pytest

from tests.support.waiting import wait_until


def test_the_first_true_value_is_returned() -> None:
    values = itertools.count()
    assert wait_until(lambda: next(values) > 2, every_s=0) is True


def test_giving_up_says_what_was_seen_last() -> None:
    with pytest.raises(AssertionError, match=r"Waited 0\.01 s for the door; last seen: ''"):
        wait_until(lambda: "", within_s=0.01, every_s=0.001, what="the door")


def test_a_refused_connection_is_not_yet() -> None:
    def refused() -> bool:
        raise ConnectionRefusedError("closed")

    with pytest.raises(AssertionError, match="ConnectionRefusedError"):
        wait_until(refused, within_s=0.01, every_s=0.001)
