"""The settings of a workspace: the toolkit's own and those of its modules."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decant.settings import Loaded
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
    from decant.settings import entries_of, load

    wanted = workspace.modules if modules is None else tuple(modules)
    sources = workspace.sources.with_flags(flags or {})
    entries = entries_of({name: _settings_code(workspace, name) for name in wanted})
    return load(entries, sources, others=set(workspace.modules) - set(wanted))


def _settings_code(workspace: Workspace, module: str) -> ModuleType | None:
    """Return a module's ``settings``, imported, or None where it has none of its own."""
    assert workspace.package_path is not None
    folder = workspace.package_path / module
    if not ((folder / "settings.py").is_file() or (folder / "settings" / "__init__.py").is_file()):
        return None
    make_importable(workspace)
    return importlib.import_module(f"{workspace.import_name(module)}.settings")


def make_importable(workspace: Workspace) -> None:
    """Let the workspace's package be imported from wherever the command was started."""
    if workspace.package_path is not None:
        base = str(workspace.package_path.parents[workspace.package.count(".")])
        if base not in sys.path:
            sys.path.insert(0, base)
