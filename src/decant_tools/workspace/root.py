"""Where the workspace begins."""

from __future__ import annotations

from pathlib import Path

CONFIG = "decant.toml"
HOMES = frozenset({"apps", "services"})
"""Folders that hold services."""


def find_root(start: Path | None = None) -> Path:
    """Return the workspace that a folder lies in: with the nearest ``decant.toml``, else the repository, else itself.

    Where services lie so deep in a repository that they are none of its own, as those of an example do, the folder that
    holds them is the workspace.

    Args:
        start: The current folder by default.
    """
    start = (start or Path.cwd()).absolute()
    for name in (CONFIG, ".git"):
        for folder in (start, *start.parents):
            if (folder / name).exists():
                return folder if name == CONFIG else _workspace_within(folder, start)
    return start


def _workspace_within(repository: Path, start: Path) -> Path:
    """Return the folder with services two or more below a repository that a folder lies in, else the repository."""
    parts = start.relative_to(repository).parts
    for depth in range(2, len(parts) + 1):
        folder = repository.joinpath(*parts[:depth])
        if not HOMES.intersection(parts[:depth]) and any((folder / home).is_dir() for home in HOMES):
            return folder
    return repository
