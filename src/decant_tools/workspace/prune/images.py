"""How a project's own Dockerfile is meant to be built."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from decant_tools.workspace.affected.globs import matches
from decant_tools.workspace.facts.dockerfile import read_dockerfile
from decant_tools.workspace.model import Project
from decant_tools.workspace.tree import Tree

NAMES = ("Dockerfile", "Containerfile")


def dockerfile_of(project: Project, files: Collection[str]) -> str | None:
    """Return the path of a project's Dockerfile, or None.

    Args:
        project: The project; a service of modules has none in its folder.
        files: The paths of the workspace.
    """
    if project.modules:
        return None
    folder = f"{project.path}/" if project.path else ""
    return next((folder + name for name in NAMES if folder + name in files), None)


def sources_of(tree: Tree, dockerfile: str) -> tuple[str, ...]:
    """Return what a Dockerfile copies from its context; ``.`` is all of it."""
    return tuple(copy.source for copy in read_dockerfile(tree.read(dockerfile)).copies)


def context_of(project: Project, sources: Iterable[str], files: Collection[str]) -> str:
    """Return the folder that a Dockerfile is built from: the workspace ("") or the project's own.

    What it copies tells: ``COPY services/orders .`` is meant for the workspace, ``COPY app.py .`` for the folder. One
    that copies everything is meant for the folder, as tutorials have it.

    Args:
        project: The project.
        sources: What the Dockerfile copies.
        files: The paths of the workspace.
    """
    named = [source for source in sources if source != "." and not source.startswith("*")]
    inside = {path[len(project.path) + 1 :] for path in files if path.startswith(f"{project.path}/")}
    only_root = any(_exists(source, files) and not _exists(source, inside) for source in named)
    return "" if only_root or not project.path else project.path


def _exists(source: str, files: Collection[str]) -> bool:
    return source in files or any(matches(path, [source]) for path in files)
