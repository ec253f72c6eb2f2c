"""An application on a socket of this machine, in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server


class _Closing(WSGIRequestHandler):
    """Closes the body of an answer whose reader has gone.

    Werkzeug looks for more of the request before it closes the body, and skips the close when that read fails with a
    reset connection: a file would stay open until it is collected.
    """

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        close = getattr((environ or {}).get("tests.body"), "close", None)
        if close is not None:
            close()


@contextmanager
def serving(app: Flask, port: int = 0) -> Iterator[str]:
    """Serve an application from threads on a port of its own; the block gets its address."""

    def kept(environ: dict[str, Any], start_response: Any) -> Any:
        environ["tests.body"] = body = app(environ, start_response)
        return body

    server = make_server("127.0.0.1", port, kept, threaded=True, request_handler=_Closing)
    server.daemon_threads = True  # a stream that is open does not hold the end up
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
