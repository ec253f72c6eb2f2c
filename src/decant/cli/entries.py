"""Entry points of what is installed, found without :mod:`importlib.metadata`, whose import costs half of a start."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

OWN = "flask_decant-"
"""How the folder with our own metadata begins; it is looked at first."""


class Entry(NamedTuple):
    """One entry point.

    Attributes:
        name: As it is offered.
        value: ``package.module:attribute``.
        distribution: Who offers it.
    """

    name: str
    value: str
    distribution: str

    def load(self) -> Any:
        """Import it."""
        module, _, attribute = self.value.partition(":")
        found: Any = importlib.import_module(module.strip())
        for name in filter(None, attribute.strip().split(".")):
            found = getattr(found, name)
        return found


def entries(group: str) -> Iterator[Entry]:
    """Yield the entry points of a group, our own first; of a distribution that is there twice, the first that counts.

    Args:
        group: For instance ``decant.commands``.
    """
    seen: set[str] = set()
    for own in (True, False):
        for folder in sys.path:
            for name, path in _metadata(folder or ".", own=own):
                if name not in seen:
                    seen.add(name)
                    yield from _read(path, group, name)


def entry(group: str, name: str) -> Entry | None:
    """Return an entry point by its name, also of a distribution that lies in no folder: in a zip file, for instance."""
    for each in entries(group):
        if each.name == name:
            return each
    from importlib.metadata import entry_points

    found = entry_points(group=group, name=name)
    return next((Entry(name, each.value, each.dist.name if each.dist else "") for each in found), None)


def _metadata(folder: str, *, own: bool) -> Iterator[tuple[str, str]]:
    """Yield the distributions in a folder of ``sys.path`` that have entry points: name and file."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - hundreds of names; only a few become paths
    except OSError:
        return
    for each in names:
        if each.endswith((".dist-info", ".egg-info")) and each.startswith(OWN) is own:
            yield each.partition("-")[0].lower(), f"{folder}/{each}/entry_points.txt"


def _read(path: str, group: str, distribution: str) -> Iterator[Entry]:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a Path for each of them costs more than the rest
            text = file.read()
    except (OSError, ValueError):
        return
    section = ""
    for line in text.splitlines() if f"[{group}]" in text else ():
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[] \t")
        elif section == group and "=" in line and line[0] not in "#;":
            name, _, value = line.partition("=")
            yield Entry(name.strip(), value.partition("[")[0].strip(), distribution)
