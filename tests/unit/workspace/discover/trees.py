"""Trees that lie nowhere, and what is found in them."""

from __future__ import annotations

from collections.abc import Mapping

from decant_tools.workspace.discover import Discovery, discover
from decant_tools.workspace.model import Project
from decant_tools.workspace.tree import MemoryTree


def found_in(*paths: str, files: Mapping[str, str] | None = None, topology: str | None = None) -> Discovery:
    """Return what is found in a tree of empty files, and of files with contents."""
    return discover(MemoryTree({**dict.fromkeys(paths, ""), **(files or {})}), topology=topology, folder="shop")


def ids(discovery: Discovery) -> dict[str, str]:
    """Return the id and path of every project."""
    return {project.id: project.path for project in discovery.projects}


def project(discovery: Discovery, name: str) -> Project:
    """Return the one project of a name."""
    (found,) = [each for each in discovery.projects if each.name == name]
    return found


def codes(discovery: Discovery) -> list[tuple[str, str]]:
    """Return the code and place of every finding."""
    return [(finding.code, finding.at) for finding in discovery.findings]
