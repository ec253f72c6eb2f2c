"""The static version in a ``pyproject.toml``: read, and written in place with all else kept."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_TABLE = re.compile(r"[ \t]*\[[ \t]*project[ \t]*\][ \t]*(?:#.*)?\r?")
_ANY_TABLE = re.compile(r"[ \t]*\[")
_VERSION = re.compile(r"""(?P<before>[ \t]*version[ \t]*=[ \t]*)(?P<quote>["'])(?P<value>[^"'\\]*)(?P=quote)""")


def static_version(text: str) -> str | None:
    """Return the version that a ``pyproject.toml`` states, or None where it is dynamic, missing or unreadable.

    Args:
        text: The whole file.
    """
    version = _project(text).get("version")
    return version if isinstance(version, str) else None


def with_version(text: str, version: str) -> str | None:
    """Return a ``pyproject.toml`` with another static version; one line changes and nothing else.

    Args:
        text: The whole file.
        version: The version to write.

    Returns:
        The new text, or None when there is no static version or the line cannot be changed safely.
    """
    if static_version(text) is None:
        return None
    lines = text.split("\n")
    start = next((number for number, line in enumerate(lines) if _TABLE.fullmatch(line)), None)
    if start is None:
        return None
    for number in range(start + 1, len(lines)):
        match = _VERSION.match(lines[number])
        if match:
            rest = lines[number][match.end() :]
            lines[number] = f"{match['before']}{match['quote']}{version}{match['quote']}{rest}"
            return _checked(text, "\n".join(lines), version)
        if _ANY_TABLE.match(lines[number]) and _is_whole("\n".join(lines[:number])):
            return None
    return None


def _checked(before: str, after: str, version: str) -> str | None:
    """Return the edited text if it differs from the old one by the version alone."""
    expected = tomllib.loads(before)
    expected["project"]["version"] = version
    try:
        return after if tomllib.loads(after) == expected else None
    except tomllib.TOMLDecodeError:
        return None


def _is_whole(text: str) -> bool:
    """Return whether a text ends between statements, so that a bracket after it opens a table."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _project(text: str) -> dict[str, Any]:
    try:
        project = tomllib.loads(text).get("project")
    except tomllib.TOMLDecodeError:
        return {}
    return project if isinstance(project, dict) else {}
