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
    """Show which module runs in which service, where each answers, and which calls between modules leave a process.

    NAME is a topology; the one that `decant.toml` or DECANT_TOPOLOGY chooses by default.
    """
    from decant.settings.suggest import suggest
    from decant.topology import load_workspace

    workspace = load_workspace(config)
    name = name or workspace.topology
    if name not in workspace.topologies:
        raise CommandError(f"There is no topology {name!r}.", hint=suggest(name, workspace.topologies), exit_code=4)
    services = describe(workspace, name)
    edges, unknown = _edges(workspace, name)
    if as_json:
        print_json(
            workspace=workspace.name,
            topology=name,
            chosen=workspace.topology,
            topologies=list(workspace.topologies),
            services=services,
            edges=edges,
        )
    else:
        _print(workspace, name, services, edges or [])
    if unknown:
        click.echo(f"Which module calls which is not known, for the modules cannot be imported: {unknown}", err=True)


def describe(workspace: Workspace, topology: str) -> list[dict[str, Any]]:
    """Return a topology's services as JSON's types."""
    from decant.settings.mask import mask_text

    return [
        {
            "name": service.name,
            "modules": list(service.modules),
            "url": mask_text(workspace.url_of(service, workspace.environ)),
            "urls": [mask_text(url) for url in workspace.urls_of(service, workspace.environ)],
            "port": service.port,
            "replicas": service.replicas,
            "foreign": service.foreign,
            "command": service.command,
        }
        for service in workspace.services(topology)
    ]


def _edges(workspace: Workspace, topology: str) -> tuple[list[dict[str, Any]] | None, str]:
    """Return the calls between modules as JSON's types, or None and why they are not known.

    Whatever the modules' code raises on import does not keep the rest from being shown.
    """
    if workspace.package_path is None:
        return [], ""
    try:
        return _describe_edges(workspace, topology), ""
    except Exception as error:  # noqa: BLE001 - code of the workspace's own, which is not what was asked about
        return None, f"{type(error).__name__}: {error}"


def _describe_edges(workspace: Workspace, topology: str) -> list[dict[str, Any]]:
    from decant.modules import load_modules
    from decant.service.edges import edges
    from decant.topology import make_importable

    make_importable(workspace)
    home = {module: service.name for service in workspace.services(topology) for module in service.modules}
    return [
        {
            "caller": caller,
            "called": called,
            "local": home[caller] == home[called],
            "from": home[caller],
            "to": home[called],
            "asked_in": list(where),
        }
        for (caller, called), where in edges(load_modules(workspace.package, workspace.modules)).items()
    ]


def _print(workspace: Workspace, name: str, services: list[dict[str, Any]], edges: list[dict[str, Any]]) -> None:
    rows = [
        (
            service["name"],
            ", ".join(service["modules"]) or "(foreign)",
            service["url"] if service["replicas"] == 1 else f"{service['url']} and {service['replicas'] - 1} more",
        )
        for service in services
    ]
    print_table(("SERVICE", "MODULES", "URL"), rows)
    if edges:
        click.echo()
        print_table(
            ("CALLER", "CALLED", "CALL"),
            [
                (
                    edge["caller"],
                    edge["called"],
                    f"local, in {edge['to']}" if edge["local"] else f"remote, {edge['from']} to {edge['to']}",
                )
                for edge in edges
            ],
        )
    others = ", ".join(other for other in workspace.topologies if other != name)
    click.echo(f"Topology {name} of {workspace.name}{f'; others: {others}' if others else ''}.", err=True)
