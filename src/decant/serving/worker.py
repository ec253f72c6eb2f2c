"""What happens in a worker process before its first request, whatever server runs it."""

from __future__ import annotations

import gc
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from decant.errors import DecantError
from decant.serving.base import ServeOptions
from decant.serving.draining import Drain, draining
from decant.serving.process import die_with_parent

logger = logging.getLogger("decant.serving")

SWITCH_S: Final = 0.001
"""Seconds for which a thread that computes may keep the interpreter from one that waits for it. With the usual five, a
refusal waits behind whole requests: 60 ms (p99) in place of 35 where five times too much is asked for."""


class Worker:
    """One worker's application and its orderly end.

    Args:
        options: How the service is served.
        parent_pid: The server's own process, which the worker does not outlive; None where they are the same.
    """

    def __init__(self, options: ServeOptions, parent_pid: int | None) -> None:
        if parent_pid is not None:
            die_with_parent(parent_pid)
        self.options = options
        with _not_collected():
            self.app: Any = options.target.load()
        self._limit_streams()
        self.drain = Drain(self.app, options.grace_s, work=options.background)

    def application(self) -> Callable[..., Any]:
        """Return what the server calls: the application behind its bound on requests at once."""
        from decant.serving.admission import Places
        from decant.serving.front import Front

        sys.setswitchinterval(SWITCH_S)
        return Front(self.app, Places(self.options.places), draining(self.app))

    def start(self) -> None:
        """Start the application's background work."""
        self.drain.start()
        logger.info("serving %s on http://%s:%s", self.options.target.label, self.options.host, self.options.port)

    def _limit_streams(self) -> None:
        from flask import Flask

        from decant.serving.streams import limit_streams

        if isinstance(self.app, Flask):
            limit_streams(self.app, self.options.stream_limit)


@contextmanager
def _not_collected() -> Iterator[None]:
    """Have the collector leave alone what an application is made of, now and later.

    It would go through all modules and models again and again while they are made, a fifth of the start, and through
    them all once more in some request. Next to nothing of it is garbage: one collection at the end takes a tenth of a
    second, and the process is no smaller after it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()


def report(error: BaseException) -> None:
    """Say why the application could not be built: a mistake of ours by its text, any other with its traceback."""
    if not isinstance(error, DecantError):
        traceback.print_exception(error)
        return
    hint = f"help: {error.hint}\n" if error.hint else ""
    sys.stderr.write(f"error[{error.code}]: {error.detail}\n{hint}")
