"""What is to run: every process of a topology as a value, before anything is started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from decant.topology import ServiceSpec
from decant_tools.run.readiness import Probe

Kind = Literal["service", "gateway", "foreign", "proxy"]

HOST = "127.0.0.1"
GATEWAY = "gateway"


@dataclass(frozen=True)
class ProcessPlan:
    """One process.

    Attributes:
        name: Its own name: the service's, with ``-2`` behind for a second replica.
        service: The service that it belongs to.
        kind: A service of ours, the gateway, a foreign command, or a fault proxy.
        argv: Its command line; empty where :attr:`make` makes it.
        environ: Its whole environment.
        cwd: Where it runs.
        port: Where it listens, on this machine.
        probe: How it is asked whether it can be used.
        after: The services that have to be ready before it is started.
        is_handed_over: Whether it is given its listening socket, so that it can be replaced while it serves.
        grace_s: Seconds that it gets to end.
        make: Makes the command line each time that it is started, of the settings as they are then.
        renew: Makes the whole of it anew each time that it is started; it may take long, and runs in a thread.
    """

    name: str
    service: str
    kind: Kind
    argv: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)  # it holds secrets
    cwd: Path
    port: int
    probe: Probe
    after: frozenset[str] = frozenset()
    is_handed_over: bool = False
    grace_s: float = 15.0
    make: Callable[[], tuple[str, ...]] | None = field(default=None, repr=False, compare=False)
    renew: Callable[[], ProcessPlan] | None = field(default=None, repr=False, compare=False)

    def command(self) -> tuple[str, ...]:
        """Return the command line to start it with now.

        Raises:
            CommandError: When the settings that it is made of are wrong.
        """
        return self.argv if self.make is None else self.make()

    @property
    def is_ours(self) -> bool:
        """Whether it is a program of this toolkit, whose exit codes are known."""
        return self.kind != "foreign"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


@dataclass(frozen=True)
class Outside:
    """A service that runs elsewhere: its address was given.

    Attributes:
        name: The service.
        urls: Where it answers.
        why: Where the address comes from.
    """

    name: str
    urls: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Planned:
    """A topology on this machine.

    Attributes:
        topology: Its name.
        processes: What is started, in the order of starting where nothing has to wait.
        outside: What is not started, and only looked at.
        edge: The public address, or None where it is not started.
        specs: The services that are started.
        manifest: Where the gateway's routes may lie when it starts; None without a gateway.
    """

    topology: str
    processes: tuple[ProcessPlan, ...]
    outside: tuple[Outside, ...]
    edge: str | None
    specs: tuple[ServiceSpec, ...]
    manifest: Path | None = None

    def of(self, service: str) -> tuple[ProcessPlan, ...]:
        """Return the processes of a service; of all without a name."""
        return tuple(plan for plan in self.processes if plan.service == service)
