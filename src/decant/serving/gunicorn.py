"""gunicorn: threads (gthread), or greenlets (gevent), for those who run it already."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from decant.serving.base import Capabilities, ServeOptions, Server
from decant.serving.worker import Worker, report

KEEP_ALIVE_S = 75
GEVENT_KEEP_ALIVE_S = 5
"""A stopping gevent worker waits for its idle connections, so they are not kept for long."""
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - gunicorn unlinks its heartbeat files as it makes them


class GunicornServer(Server):
    """gunicorn with threads."""

    name: ClassVar[str] = "gunicorn"
    package: ClassVar[str | None] = "gunicorn"
    extra: ClassVar[str] = "gunicorn"
    worker_class: ClassVar[str] = "gthread"
    capabilities: ClassVar[Capabilities] = Capabilities(
        production=True,
        workers=True,
        keeps_connections=True,
        bounded_threads=True,
        drain_delay=False,
        respawns=True,
    )

    def run(self, options: ServeOptions) -> int:
        from gunicorn.app.base import BaseApplication
        from gunicorn.arbiter import Arbiter

        workers = Workers(options)
        chosen = {**self.settings(options), **workers.hooks()}

        class Application(BaseApplication):  # type: ignore[misc]
            def load_config(self) -> None:
                for name, value in chosen.items():
                    self.cfg.set(name, value)

            def load(self) -> Callable[..., Any]:
                return workers.load()

        try:
            Arbiter(Application()).run()
        except SystemExit as stop:
            return _exit_code(stop.code)
        return 0

    def settings(self, options: ServeOptions) -> dict[str, Any]:
        """Return gunicorn's settings for these options."""
        host = f"[{options.host}]" if ":" in options.host else options.host
        return {
            "bind": f"{host}:{options.port}" if options.listen_fd is None else f"fd://{options.listen_fd}",
            "workers": options.workers,
            "worker_class": self.worker_class,
            "threads": options.threads,
            "worker_connections": max(1000, options.threads * 4),
            "keepalive": KEEP_ALIVE_S,
            "graceful_timeout": max(1, math.ceil(options.grace_s)),
            "preload_app": False,  # an HTTP client that was used before the fork hangs after it
            "worker_tmp_dir": _SHARED_MEMORY if Path(_SHARED_MEMORY).is_dir() else None,
            "control_socket_disable": True,
            "loglevel": "warning",
            "accesslog": None,
        }


class GeventServer(GunicornServer):
    """gunicorn with greenlets: a stream costs a greenlet, but one native call that blocks stops the whole worker."""

    name: ClassVar[str] = "gevent"
    package: ClassVar[str | None] = "gevent"
    extra: ClassVar[str] = "gevent"
    worker_class: ClassVar[str] = "gevent"
    capabilities: ClassVar[Capabilities] = Capabilities(
        production=True,
        workers=True,
        keeps_connections=True,
        bounded_threads=False,
        drain_delay=False,
        respawns=True,
        patches=True,
    )

    def settings(self, options: ServeOptions) -> dict[str, Any]:
        greenlets = options.threads + options.stream_limit
        return {
            **super().settings(options),
            "threads": 1,
            "worker_connections": max(1000, greenlets),
            "keepalive": GEVENT_KEEP_ALIVE_S,
        }


class Workers:
    """gunicorn's hooks: each runs in a worker, after the fork.

    Args:
        options: How the service is served.
    """

    def __init__(self, options: ServeOptions) -> None:
        self._options = options
        self._parent_pid = os.getpid()
        self._worker: Worker | None = None
        self._told = False

    def hooks(self) -> dict[str, Callable[..., None]]:
        """Return the hooks by gunicorn's names."""
        return {"post_worker_init": self.begin, "worker_exit": self.end}

    def load(self) -> Callable[..., Any]:
        """Build the application."""
        from gunicorn.arbiter import Arbiter

        try:
            self._worker = Worker(self._options, self._parent_pid)
        except Exception as error:  # noqa: BLE001 - the edge of the process
            report(error)
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from None  # tells gunicorn not to try again
        return self._worker.application()

    def begin(self, _worker: Any) -> None:
        """Start the background work and put the drain before gunicorn's own handlers."""
        if self._worker is None:
            return
        self._worker.start()
        for signum in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
            signal.signal(signum, self._before(signal.getsignal(signum)))
            signal.siginterrupt(signum, False)

    def end(self, _server: Any, _worker: Any) -> None:
        """Wait for the background work before the worker exits."""
        if self._worker is not None:
            self._worker.drain.begin()
            self._worker.drain.join(self._options.grace_s)

    def _before(self, then: Any) -> Callable[[int, Any], None]:
        """Return a handler for the first signal alone.

        gunicorn's own takes the lock of the thread pool, and a second signal that interrupts it there waits for good.
        """

        def on_signal(signum: int, frame: Any) -> None:
            if self._worker is None or self._told:
                return
            self._told = True
            self._worker.drain.bell.ring(signum)
            if callable(then):
                then(signum, frame)

        return on_signal


def _exit_code(code: object) -> int:
    """Return ours for gunicorn's: it uses 3 for a worker and 4 for an application that does not start."""
    if isinstance(code, int):
        return 3 if code in (3, 4) else code
    if code is not None:
        sys.stderr.write(f"{code}\n")
    return 1 if code else 0
