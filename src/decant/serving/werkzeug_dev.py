"""Werkzeug's server, for development: one process, a thread per request, nothing to wait for when it stops."""

from __future__ import annotations

import http.client
import ipaddress
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

from werkzeug.serving import WSGIRequestHandler, make_server

from decant.errors import SetupError
from decant.serving.base import Capabilities, ServeOptions, Server
from decant.serving.draining import RUNTIME, Drain, extensions_of
from decant.serving.signals import Bell
from decant.serving.worker import Worker

PROBE = "/health/live"
READY_WITHIN_S = 10.0
STOP_WITHIN_S = 2.0


class WerkzeugServer(Server):
    """The development server of one service."""

    name: ClassVar[str] = "werkzeug"
    capabilities: ClassVar[Capabilities] = Capabilities(
        production=False,
        workers=False,
        keeps_connections=False,
        bounded_threads=False,
        drain_delay=False,
        respawns=False,
    )

    def check(self, options: ServeOptions) -> None:
        super().check(options)
        if options.debug and not _is_loopback(options.host):
            raise SetupError(
                f"The debugger runs any code that it is sent, so it is not served on {options.host}.",
                hint="Leave --debug out, or --host at 127.0.0.1.",
            )

    def run(self, options: ServeOptions) -> int:
        worker = Worker(options, None)
        _prepare(worker.app, options)
        stop = threading.Event()
        bell = Bell(lambda signum: stop.set())
        bell.start()
        bell.answer_to(signal.SIGINT, signal.SIGTERM)
        handler = _Silent if RUNTIME in extensions_of(worker.app) else _WithoutProbe
        server = make_server(
            options.host, options.port, _debuggable(worker.app, options), threaded=True, request_handler=handler
        )
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        worker.drain.start()
        _wait_for_answer(options, stop)
        if not stop.is_set():
            sys.stdout.write(f"{options.target.label} is ready on {_url(options)}\n")
            sys.stdout.flush()
        stop.wait()
        _end(worker.drain)
        return 0


class _Silent(WSGIRequestHandler):
    """Leaves the access line to the application, which has the better one."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing."""


class _WithoutProbe(WSGIRequestHandler):
    """Writes the access line of a foreign application, but not that of our own question whether it is ready."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write the line."""
        if self.path != PROBE:
            super().log_request(code, size)


def _prepare(app: Any, options: ServeOptions) -> None:
    """Make the databases fit and the templates fresh, as far as the application is one of ours."""
    logging.getLogger("alembic").setLevel(logging.WARNING)  # what it sets up and which dialect, at each start
    runtime: Any = extensions_of(app).get(RUNTIME)
    if options.migrate and hasattr(runtime, "migrate"):
        runtime.migrate()
    if options.seed and hasattr(runtime, "seed"):
        runtime.seed()
    if hasattr(app, "jinja_env"):
        app.debug = app.debug or options.debug
        app.jinja_env.auto_reload = True


def _debuggable(app: Callable[..., Any], options: ServeOptions) -> Callable[..., Any]:
    if not options.debug:
        return app
    from werkzeug.debug import DebuggedApplication

    return DebuggedApplication(app, evalex=True)


def _wait_for_answer(options: ServeOptions, stop: threading.Event) -> None:
    """Return when the application answers anything at all; a "not found" is an answer too."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not stop.is_set() and time.monotonic() < deadline:
        connection = http.client.HTTPConnection(_reachable(options.host), options.port, timeout=READY_WITHIN_S)
        try:
            connection.request("GET", PROBE)
            connection.getresponse()
        except OSError:
            stop.wait(0.02)
        else:
            return
        finally:
            connection.close()


def _end(drain: Drain) -> None:
    """Stop background work; requests that still run are left behind: in development nobody waits for them."""
    drain.begin()
    drain.join(STOP_WITHIN_S)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _url(options: ServeOptions) -> str:
    host = _reachable(options.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{options.port}"


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - translated away, not bound


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
