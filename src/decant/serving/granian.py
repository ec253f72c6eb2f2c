"""granian: the default server. A Rust HTTP core in front of a pool of Python threads."""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from decant.serving.admission import UNREAD
from decant.serving.base import Capabilities, ServeOptions, Server
from decant.serving.draining import Drain
from decant.serving.signals import Bell
from decant.serving.sockets import BACKLOG, NOT_READY, stop_accepting
from decant.serving.worker import Worker, report

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

CONFIGURATION = 3
_SMALL_BODY_BYTES = 64 * 1024
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
        if options.listen_fd is not None:
            _serve_socket(server, options.listen_fd)
        server.on_startup(_Stop(server, options.drain_s).take_over)
        try:
            server.serve(target_loader=partial(_load, options, os.getpid(), broken), wrap_loader=False)
        except SystemExit as stop:
            # A worker that got the group's SIGTERM before we told it to stop is not a failure.
            if not server.interrupt_signal:
                return int(stop.code or 0) if not broken.value else CONFIGURATION
        return CONFIGURATION if broken.value else 0


def _serve_socket(server: Any, descriptor: int) -> None:
    """Have the workers take connections from a socket that is there already, where granian would bind its own.

    It shares a socket by itself wherever it does not bind once per worker.
    """
    from granian._granian import SocketHolder

    def share() -> None:
        server._ssp, server._sfd = None, descriptor
        holder: Any = SocketHolder  # its stub leaves the arguments out
        server._shd = holder(descriptor, False, BACKLOG)  # a TCP socket
        server._sso = socket.socket(fileno=descriptor)
        server._sso.set_inheritable(True)

    server._init_shared_socket = share
    server._drop_shared_socket = lambda: None  # it stays open until the process ends


def _load(options: ServeOptions, parent_pid: int, broken: Synchronized[int]) -> Callable[..., Any]:
    """Build the application in a worker."""
    signal.set_wakeup_fd(-1)
    for signum in (signal.SIGTERM, signal.SIGINT):  # a fork inherits the parent's, which stop the whole server
        signal.signal(signum, signal.SIG_DFL)
    try:
        worker = Worker(options, parent_pid)
    except Exception as error:  # noqa: BLE001 - the edge of the process: said, and told to the parent
        broken.value = 1
        report(error)
        os.kill(parent_pid, signal.SIGTERM)
        raise SystemExit(CONFIGURATION) from None
    if options.listen_fd is not None:
        listener = socket.socket(fileno=options.listen_fd)  # kept by the callback for as long as the worker lives
        worker.drain.on_not_ready(lambda: stop_accepting(listener))
    _hear_stops(worker.drain)
    worker.start()
    return _reading_to_the_end(worker.application())


def _reading_to_the_end(application: Callable[..., Any]) -> Callable[..., Any]:
    """Read what an application left of a small body, before its answer goes out.

    granian ends a connection whose request was not read to its end, and says so to nobody: a client that was refused
    early, for instance by a guard, loses its next request on that connection.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        result = application(environ, start_response)
        length = environ.get("CONTENT_LENGTH")
        if length and UNREAD not in environ and length.isdecimal() and int(length) <= _SMALL_BODY_BYTES:
            environ["wsgi.input"].read()
        return result

    return answer


def _hear_stops(drain: Drain) -> None:
    """Take the place of granian's handlers in a worker.

    They set an event that the main thread waits for, in the main thread, and a second signal can make that hang or be
    lost (:mod:`decant.serving.signals`). Two signals are the rule where a whole group is stopped: the group's, and the
    one that the server sends its workers.
    """
    from granian import _signals
    from granian._granian import WorkerSignal

    def set_sync_signals() -> Any:
        event = WorkerSignal()
        drain.on_begin(event.set)
        drain.bell.answer_to(signal.SIGTERM, signal.SIGINT, NOT_READY)
        return event

    _signals.set_sync_signals = set_sync_signals


class _Stop:
    """The server's end: in order at the first signal, at once at the second.

    Args:
        server: granian's server.
        drain_s: Seconds between "not ready" and the end.
    """

    def __init__(self, server: Any, drain_s: float) -> None:
        self._server = server
        self._drain_s = drain_s
        self._signals = 0
        self._bell = Bell(self._on_signal)

    def take_over(self) -> None:
        """Take granian's place as the handler: its own sets an event in there, and can stop for good."""
        self._bell.start()
        self._bell.answer_to(signal.SIGTERM, signal.SIGINT, NOT_READY)

    def _on_signal(self, signum: int) -> None:
        pids = [worker.inner.pid for worker in self._server.wrks if worker.inner.pid]
        if signum == NOT_READY:
            _send(pids, NOT_READY)
            return
        self._signals += 1
        if self._signals > 1:
            _send(pids, signal.SIGKILL)
            os._exit(128 + signum)
        if self._drain_s <= 0:
            self._server.signal_handler_interrupt()
            return
        _send(pids, NOT_READY)
        timer = threading.Timer(self._drain_s, self._server.signal_handler_interrupt)
        timer.daemon = True
        timer.start()


def _send(pids: list[int], signum: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            continue


def _without_thread_advice(record: logging.LogRecord) -> bool:
    """Drop granian's remark on many threads: they wait for databases and streams, and that is the point."""
    return "seems quite high" not in record.getMessage()
