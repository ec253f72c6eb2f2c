"""``decant gateway``: the edge of a workspace."""

from __future__ import annotations

import os

import click

from decant.cli.output import config_option, json_option, print_json, print_table


@click.command(
    "gateway",
    short_help="Serve the public address of a topology.",
    help="""Serve the public address: send each request to the service whose module answers it.

    The routes are those of the modules, and what `[[gateway.routes]]` in decant.toml says. Services are reached at
    <SERVICE>_SERVICE_URL, else where decant.toml puts them. It is ready when /health/live answers 200.

    \b
    Examples:
      decant gateway --topology services
      decant gateway --routes
      decant routes --manifest routes.json && decant gateway --manifest routes.json --bind 0.0.0.0:8000
    """,
)
@click.option("-t", "--topology", help="The topology; the workspace's default otherwise.")
@config_option
@click.option("--bind", metavar="HOST:PORT", help="Where; 127.0.0.1 and the port of [gateway] otherwise.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port alone; 0 is a free one.")
@click.option(
    "--manifest",
    metavar="FILE",
    help="The routes, as `decant routes --manifest` wrote them; else the modules say.",
)
@click.option("--grace", "grace_s", type=click.FloatRange(0), help="Seconds to finish requests.  [default: 10]")
@click.option("--routes", "show", is_flag=True, help="Show the table of routes and end.")
@json_option
def command(
    topology: str | None,
    config: str,
    *,
    bind: str | None,
    port: int | None,
    manifest: str | None,
    grace_s: float | None,
    show: bool,
    as_json: bool,
) -> None:
    from decant.gateway.routes.source import MAKE, RouteSource
    from decant.gateway.run import GatewayOptions, replace_process
    from decant.serving.process import obey_parent
    from decant.settings import ServeSettings, load_one
    from decant.topology import load_workspace

    if as_json and not show:
        raise click.UsageError("--json needs --routes.")
    os.environ.setdefault("DECANT_ENV", "production")
    workspace = load_workspace(config, topology=topology)
    if show:
        _show(config, workspace.topology, manifest, as_json)
        return
    obey_parent(os.environ)
    os.environ.setdefault("DECANT_LOG_FORMAT", "json")
    host, port = _bind(bind, workspace.gateway.port if port is None else port)
    settings = load_one(ServeSettings, workspace.sources)
    source = RouteSource(str(workspace.file.path.absolute()), workspace.topology, manifest)
    replace_process(
        MAKE,
        GatewayOptions(
            host=host,
            port=port,
            grace_s=settings.grace_s if grace_s is None else grace_s,
            routes=source.to_text(),
        ),
    )


def _bind(bind: str | None, port: int) -> tuple[str, int]:
    from decant.cli.serve import parse_bind

    return parse_bind(bind, port)


def _show(config: str, topology: str, manifest: str | None, as_json: bool) -> None:
    from decant.gateway.base import State
    from decant.gateway.routes.assemble import describe_routes, make_routes
    from decant.gateway.routes.build import manifest_of
    from decant.topology import load_workspace

    workspace = load_workspace(config, topology=topology)
    known = manifest_of(workspace, manifest)
    make_routes(workspace, known, State())  # what is wrong is told, and not only when it serves
    rows = describe_routes(known, workspace)
    if as_json:
        print_json(workspace=workspace.name, topology=workspace.topology, routes=rows)
    else:
        print_table(("METHODS", "PATH", "TO", "FROM"), [list(row.values()) for row in rows])
