"""``decant MODULE COMMAND``: the commands that a module brings itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from decant.cli.chosen import EVERYTHING, choose, flask_app

if TYPE_CHECKING:
    from decant.topology import Workspace


def module_names(config: str) -> tuple[str, ...]:
    """Return the names of the workspace's modules; none outside a workspace. Nothing is imported."""
    workspace = _workspace(config)
    return workspace.modules if workspace else ()


def module_command(ctx: click.Context, name: str, config: str) -> click.Command | None:
    """Return a module's command group, with the application's context pushed until ``ctx`` ends.

    Asked only for a word that is no verb of the toolkit's own.

    Args:
        ctx: The main group's context.
        name: The first word of the command line.
        config: The path of ``decant.toml``.
    """
    if name not in module_names(config):
        return None
    from flask.cli import ScriptInfo

    from decant.service import runtime_of

    app = flask_app(choose(EVERYTHING, None, config).target)
    ctx.obj = ScriptInfo(create_app=lambda: app)
    ctx.with_resource(app.app_context())
    (module,) = (module for module in runtime_of(app).modules if module.name == name)
    return module.cli


def _workspace(config: str) -> Workspace | None:
    from decant.errors import SettingsError
    from decant.topology import find_workspace, load_workspace

    if find_workspace(name=config) is None:
        return None
    try:
        return load_workspace(config)
    except SettingsError:  # said by the command that needs the workspace, not by the look-up of a word
        return None
