"""Call a WSGI application in process, as a server would: an environ in, the body read, the response closed."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.test import create_environ


def caller(app: Flask, path: str, *, headers: dict[str, str] | None = None, expect: int = 200) -> Callable[[], object]:
    """Return a function that sends one GET request to ``app``.

    Raises:
        SystemExit: When the first answer has another status than expected: then there is nothing to measure.
    """
    base = create_environ(path, headers={"Accept": "*/*", **(headers or {})})
    base["wsgi.errors"] = sys.stderr
    wsgi = app.wsgi_app
    status_seen: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        status_seen[:] = [status]

    def call() -> object:
        environ = base.copy()
        environ["wsgi.input"] = io.BytesIO()
        body = wsgi(environ, start_response)  # type: ignore[arg-type]
        for _ in body:
            pass
        close = getattr(body, "close", None)
        if close is not None:
            close()
        return body

    call()
    if not status_seen or not status_seen[0].startswith(str(expect)):
        raise SystemExit(f"{path} answered {status_seen}, expected {expect}")
    return call


def silence() -> None:
    """Send standard output, where the access log goes, to /dev/null: a pipe would wake its reader at every line."""
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - stays open as long as the process
