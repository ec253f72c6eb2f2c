"""granian: the default server. A Rust HTTP core in front of a pool of Python threads."""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from decant.serving.base import Capabilities, ServeOptions, Server
from decant.serving.draining import NOT_READY
from decant.serving.worker import Worker

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

CONFIGURATION = 3
_LOGGING = {"loggers": {"_granian": {"handlers": [], "propagate": True}}}


class GranianServer(Server):
    """granian with its WSGI interface."""

    name: ClassVar[str] = "granian"
    package: ClassVar[str | None] = "granian"
    extra: ClassVar[str] = "serve"
    capabilities: ClassVar[Capabilities] = Capabilities(
        production=True,
        workers=True,
        keeps_connections=True,
        bounded_threads=True,
        drain_delay=True,
        respawns=True,
    )

    def run(self, options: ServeOptions) -> int:
        from granian import Granian
        from granian.constants import HTTPModes, Interfaces
        from granian.log import LogLevels

        logging.getLogger("_granian").addFilter(_without_thread_advice)
        broken: Synchronized[int] = multiprocessing.Value("i", 0)
        server = Granian(
            "decant",
            address=options.host,
            port=options.port,
            interface=Interfaces.WSGI,
            http=HTTPModes.http1,
            websockets=False,
            workers=options.workers,
            blocking_threads=options.threads,
            blocking_threads_idle_timeout=600,
            log_level=LogLevels.warning,
            log_dictconfig=_LOGGING,
            respawn_failed_workers=True,
            workers_kill_timeout=max(1, math.ceil(options.grace_s)),
        )
        server.on_startup(partial(_take_signals, server, options.drain_s))
        try:
            server.serve(target_loader=partial(_load, options, os.getpid(), broken), wrap_loader=False)
        except SystemExit as stop:
            # A worker that got the group's SIGTERM before we told it to stop is not a failure.
            if not server.interrupt_signal:
                return int(stop.code or 0) if not broken.value else CONFIGURATION
        return CONFIGURATION if broken.value else 0


def _load(options: ServeOptions, parent_pid: int, broken: Synchronized[int]) -> Callable[..., Any]:
    """Build the application in a worker. The server's own handlers are installed after this."""
    for signum in (signal.SIGTERM, signal.SIGINT):  # a fork inherits the parent's, which stop the whole server
        signal.signal(signum, signal.SIG_DFL)
    try:
        worker = Worker(options, parent_pid)
    except Exception:
        broken.value = 1
        traceback.print_exc()
        os.kill(parent_pid, signal.SIGTERM)
        raise SystemExit(CONFIGURATION) from None
    signal.set_wakeup_fd(worker.drain.wakeup_fd, warn_on_full_buffer=False)
    signal.signal(NOT_READY, _heard)
    worker.start()
    application: Callable[..., Any] = worker.app
    return application


def _heard(signum: int, frame: object) -> None:
    """Do nothing: the wake-up descriptor has told the drain, and without a handler the signal would kill."""


def _take_signals(server: Any, drain_s: float) -> None:
    """Stop in order at the first signal, at once at the second."""
    stop = server.signal_handler_interrupt

    def on_signal(signum: int, frame: object) -> None:
        pids = [worker.inner.pid for worker in server.wrks if worker.inner.pid]
        signal.signal(signal.SIGTERM, partial(_kill, pids))
        signal.signal(signal.SIGINT, partial(_kill, pids))
        if drain_s <= 0:
            return stop()
        _send(pids, NOT_READY)
        timer = threading.Timer(drain_s, stop)
        timer.daemon = True
        timer.start()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)


def _kill(pids: list[int], signum: int, frame: object) -> None:
    _send(pids, signal.SIGKILL)
    os._exit(128 + signum)


def _send(pids: list[int], signum: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            continue


def _without_thread_advice(record: logging.LogRecord) -> bool:
    """Drop granian's remark on many threads: they wait for databases and streams, and that is the point."""
    return "seems quite high" not in record.getMessage()
