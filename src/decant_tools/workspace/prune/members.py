"""The root ``pyproject.toml`` of a uv workspace of which some members stay behind."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Collection, Iterator
from typing import Any

_HEADER = re.compile(r"^[ \t]*\[\[?[ \t]*([^\]\n]+?)[ \t]*\]\]?[ \t]*(?:#[^\n]*)?$", re.MULTILINE)
_LISTS = ("project", "project.optional-dependencies", "dependency-groups", "tool.uv")
_SOURCES = "tool.uv.sources"
_NAME = re.compile(r"[ \t]*([A-Za-z0-9][A-Za-z0-9._-]*)")


def without_members(text: str, names: Collection[str]) -> str | None:
    """Return a root ``pyproject.toml`` that asks for no member that stays behind; all else is kept.

    Args:
        text: The whole file.
        names: The normalised names of the members that stay behind.

    Returns:
        The new text, or None when they cannot be taken out safely.
    """
    expected = _expected(tomllib.loads(text), names)
    sections = [
        _edited(header, body, names) if header in {*_LISTS, _SOURCES} else body for header, body in _sections(text)
    ]
    result = "".join(sections)
    try:
        return result if tomllib.loads(result) == expected else None
    except tomllib.TOMLDecodeError:
        return None


def normalised(name: str) -> str:
    """Return a distribution's name as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_name(requirement: str) -> str:
    """Return the normalised name in a requirement, or ""."""
    match = _NAME.match(requirement)
    return normalised(match[1]) if match else ""


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Yield each table's name with its text, header included."""
    headers = list(_HEADER.finditer(text))
    yield "", text[: headers[0].start()] if headers else text
    for number, header in enumerate(headers):
        end = headers[number + 1].start() if number + 1 < len(headers) else len(text)
        yield header[1].replace(" ", ""), text[header.start() : end]


def _edited(header: str, body: str, names: Collection[str]) -> str:
    if header == _SOURCES:
        lines = body.splitlines(keepends=True)
        return "".join(line for line in lines if normalised(line.partition("=")[0].strip(" \t\"'")) not in names)
    for item in (r'"([^"\\\n]*)"', r"'([^'\n]*)'"):
        for place in (
            rf"(?m:^)[ \t]*{item}[ \t]*,?[ \t]*(?:#[^\n]*)?\n",
            rf",[ \t]*{item}(?=[ \t]*[,\]])",
            rf"(?<=\[){item}(?:,[ \t]*)?",
        ):
            body = re.sub(place, lambda match: "" if requirement_name(match[1]) in names else match[0], body)
    return body


def _expected(data: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return what the file must say afterwards."""
    data = copy.deepcopy(data)
    project, uv = data.get("project", {}), data.get("tool", {}).get("uv", {})
    for table, keys in (
        (project, ("dependencies",)),
        (project.get("optional-dependencies", {}), None),
        (data.get("dependency-groups", {}), None),
        (uv, ("dev-dependencies",)),
    ):
        for key in table if keys is None else [key for key in keys if key in table]:
            table[key] = [entry for entry in table[key] if not _names(entry, names)]
    if "sources" in uv:
        uv["sources"] = {key: value for key, value in uv["sources"].items() if normalised(key) not in names}
    return data


def _names(entry: object, names: Collection[str]) -> bool:
    return isinstance(entry, str) and requirement_name(entry) in names
