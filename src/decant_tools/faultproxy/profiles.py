"""What goes wrong, how often and for how long: profiles by name, from a TOML file or spelled out."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path

from decant.errors import SetupError

HINT = "Name a profile, a TOML file with such keys, or spell them out: latency_ms=20,duplicate=0.1."


@dataclass(frozen=True, slots=True)
class Profile:
    """What goes wrong on one edge.

    Shares are of requests, from 0 to 1; at most one of the losses and the duplicate happens to a request.

    Attributes:
        latency_ms: Milliseconds that each request waits before it is sent on.
        jitter_ms: Milliseconds, at most, that are added to it.
        refuse: Share after whose answer new connections are refused for a while.
        refuse_ms: How long they are refused.
        blackhole: Share that is swallowed: never sent on, never answered.
        reset_before: Share whose connection is reset before the request is sent on.
        reset_after: Share whose connection is reset when the answer has come, which is thrown away.
        duplicate: Share that is delivered twice, one after the other; the second answer is passed on.
        slow_close_ms: Milliseconds by which a connection that the service has closed stays open.
        drip: Share whose answer comes in small pieces.
        drip_bytes: The size of a piece.
        drip_pause_ms: Milliseconds between two of them.
        writes: Whether requests that must not be repeated are lost, too, before they are sent on. They are never lost
            after that, and never doubled.
    """

    latency_ms: float = 0
    jitter_ms: float = 0
    refuse: float = 0
    refuse_ms: float = 100
    blackhole: float = 0
    reset_before: float = 0
    reset_after: float = 0
    duplicate: float = 0
    slow_close_ms: float = 0
    drip: float = 0
    drip_bytes: int = 64
    drip_pause_ms: float = 2
    writes: bool = False

    def __post_init__(self) -> None:
        shares = (self.refuse, self.blackhole, self.reset_before, self.reset_after, self.duplicate)
        numbers = [float(getattr(self, one.name)) for one in fields(self)]
        if min(numbers) < 0 or self.drip > 1 or sum(shares) > 1 or self.drip_bytes < 1:
            raise SetupError(
                f"No such faults can happen: {self}.",
                hint="Shares are 0 to 1 and at most 1 in sum; times not negative.",
            )


PROFILES: Mapping[str, Profile] = {
    "none": Profile(),
    "latency": Profile(latency_ms=20, jitter_ms=30),
    "duplicates": Profile(duplicate=0.2),
    "flaky": Profile(refuse=0.02, reset_before=0.03, reset_after=0.03),
    "slow": Profile(slow_close_ms=200, drip=0.2, latency_ms=5, jitter_ms=10),
    "chaos": Profile(
        latency_ms=2,
        jitter_ms=20,
        refuse=0.01,
        blackhole=0.002,
        reset_before=0.02,
        reset_after=0.02,
        duplicate=0.05,
        slow_close_ms=50,
        drip=0.05,
    ),
}


def parse_profile(text: str) -> Profile:
    """Return the profile that a person has written.

    Args:
        text: A name (``chaos``), a TOML file with the fields of :class:`Profile` as keys (``faults.toml``), fields
            (``latency_ms=20,duplicate=0.1``), or one of the first two and what differs (``chaos,blackhole=0``).

    Raises:
        SetupError: When there is no such profile or field, or the value is none.
    """
    profile = Profile()
    for place, part in enumerate(piece.strip() for piece in text.split(",")):
        name, is_field, value = part.partition("=")
        if is_field:
            profile = _changed(profile, {name.strip(): value.strip()})
        elif place > 0:
            raise SetupError(f"The faults {text!r} name a second profile, {part!r}.", hint=HINT)
        elif part.endswith(".toml"):
            profile = _changed(profile, _read(Path(part)))
        else:
            profile = _named(part)
    return profile


def _named(name: str) -> Profile:
    if name in PROFILES:
        return PROFILES[name]
    near = get_close_matches(name, PROFILES, n=1)
    known = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(PROFILES)}."
    raise SetupError(f"There are no faults called {name!r}. {known}", hint=HINT)


def _read(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SetupError(f"The faults cannot be read from {path}: {error}.", hint=HINT) from error


def _changed(profile: Profile, given: Mapping[str, object]) -> Profile:
    kinds = {one.name: type(one.default) for one in fields(Profile)}
    changes: dict[str, float | bool] = {}
    for name, value in given.items():
        if name not in kinds:
            near = get_close_matches(name, kinds, n=1)
            known = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(kinds)}."
            raise SetupError(f"No fault has the field {name!r}. {known}", hint=HINT)
        changes[name] = _value(name, kinds[name], value)
    return replace(profile, **changes)  # type: ignore[arg-type]


def _value(name: str, kind: type, value: object) -> float | bool:
    if kind is bool:
        known = {"true": True, "false": False}
        if (said := str(value).lower()) in known:
            return known[said]
        raise SetupError(f"The field {name!r} of faults is true or false, not {value!r}.", hint=HINT)
    try:
        return int(str(value)) if name == "drip_bytes" else float(str(value))
    except ValueError as error:
        raise SetupError(f"The field {name!r} of faults is a number, not {value!r}.", hint=HINT) from error
