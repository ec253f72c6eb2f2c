"""``decant topology``: which module runs in which service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from decant.cli.output import config_option, json_option, print_json, print_table
from decant.errors import CommandError

if TYPE_CHECKING:
    from decant.topology import Workspace


@click.command("topology")
@click.argument("name", required=False)
@config_option
@json_option
def command(name: str | None, config: str, as_json: bool) -> None:
    """Show which module runs in which service, and where each answers.

    NAME is a topology; the one that `decant.toml` or DECANT_TOPOLOGY chooses by default.
    """
    from decant.settings.suggest import suggest
    from decant.topology import load_workspace

    workspace = load_workspace(config)
    name = name or workspace.topology
    if name not in workspace.topologies:
        raise CommandError(f"There is no topology {name!r}.", hint=suggest(name, workspace.topologies), exit_code=4)
    services = describe(workspace, name)
    if as_json:
        print_json(
            workspace=workspace.name,
            topology=name,
            chosen=workspace.topology,
            topologies=list(workspace.topologies),
            services=services,
        )
    else:
        _print(workspace, name, services)


def describe(workspace: Workspace, topology: str) -> list[dict[str, Any]]:
    """Return a topology's services as JSON's types."""
    from decant.settings.mask import mask_text

    return [
        {
            "name": service.name,
            "modules": list(service.modules),
            "url": mask_text(workspace.url_of(service, workspace.environ)),
            "port": service.port,
            "replicas": service.replicas,
            "foreign": service.foreign,
            "command": service.command,
        }
        for service in workspace.services(topology)
    ]


def _print(workspace: Workspace, name: str, services: list[dict[str, Any]]) -> None:
    rows = [
        (
            service["name"],
            ", ".join(service["modules"]) or "(foreign)",
            service["url"] if service["replicas"] == 1 else f"{service['url']} and {service['replicas'] - 1} more",
        )
        for service in services
    ]
    print_table(("SERVICE", "MODULES", "URL"), rows)
    others = ", ".join(other for other in workspace.topologies if other != name)
    click.echo(f"Topology {name} of {workspace.name}{f'; others: {others}' if others else ''}.", err=True)
