"""What a release would do: which projects get which version, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from decant_tools.workspace.release.conventional import bump_for
from decant_tools.workspace.release.history import tag_name
from decant_tools.workspace.release.semver import FIRST, Bump, Version
from decant_tools.workspace.release.standing import Standing, highest

_NOUNS = {"breaking": "what breaks", "feature": "a feature", "fix": "a fix", "none": "nothing that runs"}


@dataclass(frozen=True, slots=True)
class Step:
    """One project of a release.

    Attributes:
        standing: The project, as it stands.
        to: Its next version.
        why: In words.
        dependencies: What changed below it: ``common_utils 1.2.0``.
    """

    standing: Standing
    to: Version
    why: str
    dependencies: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """The tag that it gets."""
        return tag_name(self.standing.label, self.to)

    @property
    def title(self) -> str:
        """``orders 1.5.0``."""
        return f"{self.standing.project.name} {self.to}"


def plan_release(
    found: Mapping[str, Standing],
    *,
    wanted: Collection[str] | None = None,
    bump: Bump | Literal["auto"] = "auto",
    everything: bool = False,
) -> tuple[Step, ...]:
    """Return the steps of a release, dependencies before those who need them.

    Args:
        found: Where every project stands, by id.
        wanted: The ids of those that were asked for, or None for all that changed. Who depends on one of them is
            released with it.
        bump: What to raise, or ``auto``: what the commits say.
        everything: Whether those that did not change get a version, too.
    """
    return _Planner(found, wanted, bump, everything=everything).plan()


def next_versions(found: Mapping[str, Standing]) -> dict[str, Step]:
    """Return by id what a release of everything that changed would do."""
    return {step.standing.project.id: step for step in plan_release(found)}


class _Planner:
    def __init__(
        self,
        found: Mapping[str, Standing],
        wanted: Collection[str] | None,
        bump: Bump | Literal["auto"],
        *,
        everything: bool,
    ) -> None:
        self._found = found
        self._wanted = wanted
        self._bump = bump
        self._everything = everything
        self._steps: dict[str, Step] = {}

    def plan(self) -> tuple[Step, ...]:
        for key in _in_order(self._found):
            step = self._step(key)
            if step is not None:
                self._steps[key] = step
        return tuple(self._steps.values())

    def _step(self, key: str) -> Step | None:
        standing = self._found[key]
        released = [need for need in standing.needs if need in self._steps]
        is_asked = self._wanted is None or key in self._wanted
        if not is_asked and not released:
            return None
        changed = [need for need in standing.needs if need in released or self._is_behind(standing, need)]
        dependencies = tuple(self._title(need) for need in changed)
        to, why = self._next(standing, dependencies, is_asked=is_asked)
        if to is None:
            return None
        return Step(standing, to, why, dependencies if standing.tag else ())  # a first version has changed nothing

    def _is_behind(self, standing: Standing, need: str) -> bool:
        return highest(standing.behind.get(need, ())) != "none"

    def _title(self, need: str) -> str:
        if need in self._steps:
            return self._steps[need].title
        return f"{self._found[need].project.name} {self._found[need].version}"

    def _next(self, standing: Standing, dependencies: tuple[str, ...], *, is_asked: bool) -> tuple[Version | None, str]:
        if standing.tag is None:
            return self._first(standing, is_asked=is_asked)
        level = standing.level
        is_forced = self._bump != "auto" and is_asked
        bump = bump_for(level, standing.version)
        why = f"{_NOUNS[level]}" if bump else ""
        if bump is None and dependencies:
            bump, why = "patch", f"dependency: {', '.join(dependencies)}"
        if bump is None and is_asked and (self._everything or (is_forced and self._wanted is not None)):
            bump, why = "patch", "asked for"
        if bump is None:
            return None, ""
        if is_forced and self._bump != "auto":
            bump, why = self._bump, f"{why}; --bump {self._bump}"
        return self._at_least_stated(standing, standing.version.raised(bump), why)

    def _first(self, standing: Standing, *, is_asked: bool) -> tuple[Version, str]:
        first = Version(1, 0, 0) if self._bump == "major" and is_asked else FIRST
        return self._at_least_stated(standing, first, "first version")

    def _at_least_stated(self, standing: Standing, version: Version, why: str) -> tuple[Version, str]:
        """Never go below what a person wrote into the manifest."""
        stated = standing.stated
        if stated is not None and stated.precedence > version.precedence:
            return stated, f"{why}; pyproject.toml says {stated}"
        return version, why


def _in_order(found: Mapping[str, Standing]) -> list[str]:
    """Return ids, each after those that it needs; members of a cycle in the order of their names."""
    done: dict[str, None] = {}
    for start in sorted(found):
        stack = [(start, iter(found[start].needs))]
        entered = {start}
        while stack:
            key, needs = stack[-1]
            need = next((each for each in needs if each in found and each not in done and each not in entered), None)
            if need is None:
                done.setdefault(key)
                stack.pop()
            else:
                entered.add(need)
                stack.append((need, iter(found[need].needs)))
    return list(done)
