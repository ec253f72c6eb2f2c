"""Logs as one JSON object per line, or for people on a terminal; on the standard library's ``logging``.

Whatever logs through ``logging`` arrives here, structlog included: give it
``logger_factory=structlog.stdlib.LoggerFactory()`` and end its processors with
``structlog.stdlib.render_to_log_kwargs``, so that its fields become ``extra`` and are redacted alike.
"""

from decant.observe.logging.access import AccessLog
from decant.observe.logging.clock import rfc3339
from decant.observe.logging.formatters import INSTEAD, JsonFormatter, PrettyFormatter, message_of, one_line
from decant.observe.logging.redact import MASK, clean, mask_text, text_of
from decant.observe.logging.setup import LineHandler, access_log, configure, configured, remember
from decant.observe.logging.sink import LineSink

__all__ = [
    "INSTEAD",
    "MASK",
    "AccessLog",
    "JsonFormatter",
    "LineHandler",
    "LineSink",
    "PrettyFormatter",
    "access_log",
    "clean",
    "configure",
    "configured",
    "mask_text",
    "message_of",
    "one_line",
    "remember",
    "rfc3339",
    "text_of",
]
