"""Typed settings in layers, each value with its source.

Later wins: defaults, ``decant.toml``, ``decant.<env>.toml``, secret files, ``.env``, ``.env.<env>``, the
environment, flags. Nothing is read at import.
"""

from decant.settings.base import Settings
from decant.settings.explain import Row, explain
from decant.settings.load import Entry, Loaded, classes_in, entries_of, load, load_one
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
