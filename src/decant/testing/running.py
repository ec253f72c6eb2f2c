"""A topology that runs: its addresses, its processes to kill and start again, what they wrote."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from decant.errors import SetupError
from decant.testing.command import CommandFailedError, Commands, need_supervisor
from decant.testing.variant import Variant

READY_S = 120.0
DOWN_S = 40.0
SLACK_S = 60.0
"""What `up` itself may take to begin and, where something is not ready in time, to tell of it."""
TOLD_S = 30.0
UP = ("--detach", "--port", "0", "--port-auto", "--no-reload", "--migrate", "--seed-data")


class RunningTopology:
    """What ``decant up`` has started.

    Attributes:
        variant: What was asked for.
        name: The topology's name.
        edge: The public address.
        home: The folder with everything that it keeps (``DECANT_HOME``).
        commands: ``decant``, in this workspace and environment.
    """

    def __init__(self, variant: Variant, commands: Commands, home: Path, document: Mapping[str, Any]) -> None:
        self.variant = variant
        self.name = str(document["topology"])
        self.edge = str(document["edge"])
        self.home = home
        self.commands = commands
        self._found = dict(document)

    def __repr__(self) -> str:
        return f"<RunningTopology {self.variant} at {self.edge}>"

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        """What ``decant ps`` says now, by service: ``urls``, ``pid``, ``kind``, ``state``, ``health``."""
        self._found |= self.commands.document("ps", within_s=TOLD_S)
        return {one["name"]: one for one in self._found["services"] if one.get("kind") != "proxy"}

    @property
    def urls(self) -> dict[str, tuple[str, ...]]:
        """Where each service, and the gateway, answers by itself."""
        return {one["name"]: tuple(one["urls"]) for one in self._found["services"] if one.get("kind") != "proxy"}

    def kill(self, service: str) -> int:
        """Kill a service as a machine does that loses power, and return its process id; the supervisor starts it again.

        Raises:
            LookupError: When no such service runs.
        """
        pid = self.services.get(service, {}).get("pid")
        if not pid:
            raise LookupError(f"No service {service!r} runs in {self.variant}: {', '.join(self.services)}.")
        with suppress(ProcessLookupError):
            if os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)
            else:
                os.kill(pid, signal.SIGKILL)
        return int(pid)

    def stop(self, service: str) -> None:
        """Stop a service; it stays away until :meth:`start`."""
        self.commands.run("stop", service)

    def start(self, service: str) -> None:
        """Start a stopped service, and return when it is ready."""
        self._change("start", service)

    def restart(self, service: str) -> None:
        """Restart a service, and return when it is ready."""
        self._change("restart", service)

    def _change(self, verb: str, service: str) -> None:
        try:
            self.commands.run(verb, service)
        except CommandFailedError as error:
            raise AssertionError(f"{error}\n{self.circumstances()}\n{self.log(service)}") from error

    def wait_ready(self, service: str = "", *, within_s: float = READY_S) -> None:
        """Wait until a service, or every one, is ready.

        Raises:
            AssertionError: When that takes longer: with what the processes wrote.
        """
        try:
            self.commands.run(
                "wait", *([service] if service else []), "--timeout", f"{within_s:g}", within_s=within_s + 5
            )
        except CommandFailedError as error:
            raise AssertionError(f"{error}\n{self.log(service)}") from error

    def log_lines(self, service: str = "", *, since: datetime | None = None, limit: int = 0) -> list[dict[str, Any]]:
        """Return what the processes wrote, oldest first.

        Args:
            service: Of this one alone.
            since: After this time.
            limit: The last so many.

        Shape:
            ``process``, ``time`` (RFC 3339, UTC), ``message``, ``level``, and what else the line had.
        """
        out = self.commands.run("logs", *([service] if service else []), "--json", within_s=TOLD_S)
        lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        after = "" if since is None else f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
        found = [line for line in lines if str(line["time"]) >= after]
        return found[-limit:] if limit else found

    def log(self, service: str = "", *, since: datetime | None = None, limit: int = 60) -> str:
        """Return what the processes wrote as text, the last lines of it."""
        try:
            lines = self.log_lines(service, since=since, limit=limit)
        except (CommandFailedError, ValueError) as error:
            return f"The logs cannot be read: {error}"
        return "\n".join(_line(one) for one in lines)

    def faults(self) -> dict[str, int]:
        """Return the faults that proxies have made so far, by kind; ``requests`` is what they have passed on."""
        latest = {line["process"]: line for line in self.log_lines() if line.get("logger") == "decant.faultproxy"}
        total: dict[str, int] = {}
        for line in latest.values():
            for kind, count in {**line["faults"], "requests": line["requests"]}.items():
                total[kind] = total.get(kind, 0) + int(count)
        return total

    def circumstances(self, since: datetime | None = None) -> str:
        """Return how the services are and what they wrote last, for messages of failed tests."""
        try:
            states = [f"  {one['name']}: {one.get('state')}, {one.get('health')}" for one in self.services.values()]
        except (CommandFailedError, KeyError) as error:
            states = [f"  {error}"]
        written = self.log(since=since, limit=40)
        return "\n".join([f"Services of {self.variant}:", *states, "What they wrote last:", written or "  nothing"])


@contextmanager
def run_topology(
    root: Path,
    home: Path,
    variant: Variant | None = None,
    *,
    env: Mapping[str, str] | None = None,
    inherit: bool = True,
    ready_s: float = READY_S,
) -> Iterator[RunningTopology]:
    """Start a topology with ``decant up``, on free ports and with data of its own, and stop it in the end.

    Args:
        root: The folder of ``decant.toml``.
        home: Where it keeps everything; made when it is missing. Not the workspace's own ``.decant``.
        variant: What to run; the workspace's own topology by default.
        env: Added to the environment.
        inherit: Whether its processes get the environment of this one, too.
        ready_s: Seconds until everything must be ready.

    Raises:
        SetupError: The topology does not exist, or this Python has no ``decant up``.
        CommandFailedError: It does not start; with what the failing service wrote.
    """
    variant = variant or Variant()
    need_supervisor()
    _need_topology(root, variant.topology)
    home.mkdir(parents=True, exist_ok=True)
    inherited = dict(os.environ) if inherit else _bare_environment()
    environ = {**inherited, "PYTHONUNBUFFERED": "1", **(env or {}), **variant.environment, "DECANT_HOME": str(home)}
    commands = Commands(root, environ)
    faults = ["--faults", variant.faults, "--seed", str(variant.seed)] if variant.faults else []
    chosen = ["--topology", variant.topology] if variant.topology else []
    owner = ["--lives-with", str(os.getpid())]  # so that nothing is left of a run that is killed
    options = [*UP, "--timeout", f"{ready_s:g}", *owner, *chosen, *faults]
    if environ.get("DECANT_ENV") == "production":  # there `up` leaves databases alone
        for verb in ("upgrade", "seed"):
            commands.run("db", verb, within_s=ready_s)
    try:
        yield RunningTopology(variant, commands, home, commands.document("up", *options, within_s=ready_s + SLACK_S))
    finally:
        _down(commands)


def _down(commands: Commands) -> None:
    """Stop everything, in bounded time, also when the test run was interrupted before it was up."""
    with suppress(CommandFailedError):
        commands.run("down", within_s=DOWN_S)


def _need_topology(root: Path, topology: str) -> None:
    from decant.topology import load_workspace

    if not (root / "decant.toml").is_file():
        raise SetupError(
            f"There is no decant.toml in {root}.",
            hint="Run pytest inside of a workspace, or override the fixture workspace_folder.",
        )
    load_workspace(root / "decant.toml", environ={}).services(topology or None)


def _bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("DECANT_", "OTEL_", "FLASK_"))}


def _line(fields: Mapping[str, Any]) -> str:
    level = fields.get("level")
    told = f"{level} {fields['message']}" if level not in {None, "info"} else str(fields["message"])
    trace = fields.get("exception") or ""
    return f"  {str(fields['time'])[11:23]} {fields['process']}: {told}{f' | {trace}' if trace else ''}"
