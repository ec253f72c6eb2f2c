"""Profiles are named, read from a file or spelled out; what is wrong with one is said in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from decant.errors import SetupError
from decant_tools.faultproxy import PROFILES, Profile, parse_profile


@pytest.mark.parametrize("name", PROFILES)
def test_a_name_is_its_profile(name: str) -> None:
    assert parse_profile(name) == PROFILES[name]


def test_fields_are_a_profile_of_their_own() -> None:
    assert parse_profile("latency_ms=20, duplicate=0.1,writes=true,drip_bytes=3") == Profile(
        latency_ms=20, duplicate=0.1, writes=True, drip_bytes=3
    )


def test_fields_change_a_named_one() -> None:
    changed = parse_profile("chaos,blackhole=0")
    assert (changed.blackhole, changed.duplicate) == (0, PROFILES["chaos"].duplicate)


def test_a_file_holds_fields(tmp_path: Path) -> None:
    (tmp_path / "faults.toml").write_text("latency_ms = 5\nreset_after = 0.5\nwrites = true\n")
    assert parse_profile(f"{tmp_path}/faults.toml,latency_ms=6") == Profile(latency_ms=6, reset_after=0.5, writes=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("caos", "There are no faults called 'caos'. Did you mean 'chaos'?"),
        ("zzz", "There are: none, latency"),
        ("latency=3", "No fault has the field 'latency'. Did you mean 'latency_ms'?"),
        ("latency_ms=much", "The field 'latency_ms' of faults is a number, not 'much'."),
        ("writes=perhaps", "The field 'writes' of faults is true or false, not 'perhaps'."),
        ("chaos,flaky", "name a second profile, 'flaky'"),
        ("duplicate=1.5", "No such faults can happen"),
        ("duplicate=0.6,reset_after=0.6", "No such faults can happen"),
        ("latency_ms=-1", "No such faults can happen"),
        ("/nowhere/faults.toml", "The faults cannot be read from /nowhere/faults.toml"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(SetupError) as caught:
        parse_profile(text)
    assert said in caught.value.detail
    assert caught.value.hint


def test_a_file_with_a_wrong_field_says_so(tmp_path: Path) -> None:
    (tmp_path / "faults.toml").write_text("duplicates = 1\n")
    with pytest.raises(SetupError, match="Did you mean 'duplicate'"):
        parse_profile(f"{tmp_path}/faults.toml")
