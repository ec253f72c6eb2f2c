"""``decant serve``: one service for real traffic."""

from __future__ import annotations

import os
from typing import Any

import click

from decant.cli.chosen import choose, service_options
from decant.serving.registry import PRODUCTION


@click.command(
    "serve",
    short_help="Serve one service for production.",
    help="""Serve SERVICE for production: direct calls, JSON logs.

    SERVICE is a service of the workspace, or a foreign application as package.module:app.

    \b
    Examples:
      decant serve
      decant serve orders --topology services --bind 0.0.0.0:8080 --workers 2
      decant serve legacy.wsgi:app --server gunicorn
    """,
)
@service_options
@click.option("--server", type=click.Choice(PRODUCTION), default="granian", show_default=True, help="What serves.")
@click.option("--bind", metavar="HOST:PORT", help="Where; 127.0.0.1 and the service's port otherwise.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--threads", type=click.IntRange(1), default=64, show_default=True, help="Requests at once per worker.")
@click.option("--streams", type=click.IntRange(0), help="Streams at once per worker; a quarter of the threads.")
@click.option("--grace", type=click.FloatRange(0), default=10.0, show_default=True, help="Seconds to finish requests.")
@click.option("--drain", type=click.FloatRange(0), default=0.0, help="Seconds of 'not ready' before the port closes.")
def command(
    service: str | None, topology: str | None, config: str, server: str, bind: str | None, **numbers: Any
) -> None:
    from decant.serving.base import ServeOptions
    from decant.serving.boot import replace_process
    from decant.serving.process import obey_parent
    from decant.serving.registry import server_named

    obey_parent(os.environ)
    chosen = choose(service, topology, config)
    host, port = parse_bind(bind, chosen.port)
    options = ServeOptions(
        chosen.target,
        host,
        port,
        workers=numbers["workers"],
        threads=numbers["threads"],
        streams=numbers["streams"],
        grace_s=numbers["grace"],
        drain_s=numbers["drain"],
    )
    driver = server_named(server)
    driver.check(options)
    os.environ.setdefault("DECANT_ENV", "production")
    os.environ.setdefault("DECANT_LOG_FORMAT", "json")
    replace_process(driver, options)


def parse_bind(bind: str | None, port: int) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``, ``HOST``, ``:PORT`` or ``[::1]:PORT``.

    Args:
        bind: What was given.
        port: The port where none is given; 0 asks for a free one.
    """
    host, colon, number = (bind or "").rpartition(":")
    if not colon or number.endswith("]"):
        host, number = bind or "", ""
    if number and not (number.isdecimal() and int(number) < 65536):
        raise click.BadParameter(f"{bind!r}: {number!r} is no port.", param_hint="--bind")
    return host.strip("[]") or "127.0.0.1", free_unless(int(number) if number else port)


def free_unless(port: int) -> int:
    """Return the port, or one that is free now in place of 0."""
    from decant.serving.ports import free_port

    return port or free_port()
