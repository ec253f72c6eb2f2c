"""The access log: one line per request, made and written in about two microseconds."""

from __future__ import annotations

import logging
from time import time
from typing import Any

from orjson import OPT_APPEND_NEWLINE, dumps

from decant.context import NOBODY, CallContext, use
from decant.observe.logging.clock import rfc3339
from decant.observe.logging.formatters import JsonFormatter, PrettyFormatter, context_fields, dump_line
from decant.observe.logging.redact import text_of
from decant.observe.logging.sink import LineSink

LOGGER = "decant.access"
MAX_PATH_CHARS = 1024
SAID = ("method", "path", "status", "span_id")
"""What the message of a pretty access line says already, or nobody reads off a terminal."""

logger = logging.getLogger(LOGGER)


class AccessLog:
    """Writes access lines past :mod:`logging`'s machinery, in the format of the other lines.

    Args:
        sink: Where lines go; None sends them through the logger ``decant.access`` instead.
        formatter: The format of the other lines.
    """

    def __init__(self, sink: LineSink | None = None, formatter: JsonFormatter | None = None) -> None:
        self._sink = sink
        self._service = formatter.service if formatter is not None else ""
        self._pretty = formatter if isinstance(formatter, PrettyFormatter) else None

    def write(  # noqa: PLR0917 - once per request: keywords would cost a tenth of it
        self,
        context: CallContext,
        method: str,
        route: str,
        path: str,
        status: int,
        duration_s: float,
        length: int | None,
    ) -> None:
        """Write one line.

        Args:
            context: The request's context.
            method: The request method.
            route: The template of the route, not the path.
            path: The path, without the query, which may hold secrets.
            status: The answer's status.
            duration_s: Seconds from the first hook to the last byte.
            length: Bytes of the answer's body, or None when they were not counted.
        """
        plain = path.isascii() and path.isprintable() and len(path) <= MAX_PATH_CHARS
        if not plain:
            path = text_of(path[:MAX_PATH_CHARS])
        if self._sink is None or self._pretty is not None:
            fields = {"method": method, "route": route, "path": path, "status": status}
            self._write_slowly(context, {**fields, "duration_ms": int(duration_s * 1e6) / 1000, "bytes": length})
            return
        caller = context.caller
        line = {
            "time": rfc3339(time()),
            "level": "info",
            "logger": LOGGER,
            "message": f"{method} {path} {status}",
            "service": self._service,
            "request_id": context.request_id,
            "trace_id": context.trace_id,
            "span_id": context.span_id,
            "method": method,
            "route": route,
            "path": path,
            "status": status,
            "duration_ms": int(duration_s * 1e6) / 1000,
            "bytes": length,
        }
        if caller is not NOBODY:
            line |= context_fields(context)
            plain = False
        self._sink.write(dumps(line, option=OPT_APPEND_NEWLINE) if plain else dump_line(line))

    def _write_slowly(self, context: CallContext, fields: dict[str, Any]) -> None:
        message = f"{fields['method']} {fields['path']} {fields['status']}"
        if self._sink is None or self._pretty is None:
            _through_logging(context, message, fields)
            return
        head = {"time": rfc3339(time()), "level": "info", "logger": LOGGER, "message": message}
        rest = {"service": self._service, **context_fields(context), **fields}
        for said in SAID:
            rest.pop(said, None)
        line = self._pretty.pretty({**head, **rest})
        self._sink.write(line.encode("utf-8", "backslashreplace"))


def _through_logging(context: CallContext, message: str, fields: dict[str, Any]) -> None:
    if logger.isEnabledFor(logging.INFO):
        with use(context):
            logger.info("%s", message, extra=fields)
