"""What the images of projects copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from decant_tools.workspace.assemble.edges import Edges
from decant_tools.workspace.assemble.files import SUFFIXES, Files
from decant_tools.workspace.assemble.paths import expand, is_glob
from decant_tools.workspace.model import Project, file_node

if TYPE_CHECKING:
    from decant_tools.workspace.facts.model import Facts


def add_images(edges: Edges, files: Files, facts: Mapping[str, Facts]) -> None:
    """Add an edge for each project and everything that its Dockerfile copies from outside of its folder.

    A Dockerfile does not say where its build context lies: the project's folder, its own or the workspace. What exists
    in any of them counts. A folder with projects in it is a node of its own, so that a thousand images that copy a
    thousand libs make two thousand edges and not a million.

    Args:
        edges: Where they are added.
        files: The workspace.
        facts: What its files say.
    """
    for path in sorted(path for path, said in facts.items() if said.copies):
        owner = files.owner(path)
        if owner is None or owner.kind == "module":
            continue
        contexts = dict.fromkeys((owner.path, path.rpartition("/")[0]))
        is_root = any(_is_only_in_root(files, contexts, copy.source) for copy in facts[path].copies)
        for copy in facts[path].copies:
            if copy.source == "." and not is_root:
                continue
            for found in _sources(files, [*contexts, ""], copy.source):
                _add(edges, files, owner, found, path, copy.line)


def _is_only_in_root(files: Files, contexts: Mapping[str, None], source: str) -> bool:
    """Return whether a source shows that the build context is the workspace: it lies there and nowhere else."""
    if source == "." or (is_glob(source) and "/" not in source):
        return False
    return any(expand(files, source)) and not any(
        any(expand(files, f"{folder}/{source}")) for folder in contexts if folder
    )


def _sources(files: Files, contexts: list[str], source: str) -> Iterator[str]:
    if source == ".":
        yield ""
        return
    for folder in dict.fromkeys(contexts):
        yield from expand(files, f"{folder}/{source}")


def _add(edges: Edges, files: Files, project: Project, source: str, at: str, line: int) -> None:
    """Add the edges to what one source names: a file, a folder of a project, or a folder with projects in it."""
    if source in files:
        edges.add(project.id, files.node_of_any(source), "copy", at, line)
        return
    owner = files.owner(source)
    if owner == project and not any(files.projects_below(source)):
        return
    if owner is not None and owner != project:
        edges.add(project.id, owner.id, "copy", at, line)
    folder = file_node(f"{source}/" if source else "./")
    is_known = folder in edges.reached
    if owner is None or any(files.projects_below(source)):
        edges.add(project.id, folder, "copy", at, line)
        if not is_known:
            _fill(edges, files, folder, source, at, line)


def _fill(edges: Edges, files: Files, node: str, folder: str, at: str, line: int) -> None:
    """Add what lies in a folder: projects, and the Python files that are in none."""
    for inner in files.projects_below(folder):
        edges.add(node, inner.id, "copy", at, line)
    for path in files.below(folder):
        if path.endswith(SUFFIXES) and files.owner(path) is None:
            edges.add(node, file_node(path), "copy", at, line)
