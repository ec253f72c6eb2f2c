"""What a change of ``decant.toml`` touches: it is compared table by table."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

NAME = "decant.toml"

KINDS = {"services": "service", "libs": "lib", "modules": "module"}
"""Tables whose sub-tables are about one project each."""


class Touched(NamedTuple):
    """What differs between two versions.

    Attributes:
        projects: The ids of projects that a table is about, and that table: ``[services.orders]``.
        hosting: Whether it may differ which module runs in which service.
        everything: What concerns every project, or "".
        fault: Why nothing can be compared, or "".
    """

    projects: Mapping[str, str] = {}
    hosting: bool = False
    everything: str = ""
    fault: str = ""


def compare_settings(old: bytes | None, new: bytes | None) -> Touched:
    """Return what differs between two versions of ``decant.toml``.

    Args:
        old: As it was; None where there was none.
        new: As it is; None where it is gone.
    """
    try:
        before, after = (tomllib.loads((each or b"").decode()) for each in (old, new))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Touched(fault=f"{NAME} cannot be compared with its other version: {error}.")
    projects: dict[str, str] = {}
    hosting = False
    for key in _differing(before, after):
        mine, theirs = before.get(key, {}), after.get(key, {})
        if key in KINDS and isinstance(mine, dict) and isinstance(theirs, dict):
            projects |= {f"{KINDS[key]}:{name}": f"[{key}.{name}]" for name in _differing(mine, theirs)}
        elif key == "topologies" or (key == "workspace" and _is_choice(mine, theirs)):
            hosting = True
        else:
            return Touched(everything=f"[{key}]")
    return Touched(projects, hosting)


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    yield from (key for key in sorted({*old, *new}) if old.get(key) != new.get(key))


def _is_choice(old: Any, new: Any) -> bool:
    """Return whether ``[workspace]`` differs in nothing but the topology that is taken."""
    return isinstance(old, dict) and isinstance(new, dict) and list(_differing(old, new)) == ["topology"]
