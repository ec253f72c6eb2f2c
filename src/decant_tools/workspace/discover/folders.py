"""The folders of a tree: what lies in each, without the contents of any file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from posixpath import normpath

SKIPPED = frozenset({"__pycache__", "env", "node_modules", "site-packages", "venv"})
"""Folders that never hold code of this workspace; neither does a hidden one."""


class Folders:
    """What lies in each folder of a tree; vendored and hidden folders are left out.

    Args:
        paths: Of all files, relative to the workspace.
        submodules: Which of them are folders that another repository fills: nothing is known of what lies in them.
        links: Where those of them lead that are symbolic links, as they are written.
    """

    def __init__(
        self, paths: Iterable[str], submodules: Collection[str] = (), links: Mapping[str, str] | None = None
    ) -> None:
        self._files: dict[str, set[str]] = {"": set()}
        self._folders: dict[str, list[str]] = {"": []}
        known: dict[str, set[str] | None] = {"": self._files[""]}
        for path in paths:
            folder, _, name = path.rpartition("/")
            if folder not in known:
                known[folder] = self._enter(folder)
            files = known[folder]
            if files is not None:
                files.add(name)
        for path in submodules:
            self._enter(path)
        self.submodules = frozenset(submodules)
        self.linked = {path: end for path, to in (links or {}).items() if (end := self._end_of(path, to)) is not None}
        self._python = self._above(folder for folder, names in self._files.items() if _has_python(names))

    def _enter(self, folder: str) -> set[str] | None:
        """Return the set that takes the names of a folder's files; None where it is left out."""
        if folder in self._files:
            return self._files[folder]
        above, _, name = folder.rpartition("/")
        if name in SKIPPED or name.startswith(".") or name.endswith(".egg-info") or self._enter(above) is None:
            return None
        self._folders[above].append(name)
        self._folders[folder] = []
        found = self._files[folder] = set()
        return found

    def _end_of(self, path: str, to: str) -> str | None:
        """Return the folder of this tree that a link leads to, or None."""
        end = normpath(join(path.rpartition("/")[0], to))
        return end if end in self._files and not f"{path}/".startswith(f"{end}/") else None

    @staticmethod
    def _above(folders: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        for folder in folders:
            while folder not in found:
                found.add(folder)
                folder = folder.rpartition("/")[0]
        return frozenset(found)

    def __contains__(self, folder: str) -> bool:
        return folder in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def files(self, folder: str) -> set[str]:
        """Return the names of the files that lie in a folder itself."""
        return self._files.get(folder, set())

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders in a folder, sorted."""
        return sorted(self._folders.get(folder, ()))

    def children(self, folder: str) -> list[tuple[str, str]]:
        """Return the names of the folders in a folder and where each lies, sorted; a link lies where it leads."""
        linked = [
            (name, end)
            for path, end in self.linked.items()
            for above, _, name in [path.rpartition("/")]
            if above == folder
        ]
        return sorted([*((name, join(folder, name)) for name in self._folders.get(folder, ())), *linked])

    def has_python(self, folder: str) -> bool:
        """Return whether any Python file lies in a folder or below it."""
        return folder in self._python


def join(folder: str, name: str) -> str:
    """Return a path in a folder; "" is the workspace itself."""
    return f"{folder}/{name}" if folder and name else folder or name


def _has_python(names: set[str]) -> bool:
    return any(name.endswith(".py") for name in names)
