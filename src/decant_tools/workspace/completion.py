"""Names of projects for the shell's Tab: those of the last answer, because a fresh one would take too long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from decant_tools.workspace.root import find_root
from decant_tools.workspace.store import Store

if TYPE_CHECKING:
    import click

    from decant_tools.workspace.model import Project

_NAME = "names"


def project_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Return the projects that a word may become; given to click as ``shell_complete``. Nothing is found out for it.

    Args:
        ctx: The command.
        param: The argument or option.
        incomplete: What was typed.
    """
    known = Store(find_root()).load(_NAME)
    names = known if isinstance(known, list) else []
    return [name for name in names if name.startswith(incomplete)]


def remember_names(store: Store, projects: Iterable[Project]) -> None:
    """Keep the names of a workspace's projects for :func:`project_names`.

    Args:
        store: The workspace's.
        projects: All of them.
    """
    names = sorted({project.name for project in projects})
    if store.load(_NAME) != names:
        store.save(_NAME, names)
