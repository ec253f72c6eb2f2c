"""Where things lie: ``decant.toml`` above the current folder, modules below their package."""

from __future__ import annotations

import re
from collections.abc import Iterator
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


class Disk:
    """Looks at a workspace as it lies on the disk.

    Args:
        root: The folder of ``decant.toml``.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.folder = root.name

    def package(self, package: str) -> str | None:
        path = find_package(self._root, package)
        return None if path is None else path.relative_to(self._root).as_posix()

    def modules(self, path: str) -> tuple[str, ...]:
        return find_modules(self._root / path)

    def show(self, path: str) -> str:
        from decant.settings.toml import relative

        return relative(self._root / path)

    def service(self, name: str, path: str, is_alone: bool) -> str | None:
        """Return the folder of a service that is an application of its own, or None.

        Args:
            name: The service's.
            path: Where it lies according to ``decant.toml``, or "" to look for a folder of its name.
            is_alone: Whether nothing else says what it is, so that it is looked for everywhere.
        """
        if path:
            return path if (self._root / path).is_dir() else None
        homes = [f"{home}/{name}" for home in SERVICE_HOMES]
        near = next((each for each in homes if (self._root / each).is_dir()), None)
        return near or (next(_folders_named(self._root, name), None) if is_alone else None)


SERVICE_HOMES = ("services", "apps")
_DEPTH = 4


def _folders_named(root: Path, name: str) -> Iterator[str]:
    """Yield the folders of a name (or path), a few folders deep, hidden ones left out."""
    literal = re.sub(r"([*?[])", r"[\1]", name).strip("/")
    for depth in range(_DEPTH) if literal and ".." not in literal else ():
        for path in sorted(root.glob("*/" * depth + literal)):
            where = path.relative_to(root)
            if path.is_dir() and not any(part.startswith(".") for part in where.parts):
                yield where.as_posix()
