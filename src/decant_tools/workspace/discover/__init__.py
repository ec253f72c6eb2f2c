"""Finds the projects of a repository: by convention, by its uv workspace, and by ``decant.toml``.

What finds them is imported when it is first used: whoever has their names in a cache reads them without it.
"""

from typing import TYPE_CHECKING, Any

from decant_tools.workspace.discover.config import (
    AffectedTable,
    CacheTable,
    Config,
    Extras,
    ServiceTable,
    TaskTable,
)
from decant_tools.workspace.discover.discovery import Discovery

if TYPE_CHECKING:
    from decant_tools.workspace.discover.projects import discover

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


def __getattr__(name: str) -> Any:
    if name != "discover":
        raise AttributeError(f"module 'decant_tools.workspace.discover' has no attribute {name!r}")
    from decant_tools.workspace.discover.projects import discover

    return discover
