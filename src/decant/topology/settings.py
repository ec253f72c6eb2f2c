"""The settings of a workspace: the toolkit's own and those of its modules."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decant.settings import Entry, Loaded
    from decant.topology.model import Workspace


def load_settings(
    workspace: Workspace, *, modules: Iterable[str] | None = None, flags: Mapping[str, Any] | None = None
) -> Loaded:
    """Return every setting that a process of the workspace needs.

    Args:
        workspace: The workspace.
        modules: The modules whose ``settings.py`` is imported and checked; all by default. The tables of the
            others are left alone.
        flags: What the command line says, by key, for instance ``{"decant.serve.port": 8000}``; None is not given.

    Raises:
        SettingsError: With every fault in any layer.
    """
    from decant.settings import load

    wanted = workspace.modules if modules is None else tuple(modules)
    sources = workspace.sources.with_flags(flags or {})
    return load(settings_entries(workspace, wanted), sources, others=set(workspace.modules) - set(wanted))


def settings_entries(workspace: Workspace, modules: Iterable[str]) -> list[Entry]:
    """Return the tables and classes of the toolkit and of some modules; their ``settings.py`` is imported."""
    from decant.settings import PARTS, ModuleUrls

    entries: list[Entry] = list(PARTS.items())
    for name in modules:
        entries.append((name, ModuleUrls))
        entries += [(name, cls) for cls in _classes(workspace, name)]
    return entries


def _classes(workspace: Workspace, module: str) -> list[type[Any]]:
    """Return the settings classes that a module's ``settings`` itself defines, in the order written."""
    from decant.settings import Settings

    assert workspace.package_path is not None
    folder = workspace.package_path / module
    if not ((folder / "settings.py").is_file() or (folder / "settings" / "__init__.py").is_file()):
        return []
    make_importable(workspace)
    found = importlib.import_module(f"{workspace.import_name(module)}.settings")
    return [
        value
        for value in vars(found).values()
        if isinstance(value, type) and issubclass(value, Settings) and value.__module__.startswith(found.__name__)
    ]


def make_importable(workspace: Workspace) -> None:
    """Let the workspace's package be imported from wherever the command was started."""
    if workspace.package_path is not None:
        base = str(workspace.package_path.parents[workspace.package.count(".")])
        if base not in sys.path:
            sys.path.insert(0, base)
