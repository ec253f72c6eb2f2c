"""Commit messages in the grammar of conventionalcommits.org 1.0.0, and what they mean for a version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from decant_tools.workspace.release.semver import Bump, Version

Level = Literal["breaking", "feature", "fix", "none"]

SILENT_TYPES = frozenset({"docs", "style", "test", "tests", "ci"})
"""What they change does not run in production: no version for them alone."""

OWN_TYPE = "release"
"""The commits that ``decant release`` makes."""

_HEADER = re.compile(r"(?P<type>[^\W\d_][\w-]*)(?:\((?P<scope>[^()\n]+)\))?(?P<mark>!)?: +(?P<text>\S.*)")
_BREAKING = re.compile(r"^BREAKING[ -]CHANGE: (.+(?:\n(?![\w-]+(?:: | #)).+)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Message:
    """A commit message, read.

    Attributes:
        type: ``feat``, ``fix``, … in lower case; "" for a message that is not conventional.
        scope: What stands in parentheses, or "".
        text: The description; the whole first line of a message that is not conventional.
        breaking: What breaks: the footer's text, the description for a mere ``!``, or "".
    """

    type: str
    scope: str
    text: str
    breaking: str = ""

    @property
    def level(self) -> Level:
        """What the commit does to those who use the project. What does not say so is taken for a fix."""
        if self.breaking:
            return "breaking"
        if self.type == "feat":
            return "feature"
        return "none" if self.type in SILENT_TYPES else "fix"


def parse_message(message: str) -> Message:
    """Return what a commit message says.

    Args:
        message: Header, body and footers.
    """
    header, _, rest = message.strip().replace("\r\n", "\n").partition("\n")
    header = header.strip()
    match = _HEADER.fullmatch(header)
    if match is None:
        return Message("", "", header)
    footer = _BREAKING.search(rest)
    breaking = " ".join(footer[1].split()) if footer else match["text"] if match["mark"] else ""
    return Message(match["type"].lower(), match["scope"] or "", match["text"], breaking)


def bump_for(level: Level, version: Version) -> Bump | None:
    """Return which part of a version a change raises; before 1.0.0 what breaks raises the minor part.

    Args:
        level: What the change does.
        version: The version before it.
    """
    if level == "breaking":
        return "major" if version.major else "minor"
    return {"feature": "minor", "fix": "patch", "none": None}[level]
