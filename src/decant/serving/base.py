"""What every server is: a driver with capability flags, started with the same options.

A server does what its flags say and refuses the rest when it is started; it never pretends.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import ClassVar, Self

from decant.errors import MissingExtra, SetupError
from decant.serving.target import Target

STREAM_SHARE = 4
"""One thread in so many may be held by a stream; the rest is kept for requests that end."""

REFUSING_SHARE = 8
"""One thread in so many neither runs nor waits for the application: health is asked and refusals are said there."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How one service is served.

    Attributes:
        target: What is served.
        host: The address to bind.
        port: The port to bind, 1-65535.
        workers: Processes that share the port.
        threads: Requests that one worker runs at the same time (greenlets with gevent).
        streams: Streams that one worker keeps open at the same time; None for a quarter of the threads.
        grace_s: Seconds that running requests get to end after SIGTERM, before the worker is killed.
        drain_s: Seconds between "not ready" and the closed port, for a load balancer to notice.
        migrate: Bring the modules' databases to their newest revision before the first request.
        seed: Run the modules' seeds after that.
        debug: Flask's debug mode with the debugger in the browser, which runs any code that it is sent.
        background: Do the service's background work in its workers; otherwise ``decant worker`` does it.
        listen_fd: The descriptor of the listening socket that this process was started with; None to bind the address.
    """

    target: Target
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    threads: int = 64
    streams: int | None = None
    grace_s: float = 10.0
    drain_s: float = 0.0
    migrate: bool = False
    seed: bool = False
    debug: bool = False
    background: bool = True
    listen_fd: int | None = None

    def __post_init__(self) -> None:
        faults = [f"{name} is {getattr(self, name)}" for name in ("workers", "threads") if getattr(self, name) < 1]
        faults += [f"{name} is {getattr(self, name)}" for name in ("grace_s", "drain_s") if getattr(self, name) < 0]
        if not 1 <= self.port <= 65535:
            faults.append(f"port is {self.port}")
        if self.streams is not None and self.streams < 0:
            faults.append(f"streams is {self.streams}")
        if faults:
            raise SetupError(
                f"These options cannot be served with: {', '.join(faults)}.",
                hint="Workers and threads start at 1, times at 0 seconds, ports lie between 1 and 65535.",
            )

    @property
    def stream_limit(self) -> int:
        """Streams that one worker keeps open at the same time."""
        return max(1, self.threads // STREAM_SHARE) if self.streams is None else self.streams

    @property
    def places(self) -> int:
        """Requests that one worker runs, or lets wait, at the same time; streams have places of their own."""
        return max(1, self.threads - self.stream_limit - max(1, self.threads // REFUSING_SHARE))

    def to_json(self) -> str:
        """Return the options as one JSON object, for the command line of the server's own process."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the options that :meth:`to_json` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "target": Target(**fields["target"])})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server can do.

    Attributes:
        production: Fit for real traffic.
        workers: Several processes can share the port.
        keeps_connections: Idle keep-alive connections cost no thread.
        bounded_threads: A stream holds one of a fixed number of threads, so streams are limited.
        drain_delay: It can be "not ready" for a while before it closes the port.
        respawns: A worker that crashed is replaced.
        patches: It patches the standard library, so blocking native clients stop the whole worker.
    """

    production: bool
    workers: bool
    keeps_connections: bool
    bounded_threads: bool
    drain_delay: bool
    respawns: bool
    patches: bool = False


class Server(ABC):
    """A driver for one server.

    A subclass names itself, says what it can do, and runs until it is told to stop.
    """

    name: ClassVar[str]
    package: ClassVar[str | None] = None
    extra: ClassVar[str] = ""
    capabilities: ClassVar[Capabilities]

    def check(self, options: ServeOptions) -> None:
        """Refuse what this server cannot do.

        Raises:
            MissingExtra: When its package is not installed.
            SetupError: When an option asks for more than its capabilities.
        """
        self.check_installed()
        if options.workers > 1 and not self.capabilities.workers:
            raise SetupError(
                f"The {self.name} server runs one worker; {options.workers} were asked for.",
                hint="Leave --workers at 1, or choose --server granian.",
            )
        if options.drain_s > 0 and not self.capabilities.drain_delay:
            raise SetupError(
                f"The {self.name} server closes its port as soon as it stops; it cannot wait {options.drain_s:g} s.",
                hint="Leave the drain delay out, let the platform wait before it sends SIGTERM, "
                "or choose --server granian.",
            )
        if self.capabilities.production and (options.migrate or options.seed or options.debug):
            raise SetupError(
                f"The {self.name} server neither migrates nor seeds nor debugs: several of them start at once.",
                hint="Run `decant db upgrade` before, or use `decant run` for development.",
            )

    def check_installed(self) -> None:
        """Raise :class:`~decant.errors.MissingExtra` unless the server's package can be imported."""
        from importlib.util import find_spec

        if self.package and find_spec(self.package) is None:
            raise MissingExtra(self.package, self.extra)

    @abstractmethod
    def run(self, options: ServeOptions) -> int:
        """Serve until SIGTERM or SIGINT.

        Returns:
            The exit code: 0 for an orderly stop, 3 when the application could not be built.
        """
