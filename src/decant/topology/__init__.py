"""The workspace: which modules there are, and which service each runs in.

The names are imported when they are first used: a tool that only wants to read one table pays for nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decant.topology.find import find_workspace
    from decant.topology.load import load_workspace
    from decant.topology.model import Gateway, GatewayRoute, ServiceSpec, Workspace
    from decant.topology.settings import load_settings, make_importable

_WHERE = {
    "Gateway": "model",
    "GatewayRoute": "model",
    "ServiceSpec": "model",
    "Workspace": "model",
    "find_workspace": "find",
    "load_settings": "settings",
    "load_workspace": "load",
    "make_importable": "settings",
}

__all__ = [
    "Gateway",
    "GatewayRoute",
    "ServiceSpec",
    "Workspace",
    "find_workspace",
    "load_settings",
    "load_workspace",
    "make_importable",
]


def __getattr__(name: str) -> Any:
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module 'decant.topology' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"decant.topology.{module}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
