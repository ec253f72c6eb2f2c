"""Files and folders that a project takes from outside of its own: copied into an image, or linked."""

from __future__ import annotations

from decant_tools.workspace.assemble.edges import Edges
from decant_tools.workspace.assemble.files import SUFFIXES, Files
from decant_tools.workspace.model import EdgeKind, file_node


def add_links(edges: Edges, files: Files) -> None:
    """Add an edge for each symbolic link that leads out of its project.

    A link in no project is a node of its own, as far as it is reached: it may be asked for again when more is.

    Args:
        edges: Where they are added.
        files: The workspace.
    """
    waiting = dict(files.links)
    while found := [path for path in waiting if files.node_of_any(path) in edges.reached or files.owner(path)]:
        for path in found:
            end, node = waiting.pop(path), files.node_of_any(path)
            if end in files or end in files.folders:
                add_place(edges, files, node, end, kind="extra", at=path)
            elif inner := files.link_on(end):
                edges.add(node, files.node_of_any(inner), "extra", path)


def add_place(edges: Edges, files: Files, source: str, place: str, *, kind: EdgeKind, at: str, line: int = 0) -> None:
    """Add the edges to what a place names: a file, a folder of a project, or a folder with projects in it.

    A folder with projects in it is a node of its own, so that a thousand images that copy a thousand libs make two
    thousand edges and not a million.

    Args:
        edges: Where they are added.
        files: The workspace.
        source: The node that depends on it.
        place: A file or a folder that exists; "" is the workspace.
        kind: Why.
        at: The file that says so.
        line: Where in it; 0 for the file as a whole.
    """
    if place in files:
        edges.add(source, files.node_of_any(place), kind, at, line)
        return
    owner = files.owner(place)
    if owner is not None:
        edges.add(source, owner.id, kind, at, line)
    if owner is None or any(files.projects_below(place)):
        folder = _folder_node(place)
        is_known = folder in edges.reached
        edges.add(source, folder, kind, at, line)
        if not is_known:
            _fill(edges, files, place, at, line)


def _fill(edges: Edges, files: Files, folder: str, at: str, line: int) -> None:
    """Add what lies in a folder: projects, and the Python files that are in none."""
    node = _folder_node(folder)
    for inner in files.projects_below(folder):
        edges.add(node, inner.id, "copy", at, line)
    for path in files.below(folder):
        if path.endswith(SUFFIXES) and files.owner(path) is None:
            edges.add(node, file_node(path), "copy", at, line)


def _folder_node(folder: str) -> str:
    return file_node(f"{folder}/" if folder else "./")
