"""What a folder is by where it lies and what lies in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from decant_tools.workspace.discover.folders import Folders, join

SERVICE_HOMES = ("services", "apps")
LIB_HOMES = ("libs", "packages")
STARTS = frozenset({"app.py", "asgi.py", "main.py", "manage.py", "wsgi.py"})
"""Files that start a service in a folder of services."""
PLAIN_STARTS = frozenset({"app.py", "wsgi.py"})
"""Files that start a service wherever they lie."""
MANIFESTS = frozenset({"Pipfile", "pyproject.toml", "requirements.txt", "setup.py"})
IMAGES = frozenset({"Containerfile", "Dockerfile"})
PACKAGED = frozenset({"pyproject.toml", "setup.cfg", "setup.py"})
BESIDE = frozenset({"benchmarks", "docs", "examples", "scripts", "test", "tests"})
"""Folders that hold no projects of their own unless something says so."""
DEPTH = 3
"""How many folders of teams may lie between ``services/`` and a service."""


class Found(NamedTuple):
    """A folder that is a project.

    Attributes:
        kind: What it is.
        path: Where it lies.
        is_guess: Whether it is a lib only because nothing says how it starts.
        name: What it is called; "" for its folder's name.
    """

    kind: Literal["service", "lib"]
    path: str
    is_guess: bool = False
    name: str = ""


def find_projects(folders: Folders, members: frozenset[str], package_path: str) -> dict[str, Found]:
    """Return the projects of a workspace by their paths.

    Args:
        folders: The workspace.
        members: Folders of the uv workspace.
        package_path: The package that holds modules: nothing in it is a project; "" where there is none.
    """
    found: dict[str, Found] = {}
    for home in _homes(folders):
        for each in (_services if home.rpartition("/")[2] in SERVICE_HOMES else _libs)(folders, home, DEPTH):
            found.setdefault(each.path, each)
    for path in members:
        if path and not (path in found and _lies_in(path, ("libs", *SERVICE_HOMES))):
            found[path] = _member(folders, path)
    for name in folders.folders(""):
        if name not in found and name not in BESIDE and is_service_anywhere(folders.files(name)):
            found[name] = Found("service", name)
    inside = f"{package_path}/"
    found = {path: each for path, each in found.items() if not package_path or not f"{path}/".startswith(inside)}
    if _is_service_alone(folders, found, package_path):
        found[""] = Found("service", "")
    return found


def is_service_folder(names: set[str]) -> bool:
    """Return whether a folder of services with these files is a service."""
    return bool(names & STARTS or names & MANIFESTS) or has_image(names)


def is_service_anywhere(names: set[str]) -> bool:
    """Return whether a folder with these files is a service, wherever it lies."""
    return bool(names & PLAIN_STARTS and names & MANIFESTS) or bool(names & PLAIN_STARTS and has_image(names))


def has_image(names: set[str]) -> bool:
    """Return whether these files hold one that says how an image is built."""
    return bool(names & IMAGES) or any(name.startswith("Dockerfile.") for name in names)


def _homes(folders: Folders) -> Iterator[str]:
    """Yield the folders that hold projects: at the root, and one below (``backend/services``)."""
    tops = folders.folders("")
    yield from (name for name in tops if name in SERVICE_HOMES or name in LIB_HOMES)
    for top in tops:
        names = folders.files(top)
        if top in BESIDE or top in SERVICE_HOMES or top in LIB_HOMES or names & PACKAGED or "__init__.py" in names:
            continue
        yield from (join(top, name) for name in folders.folders(top) if name in SERVICE_HOMES or name in LIB_HOMES)


def _services(folders: Folders, home: str, depth: int) -> Iterator[Found]:
    for name, path in folders.children(home):
        if is_service_folder(folders.files(path)) or _starts_inside(folders, path) or path in folders.submodules:
            yield Found("service", path, name=name)
            continue
        below = list(_services(folders, path, depth - 1)) if depth and name not in BESIDE else []
        services = [each for each in below if not each.is_guess]
        if services:
            yield from below
        elif folders.has_python(path) and name not in BESIDE:
            yield Found("lib", path, is_guess=True, name=name)


def _starts_inside(folders: Folders, path: str) -> bool:
    """Return whether a folder's only code is a package of the folder's own name, or in ``src`` or ``app``."""
    name = path.rpartition("/")[2]
    inner = [join(path, each) for each in ("app", name, name.replace("-", "_")) if each in folders.folders(path)]
    return folders.has_python(join(path, "src")) or any(folders.files(each) & STARTS for each in inner)


def _libs(folders: Folders, home: str, depth: int) -> Iterator[Found]:
    for name, path in folders.children(home):
        names = folders.files(path)
        if names & PACKAGED or any(each.endswith(".py") for each in names) or path in folders.submodules:
            yield Found("lib", path, name=name)
        elif depth and _has_packaged_below(folders, path, depth):
            yield from _libs(folders, path, depth - 1)
        elif folders.has_python(path):
            yield Found("lib", path, name=name)


def _has_packaged_below(folders: Folders, path: str, depth: int) -> bool:
    below = [join(path, name) for name in folders.folders(path) if name not in BESIDE and name != "src"]
    return any(
        folders.files(each) & PACKAGED or (depth > 1 and _has_packaged_below(folders, each, depth - 1))
        for each in below
    )


def _member(folders: Folders, path: str) -> Found:
    names = folders.files(path)
    is_service = has_image(names) or bool(names & PLAIN_STARTS) or _lies_in(path, SERVICE_HOMES)
    return Found("service" if is_service else "lib", path)


def _lies_in(path: str, homes: tuple[str, ...]) -> bool:
    return any(part in homes for part in path.split("/")[:-1])


def _is_service_alone(folders: Folders, found: dict[str, Found], package_path: str) -> bool:
    if package_path or any(each.kind == "service" for each in found.values()):
        return False
    names = folders.files("")
    if names & (PLAIN_STARTS | {"manage.py"}):
        return True
    return "main.py" in names and is_service_folder(names - STARTS)
