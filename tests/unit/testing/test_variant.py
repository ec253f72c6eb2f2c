"""What a suite runs against is written in one word."""

from __future__ import annotations

import pytest

from decant.errors import SetupError
from decant.testing import Variant


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("", Variant()),
        ("services", Variant("services")),
        ("monolith/strict", Variant("monolith", "strict")),
        ("/direct", Variant("", "direct")),
        ("services+postgres", Variant("services", data="postgres")),
        ("monolith/direct+maria-db~chaos", Variant("monolith", "direct", "maria-db", "chaos")),
        ("services~latency_ms=3,duplicate=0.1", Variant("services", faults="latency_ms=3,duplicate=0.1")),
    ],
)
def test_a_word_is_read_and_written_alike(text: str, variant: Variant) -> None:
    assert Variant.parse(text) == variant
    assert str(variant) == (text or "default")


@pytest.mark.parametrize("text", ["services/loose", "two words", "1st", "services/", "a/b/c"])
def test_anything_else_is_a_mistake(text: str) -> None:
    with pytest.raises(SetupError, match="names no topology to test"):
        Variant.parse(text)


def test_options_fill_in_what_is_left_open() -> None:
    assert Variant.parse("a").completed(calls="strict", faults="chaos", seed=3) == Variant(
        "a", "strict", "", "chaos", 3
    )
    assert Variant.parse("a/direct~flaky").completed(calls="strict", faults="chaos", seed=3) == Variant(
        "a", "direct", "", "flaky", 3
    )


def test_calls_are_said_by_the_environment() -> None:
    assert Variant("a", "strict").environment == {"DECANT_CALLS_MODE": "strict"}
    assert Variant("a").environment == {}
