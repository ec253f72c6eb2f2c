"""A line that a process wrote, as fields: those of its JSON, or text with the time it arrived."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from decant.observe.logging import PrettyFormatter

Fields = dict[str, Any]

LEVELS = ("debug", "info", "warning", "error", "critical")
MAX_LINE_BYTES = 256 * 1024
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_GUESS = re.compile(r"\b(CRITICAL|ERROR|WARNING|DEBUG)\b|^(Traceback )|^(error)\b|^\w*(Error|Exception)\b")


def now_text() -> str:
    """Return the time as log lines have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_line(raw: bytes, process: str) -> Fields:
    """Return a line as fields; ``process`` names who wrote it.

    Shape:
        ``process``, ``time`` (RFC 3339, UTC), ``message``, ``level`` (None where nobody knows), and whatever else its
        JSON has. ``raw`` is true for a line that was no JSON.
    """
    text = raw.decode("utf-8", "replace").rstrip("\r\n")
    if text.startswith("{"):
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):  # no JSON, or deeper than anybody reads
            fields = None
        if isinstance(fields, dict) and isinstance(fields.get("message"), str) and isinstance(fields.get("time"), str):
            level = str(fields.get("level", "info")).lower()
            return {**fields, "level": level, "logger": str(fields.get("logger", "")), "process": process}
    plain = _UNSAFE.sub(lambda found: f"\\x{ord(found[0]):02x}", _ANSI.sub("", text))
    return {"process": process, "time": now_text(), "level": _guess(plain), "message": plain, "raw": True}


def write_line(fields: Fields) -> bytes:
    """Return fields as the line that log files hold."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"


def _guess(text: str) -> str | None:
    found = _GUESS.search(text)
    return (found[1] or "error").lower() if found else None


def is_at_least(fields: Fields, level: str) -> bool:
    """Return whether a line is as severe as asked; one whose level nobody knows counts as ``info``."""
    own = fields.get("level")
    return LEVELS.index(own if own in LEVELS else "info") >= LEVELS.index(level)


class Painter:
    """Makes lines for people: an aligned name, then the line.

    Args:
        width: Characters that names are aligned to.
        colour: Whether to use ANSI colours.
    """

    _COLOURS = ("36", "35", "34", "33", "32", "96", "95", "94", "93", "92")

    def __init__(self, width: int, *, colour: bool) -> None:
        self.width = width
        self.colour = colour
        self._pretty = PrettyFormatter(colour=colour)
        self._seen: dict[str, str] = {}

    def paint(self, fields: Fields) -> str:
        """Return a line, newline included; a traceback has lines of its own."""
        rest = {name: value for name, value in fields.items() if name not in {"process", "service", "raw", "span_id"}}
        text = f"{str(fields['time'])[11:-1]} {fields['message']}" if fields.get("raw") else self._pretty.pretty(rest)
        head = self.name(str(fields["process"]))
        return "".join(f"{head} | {line}\n" for line in text.rstrip("\n").split("\n"))

    def name(self, process: str) -> str:
        """Return a name, aligned and in its colour."""
        padded = process.ljust(self.width)
        if not self.colour:
            return padded
        colour = self._seen.setdefault(process, self._COLOURS[len(self._seen) % len(self._COLOURS)])
        return f"\x1b[{colour}m{padded}\x1b[0m"
