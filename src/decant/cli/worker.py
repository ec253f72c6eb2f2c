"""``decant worker``: one service's background work, apart from its web server."""

from __future__ import annotations

import os

import click

from decant.cli.chosen import choose, service_options
from decant.cli.serve import parse_bind, serve_settings


@click.command(
    "worker",
    short_help="Do one service's background work: events and sagas.",
    help="""Do the background work of SERVICE without a web server: move its events, handle those that it waits for,
    carry its sagas on.

    Any number of workers may run for one service; what one does, no other does at the same time. Serve the service
    with --no-background, so that its web processes leave the work to them.

    \b
    Examples:
      decant worker orders --topology services
      decant worker orders --topology services --health 9100
    """,
)
@service_options
@click.option("--health", metavar="[HOST:]PORT", help="Answer /health and /metrics there.")
@click.option("--grace", "grace_s", type=click.FloatRange(0), help="Seconds to finish what runs.  [default: 10]")
@click.pass_context
def command(
    ctx: click.Context,
    service: str | None,
    topology: str | None,
    config: str,
    health: str | None,
    grace_s: float | None,
) -> None:
    from decant.errors import CommandError
    from decant.serving.background import WorkOptions, work
    from decant.serving.process import obey_parent

    obey_parent(os.environ)
    os.environ.setdefault("DECANT_ENV", "production")
    os.environ.setdefault("DECANT_LOG_FORMAT", "json")
    chosen = choose(service, topology, config)
    if chosen.workspace is None:
        raise CommandError(
            f"`{service}` is a foreign application: it has no background work that is known here.",
            hint="Name a service of the workspace.",
            exit_code=2,
        )
    settings = serve_settings(chosen)
    os.environ.update(chosen.target.environ())
    ctx.exit(
        work(
            WorkOptions(
                target=chosen.target,
                grace_s=settings["grace_s"] if grace_s is None else grace_s,
                health=None if health is None else _address(health, settings["host"]),
            )
        )
    )


def _address(health: str, host: str) -> tuple[str, int]:
    """Return host and port of ``PORT`` or ``HOST:PORT``."""
    return parse_bind(health if ":" in health else f":{health}", 0, host)
