"""What happens to a request: the same in every run with the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

from decant_tools.faultproxy.profiles import Profile

Fate = Literal["pass", "refuse", "blackhole", "reset_before", "reset_after", "duplicate"]
LOST_BEFORE: tuple[Fate, ...] = ("blackhole", "reset_before")
FATES: tuple[Fate, ...] = ("refuse", *LOST_BEFORE, "reset_after", "duplicate")


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to a request.

    Attributes:
        delay_s: Seconds until it is sent on.
        fate: What becomes of it.
        drip: Whether its answer comes in small pieces.
    """

    delay_s: float
    fate: Fate
    drip: bool

    def spared(self, profile: Profile, *, repeatable: bool) -> Decision:
        """Return what may happen to this request: one that must not be repeated is neither doubled nor lost.

        Args:
            profile: Says whether even such a one is lost before it is sent on.
            repeatable: Whether it is a read or has an idempotency key.
        """
        harmless = repeatable or self.fate in {"pass", "refuse"} or (profile.writes and self.fate in LOST_BEFORE)
        return self if harmless else Decision(self.delay_s, "pass", self.drip)


def decide(profile: Profile, seed: int, connection: int, request: int) -> Decision:
    """Return what is to happen to a request.

    Args:
        profile: What goes wrong, and how often.
        seed: Of the run.
        connection: The connection's number, from 1.
        request: The request's number on it, from 1.
    """
    random = Random(f"{seed}:{connection}:{request}")
    delay_ms = profile.latency_ms + profile.jitter_ms * random.random()
    rolled, fate = random.random(), "pass"
    drip = random.random() < profile.drip
    for each in FATES:
        rolled -= getattr(profile, each)
        if rolled < 0:
            fate = each
            break
    return Decision(delay_ms / 1000, fate, drip)  # type: ignore[arg-type]
