"""The graph of a workspace, from what each of its files says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from decant_tools.workspace.assemble.checks import check
from decant_tools.workspace.assemble.edges import Edges
from decant_tools.workspace.assemble.extras import add_extras
from decant_tools.workspace.assemble.files import Files
from decant_tools.workspace.assemble.images import add_images
from decant_tools.workspace.assemble.imports import Imports
from decant_tools.workspace.assemble.manifests import Manifests
from decant_tools.workspace.assemble.modules import add_modules
from decant_tools.workspace.assemble.places import add_links
from decant_tools.workspace.model import Finding, Graph

if TYPE_CHECKING:
    from decant_tools.workspace.discover.discovery import Discovery
    from decant_tools.workspace.facts.model import Facts


def build_graph(
    tree_files: Iterable[str],
    discovery: Discovery,
    facts: Mapping[str, Facts],
    links: Mapping[str, str] | None = None,
) -> Graph:
    """Return the graph of a workspace: the union of all edges, none of which hides another.

    A pure function, linear in the number of files. Python files in no project are nodes as far as a project reaches
    them: what nobody depends on is no part of the graph.

    Args:
        tree_files: The paths of all files.
        discovery: The projects.
        facts: What files say, by path; one that is missing says nothing.
        links: Where symbolic links lead, as it is written in them, by path.
    """
    files = Files(tree_files, discovery, links)
    edges = Edges()
    add_modules(edges, files, discovery)
    add_extras(edges, files, discovery)
    add_images(edges, files, facts)
    add_links(edges, files)
    manifests = Manifests(edges, files, facts, discovery)
    manifests.add()
    imports = Imports(edges, files, facts, manifests.roots())
    imports.add()
    add_links(edges, files)
    found = [
        *_untold(discovery.findings, manifests.findings),
        *manifests.findings,
        *check(edges, files, facts, manifests),
    ]
    return Graph(discovery.projects, edges.sorted(), sorted(set(found)))


def _untold(findings: Iterable[Finding], told: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings of the discovery without the broken manifests that their facts tell of, and say more about."""
    paths = {finding.at.partition(":")[0] for finding in told if finding.code == "unreadable-manifest"}
    for finding in findings:
        if finding.code != "broken-manifest" or finding.at.partition(":")[0] not in paths:
            yield finding
