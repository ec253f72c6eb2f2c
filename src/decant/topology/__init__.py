"""The workspace: which modules there are, and which service each runs in."""

from decant.topology.find import find_workspace
from decant.topology.load import load_workspace
from decant.topology.model import Gateway, GatewayRoute, ServiceSpec, Workspace
from decant.topology.settings import load_settings, make_importable

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
