"""``CHANGELOG.md`` in the form of Keep a Changelog: a section for each version, newest first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from decant_tools.workspace.release.conventional import Message

TITLE = "# Changelog\n"
HEADINGS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
_TYPES = {
    "feat": "Added",
    "fix": "Fixed",
    "security": "Security",
    "deprecate": "Deprecated",
    "remove": "Removed",
}
_SECTION = re.compile(r"^## \[?v?(?P<version>[^\]\s]+)\]?", re.MULTILINE)
_LINKS = re.compile(r"^\[[^\]]+\]: \S+", re.MULTILINE)
_TAG = re.compile(r"(`[^`]*`)|<(?=[A-Za-z/!?])")


def section(version: str, date: str, messages: Sequence[Message], dependencies: Iterable[str] = ()) -> str:
    """Return the section of one version.

    Args:
        version: ``1.5.0``.
        date: ``2026-11-21``.
        messages: Its commits, newest first.
        dependencies: What else changed below it: ``common_utils 1.2.0``.
    """
    entries: dict[str, list[str]] = {heading: [] for heading in HEADINGS}
    for message in messages:
        if message.level != "none":
            entries[_heading(message)].append(_entry(message))
    entries["Changed"] += [f"dependency: {text}" for text in dependencies]
    parts = [f"## [{version}] - {date}\n"]
    for heading, lines in entries.items():
        unique = list(dict.fromkeys(lines))
        if unique:
            parts.append(f"### {heading}\n\n" + "".join(f"- {line}\n" for line in unique))
    return "\n".join(parts)


def _heading(message: Message) -> str:
    return _TYPES.get(message.type, "Changed") if not message.breaking else "Changed"


def _entry(message: Message) -> str:
    mark = "**Breaking**: " if message.breaking else ""
    scope = f"{message.scope}: " if message.scope else ""
    more = f" ({message.breaking})" if message.breaking not in {"", message.text} else ""
    return _shown(f"{mark}{scope}{message.text}{more}")


def _shown(text: str) -> str:
    """Return a text in which nothing is taken for HTML; the rest stays as it was written."""
    return _TAG.sub(lambda match: match[1] or "\\<", text)


def insert(text: str, version: str, added: str) -> str:
    """Return a changelog with one more section: below "Unreleased", above the newest version.

    A version that has its section is left alone, and so is every other line.

    Args:
        text: The whole file, or "" for none.
        version: The section's version.
        added: What :func:`section` made.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    found = list(_SECTION.finditer(text))
    if any(match["version"] == version for match in found):
        return text
    added = added.replace("\n", newline)
    place = next((match.start() for match in found if match["version"].lower() != "unreleased"), None)
    if place is None:
        links = _LINKS.search(text, found[-1].end() if found else 0)
        place = links.start() if links else len(text)
    before, after = text[:place] or TITLE.replace("\n", newline), text[place:]
    gap = "" if before.endswith(newline * 2) else newline if before.endswith("\n") else newline * 2
    return before + gap + added + (newline + after if after else "")
