"""What the images of projects copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from decant_tools.workspace.assemble.edges import Edges
from decant_tools.workspace.assemble.files import Files
from decant_tools.workspace.assemble.paths import expand, is_glob
from decant_tools.workspace.assemble.places import add_place

if TYPE_CHECKING:
    from decant_tools.workspace.facts.model import Facts


def add_images(edges: Edges, files: Files, facts: Mapping[str, Facts]) -> None:
    """Add an edge for each project and everything that its Dockerfile copies from outside of its folder.

    A Dockerfile does not say where its build context lies: the project's folder, its own or the workspace. What exists
    in any of them counts.

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
                add_place(edges, files, owner, found, kind="copy", at=path, line=copy.line)


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
