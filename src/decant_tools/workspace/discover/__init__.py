"""Finds the projects of a repository: by convention, by its uv workspace, and by ``decant.toml``."""

from decant_tools.workspace.discover.config import (
    AffectedTable,
    CacheTable,
    Config,
    Extras,
    ServiceTable,
    TaskTable,
)
from decant_tools.workspace.discover.discovery import Discovery, discover

__all__ = [
    "AffectedTable",
    "CacheTable",
    "Config",
    "Discovery",
    "Extras",
    "ServiceTable",
    "TaskTable",
    "discover",
]
