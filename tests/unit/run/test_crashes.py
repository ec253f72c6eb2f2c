"""What counts as a crash loop, and how long the pauses are."""

from __future__ import annotations

import signal

from decant_tools.run.crashes import CAP_S, KILLS, LOOP, Crashes


def test_five_exits_by_itself_in_a_row_are_a_loop() -> None:
    crashes = Crashes(draw=lambda: 1.0)
    assert [crashes.note(1, None) for _ in range(LOOP)] == [0.2, 0.4, 0.8, 1.6, None]


def test_an_exit_soon_after_readiness_counts_and_a_later_one_does_not() -> None:
    crashes = Crashes()
    for _ in range(LOOP - 1):
        assert crashes.note(1, 4.9) is not None
    assert crashes.note(1, 5.1) == 0.0
    assert crashes.in_a_row == 0


def test_a_kill_from_outside_does_not_count_and_is_not_waited_for() -> None:
    crashes = Crashes()
    assert {crashes.note(-signal.SIGKILL, 0.1) for _ in range(50)} == {0.0}
    assert crashes.in_a_row == 0


def test_kills_before_it_is_ready_are_waited_for_when_they_do_not_end_and_are_no_loop() -> None:
    crashes = Crashes(draw=lambda: 1.0)
    assert [crashes.note(-signal.SIGKILL, None) for _ in range(KILLS + 2)] == [*[0.0] * KILLS, 0.2, 0.4]
    assert {crashes.note(-signal.SIGKILL, None) for _ in range(2000)} >= {CAP_S}
    assert crashes.in_a_row == 0
    assert crashes.note(-signal.SIGKILL, 0.1) == 0.0


def test_pauses_are_jittered_by_half_and_bounded() -> None:
    assert Crashes(draw=lambda: 0.0).note(1, None) == 0.1
    crashes = Crashes(draw=lambda: 1.0)
    crashes.in_a_row = -30
    assert max(crashes.note(1, None) or 0 for _ in range(30)) <= CAP_S


def test_forgetting_begins_anew() -> None:
    crashes = Crashes()
    for _ in range(LOOP - 1):
        crashes.note(1, None)
    crashes.forget()
    assert crashes.note(1, None) is not None
