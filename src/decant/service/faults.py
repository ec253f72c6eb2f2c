"""The failure switches of a workspace's modules, found in their ``faults.py``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from decant.faults import Board, Faults, switches_in
from decant.home import ensure_home
from decant.modules import Module, load_modules
from decant.settings.sources import PRODUCTION

if TYPE_CHECKING:
    from decant.topology import Workspace


def bound_faults(modules: Iterable[Module], board: Board | None) -> Faults:
    """Find the modules' switches and say where it stands which of them are on: None for nowhere.

    Raises:
        SetupError: For a switch that is named after another module.
    """
    found = [
        switch
        for module in sorted(modules, key=lambda module: module.name)
        for switch in switches_in(module.name, module.submodule("faults"))
    ]
    for switch in found:
        switch.bind(board)
    return Faults(found, board)


def workspace_faults(workspace: Workspace) -> Faults:
    """Return the switches of a workspace, for a command: no application is made.

    Raises:
        SetupError: For a module that cannot be loaded, or a folder for run-time state that cannot be used.
    """
    from decant.topology import make_importable

    board = None if workspace.sources.environment == PRODUCTION else Board(ensure_home(workspace.home()))
    if workspace.package_path is None:
        return Faults((), board)
    make_importable(workspace)
    return bound_faults(load_modules(workspace.package, workspace.modules), board)
