"""``decant serve``: one service for real traffic."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from decant.cli.chosen import Chosen, choose, service_options
from decant.serving.registry import PRODUCTION

if TYPE_CHECKING:
    from decant.serving.base import ServeOptions, Server


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
@click.option("--server", type=click.Choice(PRODUCTION), help="What serves.  [default: granian]")
@click.option("--bind", metavar="HOST:PORT", help="Where; 127.0.0.1 and the service's port otherwise.")
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: 1]")
@click.option("--threads", type=click.IntRange(1), help="Requests at once per worker.  [default: 64]")
@click.option("--streams", type=click.IntRange(0), help="Streams at once per worker.  [default: a quarter of those]")
@click.option("--grace", "grace_s", type=click.FloatRange(0), help="Seconds to finish requests.  [default: 10]")
@click.option("--drain", "drain_s", type=click.FloatRange(0), help="Seconds of 'not ready' first.  [default: 0]")
@click.option(
    "--background/--no-background",
    default=None,
    help="Move events and carry sagas on in here too, or leave that to `decant worker`.  [default: background]",
)
def command(service: str | None, topology: str | None, config: str, bind: str | None, **flags: Any) -> None:
    from decant.serving.boot import replace_process
    from decant.serving.process import obey_parent

    obey_parent(os.environ)
    os.environ.setdefault("DECANT_ENV", "production")
    os.environ.setdefault("DECANT_LOG_FORMAT", "json")
    replace_process(*server_and_options(choose(service, topology, config), bind, **flags))


def server_and_options(chosen: Chosen, bind: str | None, **flags: Any) -> tuple[Server, ServeOptions]:
    """Return what serves a target, and how: flags first, then settings.

    Args:
        chosen: The target.
        bind: ``HOST:PORT`` or a part of it; None for what settings and topology say.
        flags: Options by their names; None for those that were not given.

    Raises:
        SettingsError: When ``[settings.decant.serve]`` is wrong.
        SetupError: When the server cannot do what is asked of it.
        MissingExtra: When it is not installed.
    """
    from decant.serving.base import ServeOptions
    from decant.serving.registry import server_named

    settings = {**serve_settings(chosen), **{name: value for name, value in flags.items() if value is not None}}
    host, port = parse_bind(bind, settings.pop("port", None) or chosen.port, settings.pop("host", "127.0.0.1"))
    server = server_named(settings.pop("server", "granian"))
    options = ServeOptions(chosen.target, host, port, **settings)
    server.check(options)
    return server, options


def serve_settings(chosen: Chosen) -> dict[str, Any]:
    """Return what ``[settings.decant.serve]`` and ``DECANT_SERVE_*`` say; nothing for a foreign application."""
    if chosen.workspace is None:
        return {}
    from decant.settings import ServeSettings, load_one

    return load_one(ServeSettings, chosen.workspace.sources).model_dump()


def parse_bind(bind: str | None, port: int, host: str = "127.0.0.1") -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``, ``HOST``, ``:PORT`` or ``[::1]:PORT``.

    Args:
        bind: What was given.
        port: The port where none is given; 0 asks for a free one.
        host: The host where none is given.
    """
    given, colon, number = (bind or "").rpartition(":")
    if not colon or number.endswith("]"):
        given, number = bind or "", ""
    if number and not (number.isdecimal() and int(number) < 65536):
        raise click.BadParameter(f"{bind!r}: {number!r} is no port.", param_hint="--bind")
    return given.strip("[]") or host, free_unless(int(number) if number else port)


def free_unless(port: int) -> int:
    """Return the port, or one that is free now in place of 0."""
    from decant.serving.ports import free_port

    return port or free_port()
