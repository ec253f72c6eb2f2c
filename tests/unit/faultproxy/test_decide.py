"""The seed decides: the same request of the same connection has the same fate in every run."""

from __future__ import annotations

from collections import Counter

import pytest

from decant_tools.faultproxy import PROFILES, Decision, Profile, decide

EVERYTHING = Profile(
    latency_ms=10, jitter_ms=5, refuse=0.1, blackhole=0.1, reset_before=0.1, reset_after=0.1, duplicate=0.1, drip=0.5
)


def rolled(seed: int, profile: Profile = EVERYTHING) -> list[Decision]:
    return [decide(profile, seed, connection, request) for connection in range(1, 41) for request in range(1, 51)]


def test_the_same_seed_decides_alike_and_another_does_not() -> None:
    assert rolled(1) == rolled(1)
    assert rolled(1) != rolled(2)


def test_shares_are_what_the_profile_says() -> None:
    found = rolled(7)
    fates = Counter(one.fate for one in found)
    for fate in ("refuse", "blackhole", "reset_before", "reset_after", "duplicate"):
        assert 140 <= fates[fate] <= 260, fates
    assert 900 <= sum(one.drip for one in found) <= 1100
    assert all(0.010 <= one.delay_s <= 0.015 for one in found)


def test_a_share_of_one_is_every_request() -> None:
    assert {one.fate for one in rolled(3, Profile(duplicate=1))} == {"duplicate"}
    assert {one.fate for one in rolled(3, Profile())} == {"pass"}


@pytest.mark.parametrize("fate", ["blackhole", "reset_before", "reset_after", "duplicate"])
def test_what_must_not_be_repeated_is_left_alone(fate: str) -> None:
    decision = Decision(0.1, fate, drip=True)  # type: ignore[arg-type]
    assert decision.spared(Profile(), repeatable=True) == decision
    assert decision.spared(Profile(), repeatable=False) == Decision(0.1, "pass", drip=True)


@pytest.mark.parametrize(
    ("fate", "left"),
    [("blackhole", "blackhole"), ("reset_before", "reset_before"), ("reset_after", "pass"), ("duplicate", "pass")],
)
def test_writes_are_lost_before_they_are_sent_where_that_is_asked_for_and_never_after(fate: str, left: str) -> None:
    decision = Decision(0, fate, drip=False)  # type: ignore[arg-type]
    assert decision.spared(Profile(writes=True), repeatable=False).fate == left


def test_no_named_profile_loses_writes() -> None:
    assert not any(profile.writes for profile in PROFILES.values())
