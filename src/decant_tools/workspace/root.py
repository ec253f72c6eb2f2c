"""Where the workspace begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

CONFIG = "decant.toml"
HOMES = frozenset({"apps", "services"})
"""Folders that hold services."""
MANIFESTS = ("pyproject.toml", "setup.cfg", "setup.py")
"""What makes a folder a thing of its own."""


def find_root(start: Path | None = None) -> Path:
    """Return the workspace that a folder lies in: with the nearest ``decant.toml``, else the repository, else itself.

    Where services lie so deep in a repository that they are none of its own, as those of an example do, the folder that
    holds them is the workspace. So is a folder at the top of a repository with a manifest beside its services, when the
    repository itself has none.

    Args:
        start: The current folder by default.
    """
    start = (start or Path.cwd()).absolute()
    for name in (CONFIG, ".git"):
        for folder in (start, *start.parents):
            if (folder / name).exists():
                return folder if name == CONFIG else _workspace_within(folder, start)
    return start


def nobody_in(root: Path) -> str:
    """Return what to say of a workspace without projects, with the folders below that may be meant."""
    found = sorted(
        path.name for path in root.iterdir() if path.is_dir() and _is_project(path) and any(_homes(path))
    )  # fmt: skip
    below = f" A workspace lies in {', '.join(found)}: `decant -C {found[0]} …`." if found else ""
    return f"There is no service and no lib in {root}.{below}"


def _workspace_within(repository: Path, start: Path) -> Path:
    """Return the folder with services of its own, below a repository, that a folder lies in, else the repository."""
    parts = start.relative_to(repository).parts
    for depth in range(1, len(parts) + 1):
        folder = repository.joinpath(*parts[:depth])
        is_apart = depth > 1 or (_is_project(folder) and not any(_homes(repository)))
        if is_apart and not HOMES.intersection(parts[:depth]) and any(_homes(folder)):
            return folder
    return repository


def _homes(folder: Path) -> Iterator[Path]:
    return (folder / home for home in HOMES if (folder / home).is_dir())


def _is_project(folder: Path) -> bool:
    """Return whether a folder has a manifest, and is no package whose services are a part of it."""
    has_manifest = any((folder / name).is_file() for name in MANIFESTS)
    return has_manifest and not any((home / "__init__.py").is_file() for home in (folder, *_homes(folder)))
