"""Which classes of a file may be contracts or events, by their bases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from decant_tools.workspace.facts.model import Class
from decant_tools.workspace.facts.syntax import Statement

_CLASS = re.compile(r"^class[ \t]+([^\W\d]\w*)[ \t]*\(([^)]*)\)", re.MULTILINE)
_BASE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_ROLES = {"Contract": "contract", "Event": "event"}


def read_classes(text: str, statements: Sequence[Statement]) -> Iterator[Class]:
    """Yield the classes of a source's top level whose bases come from elsewhere.

    Args:
        text: The source.
        statements: Its imports: they tell what a base is called where it comes from.
    """
    if not statements or "\nclass " not in text:
        return
    origins = _origins(statements)
    found: dict[str, Class] = {}
    for name, listed in _CLASS.findall(text):
        bases = tuple(dict.fromkeys(_bases(listed, origins, found)))
        if bases:
            found[name] = Class(name, bases)
    yield from found.values()


def _origins(statements: Iterable[Statement]) -> dict[str, str]:
    """Return where each name comes from: ``module:name``, or ``module:`` for a module."""
    origins: dict[str, str] = {}
    for statement in statements:
        for name, alias in statement.names:
            origins[alias] = f"{statement.module}:{name}"
        if not statement.names:
            origins[statement.alias] = f"{statement.module}:"
    return origins


def _bases(listed: str, origins: dict[str, str], found: dict[str, Class]) -> Iterator[str]:
    for item in listed.split(","):
        base = _BASE.match(item.strip())
        if base is None or "=" in item:
            continue
        if base[0] in found:
            yield from found[base[0]].bases
            continue
        origin = origins.get(base[0])
        if origin is None:
            head, _, name = base[0].rpartition(".")
            owner = origins.get(head)
            if not owner:
                continue
            origin = f"{owner}{name}" if owner.endswith(":") else f"{owner.replace(':', '.')}:{name}"
        yield _role(origin) or origin


def _role(origin: str) -> str | None:
    module, _, name = origin.partition(":")
    return _ROLES.get(name) if module == "decant" or module.startswith("decant.") else None
