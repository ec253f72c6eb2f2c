"""Typed settings in layers, each value with its source.

Later wins: defaults, ``decant.toml``, ``decant.<env>.toml``, secret files, ``.env``, ``.env.<env>``, the
environment, flags. Nothing is read at import, and pydantic is imported with the first name that needs it: a tool that
only wants to read a TOML file does not.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decant.settings.base import Settings
    from decant.settings.explaining import Row, explain
    from decant.settings.loading import Entry, Loaded, classes_in, entries_of, load, load_one
    from decant.settings.parts import (
        PARTS,
        AuthSettings,
        CallSettings,
        HttpSettings,
        LogSettings,
        ModuleUrls,
        OtelSettings,
        RuntimeSettings,
        SagaSettings,
        ServeSettings,
        Urls,
    )
    from decant.settings.sources import Sources, read_sources

_HOME = {
    "base": ("Settings",),
    "explaining": ("Row", "explain"),
    "loading": ("Entry", "Loaded", "classes_in", "entries_of", "load", "load_one"),
    "parts": (
        "PARTS", "AuthSettings", "CallSettings", "HttpSettings", "LogSettings", "ModuleUrls", "OtelSettings",
        "RuntimeSettings", "SagaSettings", "ServeSettings", "Urls",
    ),
    "sources": ("Sources", "read_sources"),
}  # fmt: skip
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "PARTS",
    "AuthSettings",
    "CallSettings",
    "Entry",
    "HttpSettings",
    "Loaded",
    "LogSettings",
    "ModuleUrls",
    "OtelSettings",
    "Row",
    "RuntimeSettings",
    "SagaSettings",
    "ServeSettings",
    "Settings",
    "Sources",
    "Urls",
    "classes_in",
    "entries_of",
    "explain",
    "load",
    "load_one",
    "read_sources",
]


def __getattr__(name: str) -> Any:
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module 'decant.settings' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"decant.settings.{module}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
