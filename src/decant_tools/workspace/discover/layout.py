"""By which names a project's code is imported."""

from __future__ import annotations

from collections.abc import Iterator

from decant_tools.workspace.discover.conventions import BESIDE, PACKAGED
from decant_tools.workspace.discover.folders import Folders, join

NO_MODULES = frozenset({"__init__", "__main__", "conftest", "noxfile", "setup", "tasks"})
"""Files beside a lib's packages that nobody imports."""


def roots_of(folders: Folders, path: str, bases: tuple[str, ...]) -> tuple[str, ...]:
    """Return the folders that the imports of a project's files start from.

    Args:
        folders: The workspace.
        path: The project's folder.
        bases: Folders of packages that its manifest names.
    """
    source = join(path, "src")
    named = (join(path, base) for base in bases)
    found = [path, *([source] if folders.has_python(source) else []), *(each for each in named if each in folders)]
    return tuple(dict.fromkeys(found))


def packages_of(
    folders: Folders, path: str, roots: tuple[str, ...], *, is_service: bool
) -> tuple[tuple[str, str], ...]:
    """Return the dotted names that others import a project by, and the folder or file of each, sorted.

    ``libs/common`` is ``common`` when it is a package itself or holds Python files; what lies in it is its packages
    otherwise, those of namespaces too. The path from the workspace, ``libs.common``, is a name as well. A service is
    imported by others only when it has a manifest, for nobody else's ``utils`` is meant by ``import utils``.

    Args:
        folders: The workspace.
        path: The project's folder.
        roots: Where its imports start.
        is_service: Whether it is one.
    """
    names = folders.files(path)
    has_manifest = bool(names & PACKAGED)
    found: dict[str, str] = {}
    whole = path.replace("/", ".")
    if path and _is_dotted(whole):
        found[whole] = path
    if is_service and not has_manifest:
        return tuple(sorted(found.items()))
    name = path.rpartition("/")[2]
    is_package = "__init__.py" in names or (not has_manifest and not is_service and _has_modules(names))
    if is_package and name.isidentifier():
        found.setdefault(name, path)
    if has_manifest or "__init__.py" not in names:  # one beside a manifest is there for a checker or a test runner
        for base in roots[1:] or roots:
            found.update((dotted, where) for dotted, where in _below(folders, base, "") if dotted not in found)
    return tuple(sorted(found.items()))


def _below(folders: Folders, folder: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the modules and packages of a folder; a folder without ``__init__.py`` is a namespace, and looked into."""
    for file in folders.files(folder):
        stem, dot, suffix = file.rpartition(".")
        if suffix == "py" and dot and stem.isidentifier() and (prefix or _is_module(stem)):
            yield f"{prefix}{stem}", join(folder, file)
    for name in folders.folders(folder):
        path = join(folder, name)
        if not name.isidentifier() or (name in BESIDE and not prefix) or not folders.has_python(path):
            continue
        if "__init__.py" in folders.files(path):
            yield f"{prefix}{name}", path
        else:
            yield from _below(folders, path, f"{prefix}{name}.")


def _has_modules(names: set[str]) -> bool:
    return any(name.endswith(".py") and _is_module(name[:-3]) for name in names)


def _is_module(stem: str) -> bool:
    return stem not in NO_MODULES and not stem.startswith("test_")


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))
