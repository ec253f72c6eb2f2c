"""A log record as a line: JSON for machines, colours for people."""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any

import orjson

from decant.context import CallContext, current
from decant.observe.logging.clock import rfc3339
from decant.observe.logging.redact import clean, mask_text, text_of

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_OWN = frozenset({
    "time", "level", "logger", "message", "service", "request_id", "trace_id", "span_id", "caller",
    "exception", "stack",
})  # fmt: skip
_LEVELS = {"WARNING": "warning", "INFO": "info", "DEBUG": "debug", "ERROR": "error", "CRITICAL": "critical"}
MAX_STACK_CHARS = 32_768
INSTEAD = "decant_instead"
"""The ``extra`` of a record that has a text to show in place of its exception's stack."""

# orjson escapes what is below a space; these move a terminal's cursor or end a line in some viewers too.
_UNSAFE_BYTES = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]")
_UNSAFE_CHARS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _escaped(match: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(match[0].decode())


def dump_line(fields: dict[str, Any]) -> bytes:
    """Return plain JSON values as one line, free of anything that a terminal or a viewer would act on."""
    line = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
    return line if line.isascii() and b"\x7f" not in line else _UNSAFE_BYTES.sub(_escaped, line)


def one_line(text: str) -> str:
    """Return a text in which line ends and terminal codes are shown, not obeyed."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE_CHARS.sub(lambda match: f"\\x{ord(match[0]):02x}" if match[0] != "\n" else "\\n", text)


def context_fields(context: CallContext) -> dict[str, Any]:
    """Return what the call in progress adds to each line; nothing outside of one."""
    fields: dict[str, Any] = {}
    if context.request_id:
        fields["request_id"] = context.request_id
    if context.trace_id:
        fields["trace_id"], fields["span_id"] = context.trace_id, context.span_id
    caller = context.caller
    if caller.subject or caller.service:
        fields["caller"] = {
            name: text_of(value) for name, value in (("subject", caller.subject), ("service", caller.service)) if value
        }
    return fields


def record_fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return a record's ``extra`` values, ready to be written; names that are taken get a ``_`` behind."""
    return {
        (f"{name}_" if name in _OWN else name): clean(name, value)
        for name, value in vars(record).items()
        if name not in _STANDARD and name != INSTEAD
    }


def message_of(record: logging.LogRecord) -> str:
    """Return a record's message with its arguments put in; a wrong format shows both instead of raising."""
    try:
        return mask_text(text_of(record.getMessage()))
    except Exception:  # noqa: BLE001 - a log line never breaks what it tells about
        return mask_text(text_of(f"{record.msg!s} % {clean('', record.args)}"))


def exception_fields(error: BaseException, instead: str | None = None) -> dict[str, Any]:
    """Return an exception as fields: its class, its message, and the stack as text, or another one in its place."""
    stack = "".join(traceback.format_exception(error)) if instead is None else instead
    if len(stack) > MAX_STACK_CHARS:  # the end is where it happened
        stack = f"… {stack[-MAX_STACK_CHARS:]}"
    return {
        "type": f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins."),
        "message": clean("", error).partition(": ")[2],
        "stacktrace": mask_text(stack.encode("utf-8", "backslashreplace").decode()),
    }


class JsonFormatter(logging.Formatter):
    """One JSON object per line.

    Args:
        service: Named in every line.

    Shape:
        ``time`` (RFC 3339, UTC), ``level``, ``logger``, ``message``, ``service``; within a call
        ``request_id``, ``trace_id``, ``span_id``, ``caller``; then the record's ``extra``;
        ``exception`` with ``type``, ``message``, ``stacktrace``.
    """

    def __init__(self, service: str = "") -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        return self.line(record).decode().rstrip("\n")

    def line(self, record: logging.LogRecord) -> bytes:
        """Return the record's line as it is written. Never raises."""
        try:
            return dump_line(self._fields(record))
        except Exception as error:  # noqa: BLE001 - a log line never breaks what it tells about
            return dump_line({
                "time": rfc3339(record.created), "level": "error", "logger": "decant.observe",
                "message": f"a record cannot be written: {type(error).__name__}",
            })  # fmt: skip

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "time": rfc3339(record.created),
            "level": _LEVELS.get(record.levelname) or text_of(record.levelname).lower(),
            "logger": text_of(record.name),
            "message": message_of(record),
        }
        if self.service:
            fields["service"] = self.service
        fields |= context_fields(current.get())
        fields |= record_fields(record)
        if record.exc_info and record.exc_info[1] is not None:
            fields["exception"] = exception_fields(record.exc_info[1], getattr(record, INSTEAD, None))
        if record.stack_info:
            fields["stack"] = mask_text(text_of(record.stack_info))
        return fields


_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}


class PrettyFormatter(JsonFormatter):
    """A line for people: time, level, logger, message, then ``name=value``; tracebacks below.

    Args:
        service: Named in every line.
        colour: Whether to use ANSI colours.
    """

    def __init__(self, service: str = "", *, colour: bool = False) -> None:
        super().__init__(service)
        self.colour = colour

    def line(self, record: logging.LogRecord) -> bytes:
        try:
            return self.pretty(self._fields(record)).encode("utf-8", "backslashreplace")
        except Exception:  # noqa: BLE001 - a log line never breaks what it tells about
            return super().line(record)

    def pretty(self, fields: dict[str, Any]) -> str:
        """Return the fields of a line as text, newline included."""
        fields = dict(fields)
        exception, stack = fields.pop("exception", None), fields.pop("stack", None)
        level = fields.pop("level")
        parts = [
            self._paint("2", str(fields.pop("time"))[11:-1]),
            self._paint(_COLOURS.get(level, "0"), f"{level:<8}"),
            self._paint("1", one_line(str(fields.pop("message")))),
            self._paint("2", one_line(f"[{fields.pop('logger')}]")),
        ]
        parts += [f"{self._paint('36', one_line(name))}={one_line(_shown(value))}" for name, value in fields.items()]
        lines = [" ".join(parts)]
        for below in (exception and exception["stacktrace"], stack):
            lines += [f"    {one_line(text)}" for text in str(below).rstrip("\n").split("\n")] if below else ()
        return "\n".join(lines) + "\n"

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
