"""A service's background work without its web server: what ``decant worker`` runs."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server

from decant.errors import CommandError
from decant.serving.draining import RUNTIME, Drain, extensions_of
from decant.serving.ports import claim_port
from decant.serving.sockets import NOT_READY
from decant.serving.target import Target

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger("decant.serving")

HEALTH = "/health"
NOTHING_TO_DO = 3
METRICS = "decant_metrics"
"""The endpoint of the metrics."""
MARGIN_S = 1.0
"""Seconds beyond the grace in which what did not end is handed over."""
SLOW_CLIENT_S = 5.0
"""Seconds that one asker of the health port may keep the next one waiting."""


@dataclass(frozen=True, slots=True)
class WorkOptions:
    """How one service's background work is done.

    Attributes:
        target: The service.
        grace_s: Seconds that what runs gets to end after SIGTERM; the rest is handed over.
        health: Host and port of the health checks and the metrics; None for neither.
    """

    target: Target
    grace_s: float = 10.0
    health: tuple[str, int] | None = None


def work(options: WorkOptions) -> int:
    """Do a service's background work until SIGTERM or SIGINT.

    Any number of processes may do so for one service: locks and leases keep them apart.

    Returns:
        The exit code: 0 for an orderly stop, 1 when something still ran at the end of the grace.

    Raises:
        CommandError: When the service has no background work, or the port of its health is taken.
    """
    app: Any = options.target.load()
    if not getattr(extensions_of(app).get(RUNTIME), "has_work", False):
        raise CommandError(
            f"The service {options.target.label} has no background work: none of its modules has a database.",
            hint="Serve it with `decant serve`, and start no worker for it.",
            exit_code=NOTHING_TO_DO,
        )
    begun = threading.Event()
    drain = Drain(app, options.grace_s)
    drain.on_begin(begun.set)
    with ExitStack() as stack:
        if options.health is not None:
            stack.enter_context(_answering(app, *options.health))
        drain.bell.answer_to(signal.SIGTERM, signal.SIGINT, NOT_READY)
        drain.start()
        logger.info("working for %s", options.target.label)
        begun.wait()
        for signum in (signal.SIGTERM, signal.SIGINT):  # a second one ends it at once
            signal.signal(signum, signal.SIG_DFL)
        ended = drain.join(options.grace_s + MARGIN_S)
    return 0 if ended else 1


class _Handler(WSGIRequestHandler):
    """Answers one question at a time, and waits for no client for long."""

    timeout = SLOW_CLIENT_S

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Leave the line to the application."""


class _HealthOnly:
    """Lets through what platforms ask: health and metrics. Everything else is the web process's."""

    def __init__(self, app: WSGIApplication, paths: frozenset[str]) -> None:
        self._app = app
        self._paths = paths

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == HEALTH or path.startswith(f"{HEALTH}/") or path in self._paths:
            return self._app(environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"This process does background work; ask for /health.\n"]


@contextmanager
def _answering(app: Any, host: str, port: int) -> Iterator[None]:
    with claim_port(host, port):
        server = make_server(host, port, _HealthOnly(app, _metrics_paths(app)), request_handler=_Handler)
    thread = threading.Thread(target=server.serve_forever, name="decant-health", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _metrics_paths(app: Any) -> frozenset[str]:
    return frozenset(rule.rule for rule in app.url_map.iter_rules() if rule.endpoint == METRICS)
