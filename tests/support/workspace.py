"""Writes workspaces for tests: modules are empty packages, nothing of them is imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from decant.errors import SettingsError
from decant.topology import Workspace, load_workspace

HEAD = '[workspace]\nname = "shop"\nmodules = "shop"\n'
MODULES = ("auth", "cart", "catalog", "orders")


def write_workspace(root: Path, toml: str = HEAD, modules: Iterable[str] = MODULES) -> Path:
    """Write ``decant.toml`` and a package of modules, and return the file's path."""
    for module in modules:
        (root / "shop" / module).mkdir(parents=True, exist_ok=True)
        (root / "shop" / module / "__init__.py").touch()
    (root / "decant.toml").write_text(toml)
    return root / "decant.toml"


def load(root: Path, toml: str = HEAD, environ: Mapping[str, str] | None = None) -> Workspace:
    """Write a workspace and load it with no environment but the one given."""
    return load_workspace(write_workspace(root, toml), environ=environ or {})


def faults(root: Path, toml: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return what is wrong with a workspace; the folder is left out of the places."""
    try:
        load(root, toml, environ)
    except SettingsError as error:
        return [fault.replace(f"{root}/", "") for fault in error.faults]
    return []
