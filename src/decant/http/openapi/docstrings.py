"""What a docstring in Google's style says: the summary, the description, each argument, the result."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_section = re.compile(
    r"^(Args|Arguments|Returns|Yields|Raises|Example|Examples|Note|Source|Shape|Delivery|Thread-safety):"
)
_entry = re.compile(r"^(\w+)(?:\s*\([^)]*\))?:\s*(.*)$")


@dataclass(slots=True)
class Docs:
    """A docstring, taken apart."""

    summary: str = ""
    description: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    returns: str = ""


def docs_of(function: Callable[..., Any]) -> Docs:
    """Return what a function's docstring says; all empty where it has none."""
    text = inspect.cleandoc(getattr(function, "__doc__", None) or "")
    summary, _, rest = text.partition("\n")
    sections = _sections(rest)
    return Docs(
        summary=summary.strip().removesuffix("."),
        description="\n".join(sections.get("", ())).strip(),
        arguments=_entries(sections.get("Args", sections.get("Arguments", []))),
        returns=" ".join(line.strip() for line in sections.get("Returns", ())).strip(),
    )


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {"": []}
    current = ""
    for line in text.splitlines():
        found = _section.match(line)
        if found:
            current = found[1]
            sections[current] = [line[found.end() :]]
        else:
            sections[current].append(line)
    return sections


def _entries(lines: list[str]) -> dict[str, str]:
    entries: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc("\n".join(["", *lines])).splitlines():
        found = _entry.match(line)
        if found:
            name = found[1]
            entries[name] = found[2]
        elif name:
            entries[name] = f"{entries[name]} {line.strip()}".strip()
    return entries
