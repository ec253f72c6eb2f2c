"""What projects declare to depend on, because nobody can see it in their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decant_tools.workspace.assemble.edges import Edges
from decant_tools.workspace.assemble.files import Files
from decant_tools.workspace.assemble.paths import expand

if TYPE_CHECKING:
    from decant_tools.workspace.discover.discovery import Discovery


def add_extras(edges: Edges, files: Files, discovery: Discovery) -> None:
    """Add an edge for each project and each file that ``files`` and ``needs`` of ``decant.toml`` name.

    Args:
        edges: Where they are added.
        files: The workspace.
        discovery: Its projects, and what they declare.
    """
    for source, extras in sorted(discovery.config.extras.items()):
        if source not in files.projects:
            continue
        for target in extras.needs:
            if target in files.projects:
                edges.add(source, target, "extra", extras.at)
        for glob in extras.files:
            for path in expand(files, glob):
                for each in (path,) if path in files else files.below(path):
                    edges.add(source, files.node_of_any(each), "extra", extras.at)
