"""Versions as semver.org 2.0.0 has them: read, compared, raised."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Bump = Literal["major", "minor", "patch"]

_PART = r"(?:0|[1-9]\d*)"
_WORD = r"(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"({_PART})\.({_PART})\.({_PART})(?:-({_WORD}(?:\.{_WORD})*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Version:
    """A version.

    Attributes:
        major: What breaks callers.
        minor: What is new.
        patch: What is mended.
        pre: ``rc.1`` in ``1.4.0-rc.1``, or "".
        build: ``5`` in ``1.4.0+5``, or "".
    """

    major: int
    minor: int
    patch: int
    pre: str = ""
    build: str = ""

    def __str__(self) -> str:
        pre = f"-{self.pre}" if self.pre else ""
        build = f"+{self.build}" if self.build else ""
        return f"{self.major}.{self.minor}.{self.patch}{pre}{build}"

    @property
    def precedence(self) -> tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]:
        """What versions are sorted by: a pre-release comes before its release, build metadata does not count."""
        words = self.pre.split(".") if self.pre else ()
        ordered = tuple((not word.isdigit(), int(word) if word.isdigit() else 0, word) for word in words)
        return self.major, self.minor, self.patch, not self.pre, ordered

    def raised(self, bump: Bump) -> Version:
        """Return the next version; of a pre-release, its release where that is enough.

        Args:
            bump: Which part changes.
        """
        is_pre = bool(self.pre)
        if bump == "major":
            return Version(self.major + (not (is_pre and not self.minor and not self.patch)), 0, 0)
        if bump == "minor":
            return Version(self.major, self.minor + (not (is_pre and not self.patch)), 0)
        return Version(self.major, self.minor, self.patch + (not is_pre))


FIRST = Version(0, 1, 0)
"""Where versions begin."""


def parse_version(text: str) -> Version | None:
    """Return the version that a text is, or None when it is none.

    Args:
        text: Without a leading ``v``.
    """
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    return Version(int(match[1]), int(match[2]), int(match[3]), match[4] or "", match[5] or "")
