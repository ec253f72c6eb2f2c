"""What the images of projects copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from decant_tools.workspace.assemble.edges import Edges
from decant_tools.workspace.assemble.files import Files
from decant_tools.workspace.assemble.paths import expand, is_glob
from decant_tools.workspace.assemble.places import add_place
from decant_tools.workspace.model import Project, file_node

if TYPE_CHECKING:
    from decant_tools.workspace.facts.model import Copy, Facts


def add_images(edges: Edges, files: Files, facts: Mapping[str, Facts]) -> None:
    """Add an edge for each project and everything that its Dockerfile copies from outside of its folder.

    A Dockerfile does not say where its build context lies: the project's folder, its own, the workspace, or one between
    them. What exists in any of them counts; where nothing does, what exists beside any project.

    Args:
        edges: Where they are added.
        files: The workspace.
        facts: What its files say.
    """
    homes = sorted({project.path.rpartition("/")[0] for project in files.projects.values() if not project.modules})
    for path in sorted(path for path, said in facts.items() if said.copies):
        owner = files.owner(path)
        if owner is None:
            _add_from_outside(edges, files, path, facts[path].copies)
        elif owner.kind != "module":
            inner = dict.fromkeys((owner.path, path.rpartition("/")[0]))
            outer = [folder for folder in _above(owner.path) if folder not in inner]
            for copy in facts[path].copies:
                for found in _places(files, inner, outer, homes, copy, facts[path].copies):
                    add_place(edges, files, owner.id, found, kind="copy", at=path, line=copy.line)


def _places(
    files: Files, inner: Mapping[str, None], outer: list[str], homes: list[str], copy: Copy, copies: tuple[Copy, ...]
) -> list[str]:
    """Return what a source names, of a project's own folders, of those around it, or of any that hold projects.

    What is everywhere, as ``.`` and ``*.py`` are, only counts in a folder around it that another source shows to be the
    build context.
    """
    if copy.source == "." or (_is_loose(copy.source) and _sources(files, inner, copy.source)):
        contexts = [
            folder for folder in outer if any(_is_only_there(files, folder, inner, one.source) for one in copies)
        ]
        return [*inner, *contexts] if copy.source == "." else list(_sources(files, [*inner, *contexts], copy.source))
    return list(_sources(files, [*inner, *outer], copy.source) or _sources(files, homes, copy.source))


def _above(folder: str) -> Iterator[str]:
    """Yield the folders around one, the workspace last."""
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder


def _is_only_there(files: Files, outer: str, inner: Mapping[str, None], source: str) -> bool:
    """Return whether a source shows that a folder is the build context: it lies there and nowhere further in."""
    if source == "." or _is_loose(source):
        return False
    return bool(_sources(files, [outer], source)) and not _sources(files, [each for each in inner if each], source)


def _is_loose(source: str) -> bool:
    return is_glob(source) and "/" not in source


def _sources(files: Files, contexts: Iterable[str], source: str) -> dict[str, None]:
    return dict.fromkeys(found for folder in contexts for found in expand(files, f"{folder}/{source}"))


def _add_from_outside(edges: Edges, files: Files, path: str, copies: tuple[Copy, ...]) -> None:
    """Add what a Dockerfile that is in no project copies, for the services whose folders it copies.

    It is a node of its own: services depend on it, and it depends on the libs and files that it copies besides.
    """
    contexts = [path.rpartition("/")[0], *_above(path.rpartition("/")[0])]
    node = file_node(path)
    places = [
        (found, copy) for copy in copies if copy.source != "." for found in _sources(files, contexts, copy.source)
    ]
    users = [(service, copy) for place, copy in places for service in _services(files, place)]
    for service, copy in users:
        edges.add(service.id, node, "copy", path, copy.line)
    for place, copy in places if users else ():
        if not any(_services(files, place)):
            add_place(edges, files, node, place, kind="copy", at=path, line=copy.line)


def _services(files: Files, place: str) -> Iterator[Project]:
    """Yield the services that a place lies in, or that lie in it; those of a topology with the package of modules."""
    owner = files.owner(place)
    for project in (*([owner] if owner is not None else []), *files.projects_below(place)):
        if project.kind == "service":
            yield project
    package = files.package_path
    if package and (f"{place}/".startswith(f"{package}/") or f"{package}/".startswith(f"{place}/")):
        yield from (project for project in files.projects.values() if project.modules)
