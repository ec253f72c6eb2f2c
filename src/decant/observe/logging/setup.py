"""Set the standard library's logging up, once, in the process's entry point."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import IO, Literal, TypeAlias

from decant.errors import SettingsError
from decant.observe.logging.access import LOGGER, AccessLog
from decant.observe.logging.formatters import JsonFormatter, PrettyFormatter
from decant.observe.logging.sink import LineSink

Format = Literal["auto", "json", "pretty"]
Remember: TypeAlias = Callable[[logging.LogRecord], None]
"""Takes each record that was written, once more. Never raises."""

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

# Servers log each request themselves, where one access line is enough; Alembic tells of its own inside.
_QUIET = ("werkzeug", "granian.access", "gunicorn.access", "alembic")


class LineHandler(logging.Handler):
    """Writes each record as one line with one ``write``. Never raises."""

    def __init__(self, sink: LineSink, formatter: JsonFormatter) -> None:
        super().__init__()
        self.sink = sink
        self.formatter: JsonFormatter = formatter
        self.remember: Remember | None = None

    def createLock(self) -> None:  # noqa: N802 - logging's own name
        """Do without a lock: one write per line is enough."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        self.sink.write(self.formatter.line(record))
        if self.remember is not None:
            self.remember(record)


def configure(
    level: str | int = "INFO",
    format: Format = "auto",  # noqa: A002 - the setting's name
    *,
    service: str = "",
    stream: IO[str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Send all logs to one stream, in one format. Calling it again replaces what it did before.

    Args:
        level: The least level that is logged.
        format: ``json``, ``pretty``, or ``auto``: pretty on a terminal, JSON elsewhere.
        service: Named in every line.
        stream: Where lines go; standard output by default.
        environ: Looked at for ``NO_COLOR``, ``FORCE_COLOR`` and ``TERM``.

    Raises:
        SettingsError: For a level or a format that does not exist.
    """
    number = _level(level)
    if format not in ("auto", "json", "pretty"):
        raise SettingsError([f"The log format {format!r} does not exist: use auto, json or pretty."])
    sink = LineSink(stream)
    terminal = sink.is_terminal()
    formatter = (
        PrettyFormatter(service, colour=_colour(terminal, environ))
        if format == "pretty" or (format == "auto" and terminal)
        else JsonFormatter(service)
    )
    root = logging.getLogger()
    for handler in tuple(root.handlers):
        if isinstance(handler, LineHandler):
            root.removeHandler(handler)
    root.addHandler(LineHandler(sink, formatter))
    root.setLevel(number)
    logging.captureWarnings(True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _level(level: str | int) -> int:
    number = level if isinstance(level, int) else logging.getLevelNamesMapping().get(level.strip().upper())
    if number is None:
        raise SettingsError([f"The log level {level!r} does not exist: use one of {', '.join(LEVELS)}."])
    return number


def _colour(terminal: bool, environ: Mapping[str, str]) -> bool:
    """Decide on colours as https://no-color.org and https://force-color.org say."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return terminal and environ.get("TERM") != "dumb"


def _handler() -> LineHandler | None:
    return next((handler for handler in logging.getLogger().handlers if isinstance(handler, LineHandler)), None)


def remember(keep: Remember) -> None:
    """Give each record to ``keep`` too, once it is written; nothing happens before :func:`configure`."""
    handler = _handler()
    if handler is not None:
        handler.remember = keep


def configured() -> bool:
    """Return whether :func:`configure` has been called in this process."""
    return _handler() is not None


def access_log() -> AccessLog:
    """Return the access log that fits how logging is set up now.

    After :func:`configure` lines are written directly; otherwise, or once ``decant.access`` has a
    handler of its own, they go through that logger.
    """
    handler = _handler()
    if handler is None or logging.getLogger(LOGGER).handlers:
        return AccessLog()
    return AccessLog(handler.sink, handler.formatter)
