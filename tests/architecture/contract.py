"""The rules that this code base is held to; the layers are those of ``pyproject.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from decant_tools.check import ImportGraph, Layers, Violation, forbidden_violations, parse_layers, read_imports

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src"
PACKAGES = ("decant", "decant_tools")


@cache
def contracts() -> list[dict[str, Any]]:
    """Return import-linter's contracts."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return list(settings["tool"]["importlinter"]["contracts"])


@cache
def graph() -> ImportGraph:
    """Return the imports of everything under src."""
    return read_imports(SOURCES, PACKAGES)


def layers() -> Layers:
    """Return the layers of ``decant``."""
    (contract,) = (contract for contract in contracts() if contract["type"] == "layers")
    (container,) = contract["containers"]
    return parse_layers(container, contract["layers"], contract["exhaustive_ignores"])


def forbidden() -> list[Violation]:
    """Return what breaks the contracts that forbid one thing each."""
    return [
        found
        for contract in contracts()
        if contract["type"] == "forbidden"
        for found in forbidden_violations(graph(), contract["source_modules"], contract["forbidden_modules"])
    ]
