"""What is affected, and the chain of reasons of each item."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from decant_tools.workspace.git import Change
    from decant_tools.workspace.model import Finding, Project


class Step(NamedTuple):
    """One link of a chain of reasons.

    Attributes:
        node: The path of a file, a project's id, or ``package:NAME`` for a package of a lock file.
        by: What happened to the file (``added``, ``modified``, ``deleted``), ``changed`` for the project that it
            belongs to, the kind of the edge that leads here, or ``root``, ``lock``, ``settings``, ``fallback``.
        at: Where that is written, for instance ``services/orders/app.py:3``.
    """

    node: str
    by: str
    at: str | None = None


class Selected(NamedTuple):
    """An affected project.

    Attributes:
        project: It.
        why: The shortest chain, from the changed file to the project.
    """

    project: Project
    why: tuple[Step, ...]


class Fallback(NamedTuple):
    """Why everything was selected.

    Attributes:
        code: A stable name: ``no-repository``, ``no-commit``, ``no-base``, ``shallow-clone``, ``no-merge-base``,
            ``unknown-root-file``, ``unreadable-lock``, ``unreadable-settings``, ``unreadable-manifest``.
        reason: What happened, and what to do about it, in words.
    """

    code: str
    reason: str


class Selection(NamedTuple):
    """What a change affects.

    Attributes:
        base: The commit that was compared with, or None.
        head: The commit whose state was judged; None for the files on disk.
        fallback: Why everything was selected, or None.
        selected: What is affected, sorted by kind and name.
        changes: What changed.
        notes: What a person should know besides: which base was taken, projects that are gone.
    """

    base: str | None
    head: str | None
    fallback: Fallback | None
    selected: tuple[Selected, ...]
    changes: tuple[Change, ...] = ()
    notes: tuple[Finding, ...] = ()

    @property
    def ids(self) -> frozenset[str]:
        """The ids of the affected projects."""
        return frozenset(item.project.id for item in self.selected)


ORDER = {"service": 0, "lib": 1, "module": 2}
"""Kinds in the order in which they are shown."""


def in_order(selected: Iterable[Selected]) -> tuple[Selected, ...]:
    """Return items as they are shown: services, libs, modules, each by name."""
    return tuple(sorted(selected, key=lambda item: (ORDER[item.project.kind], item.project.name)))
