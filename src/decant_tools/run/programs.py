"""Command lines of what a run starts, foreign commands themselves left out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from decant.cli.chosen import Chosen
from decant.cli.serve import server_and_options
from decant.errors import CommandError, DecantError
from decant.gateway import run as gateway
from decant.gateway.routes.source import MAKE, RouteSource
from decant.serving import boot
from decant.serving.process import MALLOC
from decant.serving.target import Target
from decant.topology import Workspace
from decant_tools.run import shim

DECANT = (sys.executable, "-c", "from decant.cli import main; main()")
"""``decant`` of this very installation, wherever its script lies."""

Command = Callable[[], tuple[str, ...]]
"""Makes a command line when something is started, of the settings as they are then.

Raises:
    CommandError: When the settings are wrong.
"""


def serve_command(workspace: Workspace, service: str, bind: str, environ: Mapping[str, str]) -> Command:
    """Return what makes the command of a service: that which ``decant serve`` becomes, without its own interpreter.

    Args:
        workspace: The workspace, its topology chosen.
        service: Its name.
        bind: ``HOST:PORT``.
        environ: What the process gets: ``DECANT_SERVE_*`` in there are settings too.
    """
    target = Target(service, workspace.topology, config_of(workspace))

    def make() -> tuple[str, ...]:
        with _told(service):
            chosen = Chosen(target, workspace=_as_it_is_now(workspace, environ))
            return tuple(boot.command(*server_and_options(chosen, bind)))

    return make


def serve_environ(workspace: Workspace, service: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a service's process; it has to be there before the process starts."""
    return boot.environ_of(Target(service, workspace.topology, config_of(workspace)), environ)


def gateway_command(workspace: Workspace, host: str, port: int, prepared: Path, environ: Mapping[str, str]) -> Command:
    """Return what makes the command of the gateway: that which ``decant gateway`` becomes.

    Args:
        workspace: The workspace, its topology chosen.
        host: Where it listens.
        port: Where it listens.
        prepared: Where its routes may lie at its first start.
        environ: What the process gets.
    """
    source = RouteSource(config_of(workspace), workspace.topology, prepared=str(prepared))

    def make() -> tuple[str, ...]:
        from decant.settings import ServeSettings, load_one

        with _told("gateway"):
            settings = load_one(ServeSettings, _as_it_is_now(workspace, environ).sources)
            options = gateway.GatewayOptions(host=host, port=port, grace_s=settings.grace_s, routes=source.to_text())
            return tuple(gateway.command(MAKE, options))

    return make


def gateway_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the gateway's process."""
    return {**MALLOC, **environ}


def config_of(workspace: Workspace) -> str:
    """Return the path of ``decant.toml``."""
    return str(workspace.root / workspace.file.path.name)


def _as_it_is_now(workspace: Workspace, environ: Mapping[str, str]) -> Workspace:
    """Return the workspace with the settings that a process with this environment has when it is started now."""
    from dataclasses import replace

    from decant.settings.sources import read_sources
    from decant.settings.toml import read_toml

    return replace(workspace, sources=read_sources(environ, workspace.root, read_toml(Path(config_of(workspace)))))


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Say what is wrong with a process's settings as an error of a command, which ends no supervisor."""
    try:
        yield
    except DecantError as error:
        code = int(getattr(error, "exit_code", 3))
        raise CommandError(f"{name} cannot be started: {error.detail}", hint=error.hint, exit_code=code) from error


def with_shim(command: Sequence[str], grace_s: float) -> tuple[str, ...]:
    """Return the command that starts a program which does not know about its supervisor.

    Args:
        command: The program.
        grace_s: Seconds that its group gets to end.
    """
    return (sys.executable, "-I", "-S", shim.__file__, str(os.getpid()), f"{grace_s:g}", *command)
