"""The gateway's own process: ``python -m decant.gateway.run MODULE:FUNCTION OPTIONS``.

A process of its own, because glibc reads its ``MALLOC_*`` settings when a process starts.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn, cast

from decant.errors import DecantError, MissingExtra
from decant.gateway.base import Router, State
from decant.gateway.limits import Limits
from decant.serving.process import MALLOC, children_environ, obey_parent
from decant.serving.sockets import NOT_READY, address_of, is_handed_over, listening_socket, take_over
from decant.serving.worker import report

if TYPE_CHECKING:
    from decant.observe.logging.setup import Format

logger = logging.getLogger("decant.gateway")

_OWN_FILES = 64
"""Open files of the process itself: its libraries, logs, the loop, questions for health."""


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """How a gateway runs.

    Attributes:
        host: The address to bind.
        port: The port to bind. Both are for nothing when a socket was handed over (``LISTEN_FDS``).
        grace_s: Seconds that running requests get on SIGTERM.
        scheme: What services are told in ``X-Forwarded-Proto``.
        access_log: Whether each request is a line in the log.
        limits: Bounds on what clients may send.
        routes: Handed to the function that makes the routes.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    grace_s: float = 10.0
    scheme: str = "http"
    access_log: bool = True
    limits: Limits = field(default_factory=Limits)
    routes: str = ""

    def to_json(self) -> str:
        """Return them as one argument of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> GatewayOptions:
        """Read what :meth:`to_json` wrote."""
        values = json.loads(text)
        return cls(**{**values, "limits": Limits(**values.get("limits", {}))})


MakeRouter = Callable[[State, GatewayOptions], Router]
"""Makes the routes, in the gateway's own process, before it listens. It may raise a :class:`DecantError`."""


def command(make: str, options: GatewayOptions) -> list[str]:
    """Return the command line of a gateway's own process.

    Args:
        make: ``module:function`` of a :data:`MakeRouter`.
        options: How it runs.
    """
    return [sys.executable, "-m", "decant.gateway.run", make, options.to_json()]


def replace_process(make: str, options: GatewayOptions) -> NoReturn:
    """Become the gateway: this process keeps its pid, its place under its supervisor, and a socket handed to it."""
    sys.stdout.flush()
    sys.stderr.flush()
    given = {name: value for name, value in MALLOC.items() if name not in os.environ}
    os.execve(sys.executable, command(make, options), children_environ(os.environ, **given))  # noqa: S606


def run(make: MakeRouter, options: GatewayOptions) -> int:
    """Serve until SIGTERM or SIGINT; a second one stops at once.

    Returns:
        0 when every request that ran had its answer, 1 when some were cut off.

    Raises:
        DecantError: When it cannot start: the routes, the port, a missing library.
    """
    new_loop = _loop_factory()
    listener = take_over(os.environ) if is_handed_over(os.environ) else listening_socket(options.host, options.port)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(_serve(make, options, listener))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import httptools  # noqa: F401
    except ImportError:
        raise MissingExtra("httptools", "gateway") from None
    try:
        import uvloop
    except ImportError:  # a tenth slower, and right all the same
        return asyncio.new_event_loop
    return cast("Callable[[], asyncio.AbstractEventLoop]", uvloop.new_event_loop)


async def _serve(make: MakeRouter, options: GatewayOptions, listener: socket.socket | None) -> int:
    from decant.gateway.books import Books
    from decant.gateway.edge import Edge
    from decant.gateway.server import Gateway

    assert listener is not None
    loop = asyncio.get_running_loop()
    state = State()
    edge = Edge(
        router=make(state, options),
        now=loop.time(),
        limits=_within_files(options.limits),
        state=state,
        books=Books(access=options.access_log),
        scheme=options.scheme,
    )
    gateway = Gateway(edge)
    stopping = asyncio.Event()
    _hear(loop, stopping, gateway)
    gc.collect()
    gc.freeze()  # what the process is made of stays as long as it does: not to be looked at again and again
    await gateway.start(listener)
    logger.info("the gateway listens on http://%s:%s", *address_of(listener))
    await stopping.wait()
    logger.info("the gateway stops")
    finished = await gateway.stop(options.grace_s)
    return 0 if finished else 1


def _within_files(limits: Limits) -> Limits:
    """Take as many open files as the system gives, and let clients have no more than leaves one for each service."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * limits.connections + _OWN_FILES
    files = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    connections = max(1, (files - _OWN_FILES) // 2)
    if connections < limits.connections:
        logger.warning("at most %d connections at once: there may be %d open files (ulimit -Hn)", connections, files)
    return replace(limits, connections=min(limits.connections, connections))


def _hear(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event, gateway: object) -> None:
    from decant.gateway.server import Gateway

    assert isinstance(gateway, Gateway)

    def stop() -> None:
        if stopping.is_set():
            gateway.cut_off()
        stopping.set()

    loop.add_signal_handler(signal.SIGTERM, stop)
    loop.add_signal_handler(signal.SIGINT, stop)
    loop.add_signal_handler(NOT_READY, gateway.leave)


def main(argv: list[str]) -> int:
    """Run a gateway until it is told to stop."""
    module, _, name = argv[0].partition(":")
    options = GatewayOptions.from_json(argv[1])
    try:
        _observe()
        make = cast("MakeRouter", getattr(importlib.import_module(module), name))
        return run(make, options)
    except DecantError as error:
        report(error)
        return 6 if isinstance(error, MissingExtra) else int(getattr(error, "exit_code", 3))
    finally:
        _flush()


def _observe() -> None:
    from decant.observe.logging import configure
    from decant.observe.tracing import exporter_from_environ, spans

    configure(format=cast("Format", os.environ.get("DECANT_LOG_FORMAT", "auto")), service="gateway")
    exporter = exporter_from_environ(os.environ, service="gateway")
    if exporter is not None:
        spans.add_exporter(exporter)
        spans.start()


def _flush() -> None:
    from decant.observe.tracing import spans

    spans.stop()


if __name__ == "__main__":
    obey_parent(os.environ)
    sys.exit(main(sys.argv[1:]))
