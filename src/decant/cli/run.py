"""``decant run``: one service while it is being written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from decant.cli.chosen import Chosen, choose, service_options
from decant.cli.serve import free_unless

if TYPE_CHECKING:
    from decant.serving.base import ServeOptions


@click.command(
    "run",
    short_help="Run one service for development.",
    help="""Run SERVICE for development: strict calls, readable logs, databases migrated, started again on change.

    SERVICE is a service of the workspace, '*' for every module in one process, or package.module:app.

    \b
    Examples:
      decant run
      decant run orders --topology services
      decant run --seed --port 5000
    """,
)
@service_options
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to bind.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; 0 for any. The service's own otherwise.")
@click.option("--reload/--no-reload", default=True, help="Start again when a file changes.")
@click.option("--debug/--no-debug", default=False, help="The debugger in the browser. On this machine only.")
@click.option("--migrate/--no-migrate", default=True, help="Bring the databases to their newest revision first.")
@click.option("--seed/--no-seed", default=False, help="Run the modules' seeds first.")
@click.pass_context
def command(  # noqa: PLR0917 - click passes them by name
    ctx: click.Context,
    service: str | None,
    topology: str | None,
    config: str,
    host: str,
    port: int | None,
    reload: bool,
    debug: bool,
    migrate: bool,
    seed: bool,
) -> None:
    from decant.serving.base import ServeOptions
    from decant.serving.process import obey_parent

    obey_parent(os.environ)
    chosen = choose(service, topology, config)
    options = ServeOptions(
        chosen.target,
        host,
        free_unless(chosen.port if port is None else port),
        migrate=migrate,
        seed=seed,
        debug=debug,
    )
    os.environ.setdefault("DECANT_CALLS_MODE", "strict")
    os.environ.setdefault("DECANT_LOG_FORMAT", "pretty")
    ctx.exit(_run(chosen, options, reload))


def _run(chosen: Chosen, options: ServeOptions, reload: bool) -> int:
    from decant.serving import boot
    from decant.serving.process import launch
    from decant.serving.registry import server_named
    from decant.serving.reload import Reloader

    server = server_named("werkzeug")
    server.check(options)
    if not reload:
        boot.replace_process(server, options)
    argv, environ = boot.command(server, options), boot.environ_of(options.target, os.environ)
    return Reloader(chosen.root, lambda: launch(argv, environ, own_group=False)).run()
