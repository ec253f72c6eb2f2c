"""Where things lie: ``decant.toml`` above the current folder, modules below their package."""

from __future__ import annotations

from pathlib import Path

FILE_NAME = "decant.toml"


def find_workspace(start: Path | None = None, name: str = FILE_NAME) -> Path | None:
    """Return the nearest ``decant.toml`` in a folder or above it, as git finds its own.

    Args:
        start: Where to begin; the current folder by default.
        name: The file's name.
    """
    start = (start or Path.cwd()).absolute()
    for folder in (start, *start.parents):
        if (folder / name).is_file():
            return folder / name
    return None


def find_package(root: Path, package: str) -> Path | None:
    """Return the folder of a dotted package beside ``decant.toml`` or in ``src/``, without importing it."""
    parts = package.split(".")
    for base in (root, root / "src"):
        folder = base.joinpath(*parts)
        if folder.is_dir():
            return folder
    return None


def find_modules(package_path: Path) -> tuple[str, ...]:
    """Return the names of the packages in a folder, sorted; ``tests`` and private ones are none."""
    return tuple(
        sorted(
            entry.name
            for entry in package_path.iterdir()
            if entry.name != "tests" and not entry.name.startswith(("_", ".")) and (entry / "__init__.py").is_file()
        )
    )
