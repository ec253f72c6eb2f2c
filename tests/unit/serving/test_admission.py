"""Places: as many requests at once as the interpreter keeps up with, a few that wait, no others."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from decant.serving.admission import FEWEST, LATE_S, PROMPT_S, SETTLE_S, WAIT_S, Places
from tests.support.waiting import wait_until

FIRST = 8


class Clock:
    """Tells the time that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def in_background(enter: Callable[[], bool]) -> tuple[threading.Thread, list[bool]]:
    """Enter in a thread; the list gets what came of it."""
    outcome: list[bool] = []
    thread = threading.Thread(target=lambda: outcome.append(enter()), daemon=True)
    thread.start()
    return thread, outcome


def fill(places: Places) -> None:
    for _ in range(places.limit):
        assert places.enter()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def places(clock: Clock) -> Places:
    return Places(40, clock, first=FIRST)


def grant(places: Places, clock: Clock, late_s: float) -> None:
    """Let one request wait, give it a place, and have it run so much later."""
    thread, outcome = in_background(places.enter)
    wait_until(lambda: places.waiting == 1, what="it waits")
    with places._lock:  # it cannot run before the time has passed
        places._running -= 1
        places._give(clock.now)
        clock.now += late_s
    thread.join(10)
    assert outcome == [True]


def test_all_places_but_those_to_wait_in_are_free_at_first() -> None:
    assert Places(40).limit == 30


def test_the_next_one_waits_when_all_places_are_taken(places: Places) -> None:
    fill(places)
    assert places.running == FIRST
    thread, outcome = in_background(places.enter)
    wait_until(lambda: places.waiting == 1, what="it waits")
    places.leave()
    thread.join(10)
    assert outcome == [True]
    assert (places.running, places.waiting) == (FIRST, 0)


def test_who_has_waited_longest_is_first() -> None:
    places = Places(11)  # nine may run, which is as many as ever
    fill(places)
    first, _ = in_background(places.enter)
    wait_until(lambda: places.waiting == 1, what="one waits")
    second, _ = in_background(places.enter)
    wait_until(lambda: places.waiting == 2, what="two wait")
    places.leave()
    first.join(10)
    assert not first.is_alive()
    assert second.is_alive()
    places.leave()
    second.join(10)


def test_beyond_its_places_nobody_waits() -> None:
    places = Places(10)
    fill(places)
    threads = [in_background(places.enter)[0] for _ in range(10 - places.limit)]
    wait_until(lambda: places.running + places.waiting == 10, what="all places are taken")
    assert not places.enter()
    for _ in range(10):
        places.leave()
    for thread in threads:
        thread.join(10)


def test_a_wait_that_is_too_long_is_refused_at_once(places: Places, clock: Clock) -> None:
    for _ in range(30):
        fill(places)
        for _ in range(places.limit):
            clock.now += WAIT_S * 2  # one request ends in such a time
            places.leave()
    fill(places)
    assert not places.enter()
    assert places.waiting == 0


def test_a_slow_past_is_forgotten_when_there_is_room_again(places: Places, clock: Clock) -> None:
    for _ in range(30):
        fill(places)
        for _ in range(places.limit):
            clock.now += WAIT_S * 2
            places.leave()
    for _ in range(60):
        places.enter()
        clock.now += 0.001
        places.leave()
    fill(places)
    _, outcome = in_background(places.enter)
    wait_until(lambda: places.waiting == 1, what="it waits")
    places.leave()
    wait_until(lambda: outcome == [True], what="it runs")


def test_idle_time_is_no_sign_of_slowness(places: Places, clock: Clock) -> None:
    for _ in range(50):
        clock.now += 60.0
        fill(places)
        for _ in range(places.limit):
            clock.now += 0.001
            places.leave()
    fill(places)
    _, outcome = in_background(places.enter)
    wait_until(lambda: places.waiting == 1, what="it waits")
    places.leave()
    wait_until(lambda: outcome == [True], what="it runs")


def test_who_has_no_time_left_does_not_wait(places: Places) -> None:
    fill(places)
    assert not places.enter(0.0)
    assert not places.enter(0.01)
    assert (places.running, places.waiting) == (FIRST, 0)


def test_requests_that_run_at_once_when_their_turn_comes_make_room_for_more(places: Places, clock: Clock) -> None:
    for _ in range(FIRST * 2):
        while places.running < places.limit:
            places.enter()
        grant(places, clock, PROMPT_S / 2)
    assert places.limit > FIRST


def test_requests_that_wait_for_the_interpreter_make_it_fewer_but_not_all_at_once(places: Places, clock: Clock) -> None:
    fill(places)
    clock.now += SETTLE_S
    grant(places, clock, LATE_S * 2)
    assert places.limit == FIRST // 2
    while places.running > places.limit:
        places.leave()
    grant(places, clock, LATE_S * 2)
    assert places.limit == FIRST // 2, "it settles before it is looked at again"


def test_some_may_always_run(clock: Clock) -> None:
    places = Places(40, clock)
    for _ in range(20):
        fill(places)
        clock.now += SETTLE_S
        grant(places, clock, LATE_S * 2)
        for _ in range(places.running):
            places.leave()
    assert places.limit == FEWEST


def test_a_single_place_is_a_place() -> None:
    places = Places(1)
    assert places.enter()
    assert not places.enter()
    places.leave()
    assert places.enter()
