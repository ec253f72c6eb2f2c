"""Chains of reasons, in words for a person."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from decant_tools.workspace.affected.selection import Selected, Selection, Step
from decant_tools.workspace.model import Graph

BY: Mapping[str, str] = {
    "added": "was added",
    "modified": "was modified",
    "deleted": "was deleted",
    "unreadable": "cannot be read",
    "changed": "has {}",
    "manifest": "requires {}",
    "import": "imports {}",
    "contract": "uses the contract of {}",
    "event": "uses an event of {}",
    "copy": "copies {} into its image",
    "extra": "declares that it depends on {}",
    "holds": "consists of {}",
    "hosts": "runs {}",
    "ships": "ships {}",
    "files": "is mapped to {}",
    "root": "is built, checked or run with {}",
    "settings": "is configured in {}",
    "locked": "is resolved to something else",
    "lock": "requires {}",
    "fallback": "is selected because not everything is known",
}
"""What a step of a chain means; the braces are the step before."""

MOST = 12
"""How many names a sentence lists."""


def chain_lines(why: Sequence[Step]) -> list[str]:
    """Return a chain, one aligned line for each step."""
    rows = [(shown(step.node), _by(step, "it"), step.at or "") for step in why]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return [plain(f"  {node.ljust(widths[0])}  {by.ljust(widths[1])}  {at}".rstrip()) for node, by, at in rows]


def last_hop(item: Selected) -> str:
    """Return the last step of a chain that says something, for a table."""
    why = item.why
    step = why[-1]
    before = shown(why[-2].node) if len(why) > 1 else ""
    if step.by in {"changed", "holds"}:  # it is the file's own: say what is about the file
        more = f" ({why[-2].at})" if why[-2].at else ""
        return f"{before} {_by(why[-2], shown(why[-3].node) if len(why) > 2 else '')}{more}"
    return f"{_by(step, before)}{f' ({step.at})' if step.at else ''}"


def why_not(graph: Graph, node: str) -> str:
    """Return why a project is not affected."""
    needs = sorted(shown(other) for other in graph.closure({node}) if other in graph.projects and other != node)
    if not needs:
        return f"{shown(node)} is not affected: none of its files changed, and it depends on nothing else here."
    listed = f"{', '.join(needs[:MOST])}{', …' if len(needs) > MOST else ''}"
    return plain(f"{shown(node)} is not affected: nothing that it depends on changed: {listed}.")


def shown(node: str) -> str:
    """Return how a node is called: ``service orders``, ``package flask``, a file's path."""
    kind, _, name = node.partition(":")
    return f"{kind} {name}" if kind in {"service", "lib", "module", "package"} and name else node.removeprefix("file:")


def plain(text: str) -> str:
    """Return a text that every terminal can show, whatever bytes are in the name of a file."""
    return os.fsencode(text).decode("utf-8", "replace")


def document(selection: Selection, items: Iterable[Selected]) -> dict[str, Any]:
    """Return the document of ``--json``, without its ``schema``."""
    fallback = selection.fallback
    return {
        "base": selection.base,
        "head": selection.head,
        "fallback": {"code": fallback.code, "reason": fallback.reason} if fallback else None,
        "affected": [
            {**entry(item), "why": [{"node": step.node, "by": step.by, "at": step.at} for step in item.why]}
            for item in items
        ],
    }


def entry(item: Selected) -> dict[str, str]:
    """Return what a matrix says of a project."""
    return {"name": item.project.name, "kind": item.project.kind, "path": item.project.path}


def _by(step: Step, before: str) -> str:
    return BY.get(step.by, step.by).format(before)
