"""Which service a command is about: its options, and what they mean in this workspace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from decant.errors import CommandError, SetupError
from decant.serving.target import CONFIG, Target

if TYPE_CHECKING:
    from flask import Flask

    from decant.topology import ServiceSpec, Workspace

F = TypeVar("F", bound=Callable[..., Any])

EVERYTHING = "*"
"""In place of a service's name: every module in one process."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a command is about.

    Attributes:
        target: The application.
        port: Where it listens unless a flag says otherwise.
        root: The folder that its code lies in.
        workspace: Its workspace; None for a foreign application.
    """

    target: Target
    port: int = 8000
    root: Path = Path()
    workspace: Workspace | None = None


def service_options(function: F) -> F:
    """Add SERVICE, ``--topology`` and ``--config`` to a command."""
    for decorator in (
        click.option("--config", envvar="DECANT_CONFIG", default=CONFIG, show_default=True, help="The workspace."),
        click.option("-t", "--topology", help="The topology; the workspace's default otherwise."),
        click.argument("service", required=False, envvar="DECANT_SERVICE"),
    ):
        function = decorator(function)
    return function


def choose(service: str | None, topology: str | None, config: str) -> Chosen:
    """Return what SERVICE means: a service of the workspace, ``*``, or ``package.module:app``.

    Raises:
        SettingsError: When ``decant.toml`` is wrong or names no such service.
        SetupError: When the topology has several services and none is named.
    """
    if service is not None and ":" in service:
        return Chosen(Target(application=service), root=Path.cwd())
    from decant.topology import load_workspace

    workspace = load_workspace(config, topology=topology)
    spec = _spec(workspace, service)
    target = Target(
        service=spec.name if spec else EVERYTHING,
        topology=workspace.topology,
        config=str(workspace.root / config_name(config)),
    )
    return Chosen(target, spec.port if spec else workspace.gateway.port, workspace.root, workspace)


def config_name(config: str) -> str:
    """Return the name of the file that ``--config`` stands for."""
    path = Path(config)
    return CONFIG if path.is_dir() else path.name


def applications(service: str | None, topology: str | None, config: str) -> list[tuple[str, Flask]]:
    """Build what a command looks at: one service, or every service of the topology, each with its name.

    Raises:
        CommandError: For an application that is not Flask's.
    """
    if service is not None:
        chosen = choose(service, topology, config)
        return [(chosen.target.label, flask_app(chosen.target))]
    from decant.topology import load_workspace

    workspace = load_workspace(config, topology=topology)
    names = [spec.name for spec in workspace.services() if spec.modules]
    return [(name, flask_app(choose(name, topology, config).target)) for name in names]


def flask_app(target: Target) -> Flask:
    """Build a target that has to be a Flask application."""
    from flask import Flask

    app = target.load()
    if not isinstance(app, Flask):
        raise CommandError(f"`{target.label}` is a {type(app).__name__}, not a Flask application.", exit_code=3)
    return app


def _spec(workspace: Workspace, service: str | None) -> ServiceSpec | None:
    if service == EVERYTHING:
        return None
    if service is not None:
        spec = workspace.service(service)
        if spec.foreign:
            raise SetupError(
                f"The service {service} is foreign: no module of this workspace runs in it.",
                hint="Start it with its own command, or name its application: package.module:app",
            )
        return spec
    own = [spec for spec in workspace.services() if not spec.foreign]
    if len(own) == 1:
        return own[0]
    raise SetupError(
        f"The topology {workspace.topology} has {len(own)} services: {', '.join(spec.name for spec in own)}.",
        hint="Name one of them, or '*' for every module in one process.",
    )
