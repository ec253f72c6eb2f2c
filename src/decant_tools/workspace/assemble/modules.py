"""Modules: their own files, the services that host them, and what every such service ships besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from decant_tools.workspace.assemble.edges import Edges
from decant_tools.workspace.assemble.files import SUFFIXES, Files
from decant_tools.workspace.model import Project, file_node

if TYPE_CHECKING:
    from decant_tools.workspace.discover.discovery import Discovery

SETTINGS = "decant.toml"
_STARTS = ("wsgi.py", "asgi.py", "app.py", "manage.py")


def add_modules(edges: Edges, files: Files, discovery: Discovery) -> None:
    """Add what modules hold, what services host, and what they ship.

    Args:
        edges: Where they are added.
        files: The workspace.
        discovery: Its projects.
    """
    if not files.package_path:
        return
    shared: list[str] = []
    doors: list[tuple[str, str]] = []
    modules: list[Project] = []
    for path in files.below(files.package_path):
        owner = files.owner(path)
        if owner is None:
            shared.append(path)
        elif owner.kind == "module" and path.endswith(SUFFIXES):
            edges.add(owner.id, file_node(path), "holds", path)
            if path == f"{owner.path}/__init__.py":
                doors.append((owner.name, path))
                modules.append(owner)
    base = files.package_path.rpartition("/")[0]
    shared += [path for name in _STARTS if (path := f"{base}/{name}" if base else name) in files]
    for service in discovery.projects:
        if service.modules:
            _add_service(edges, service, shared, doors)
    enclosing = files.owner(base)
    if enclosing is not None:  # the package is part of a service or lib that was found by itself
        for module in modules:
            edges.add(enclosing.id, module.id, "ships", files.package_path)
        for path in shared:
            edges.add(enclosing.id, file_node(path), "ships", path)


def _add_service(edges: Edges, service: Project, shared: list[str], doors: list[tuple[str, str]]) -> None:
    for name in service.modules:
        edges.add(service.id, f"module:{name}", "hosts", SETTINGS)
    for path in shared:
        edges.add(service.id, file_node(path), "ships", path)
    hosted = set(service.modules)
    for name, path in doors:
        if name not in hosted:
            edges.add(service.id, file_node(path), "ships", path)
