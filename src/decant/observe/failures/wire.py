"""A failure as a member of a problem document, for the service that asked: bounded, and believed in nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from typing import Any, TypeVar

from orjson import dumps

from decant.observe.failures.model import (
    MAX_DEPTH,
    MAX_LINES,
    MAX_MESSAGE_CHARS,
    MAX_STEPS,
    MAX_TEXT_CHARS,
    Failure,
    Line,
    Step,
)
from decant.observe.logging import text_of

VERSION = 1
MAX_BYTES = 32 * 1024
_MAX_NUMBER = 10**9
_T = TypeVar("_T", Step, Line)


def to_wire(failure: Failure) -> dict[str, Any]:
    """Return a failure as plain JSON values, at most 32 KiB of them.

    What does not fit is left out: the oldest log lines first, then long messages, then the steps in the middle.

    Shape:
        ``version`` (1); ``steps`` and ``lines``, lists of objects with the attributes of :class:`Step` and
        :class:`Line`, empty ones left out.
    """
    document = _document(failure)
    for smaller in (*[_half_the_lines] * 8, _short_messages, *[_half_the_steps] * 6):
        if len(dumps(document)) <= MAX_BYTES:
            break
        failure = smaller(failure)
        document = _document(failure)
    return document


def _document(failure: Failure) -> dict[str, Any]:
    return {
        "version": VERSION,
        "steps": [_filled(step) for step in failure.steps],
        "lines": [_filled(line) for line in failure.lines],
    }


def _filled(part: Step | Line) -> dict[str, Any]:
    return {name: value for name, value in asdict(part).items() if value}


def _half_the_lines(failure: Failure) -> Failure:
    return replace(failure, lines=failure.lines[(len(failure.lines) + 1) // 2 :])


def _short_messages(failure: Failure) -> Failure:
    steps = tuple(replace(step, message=step.message[:MAX_TEXT_CHARS]) for step in failure.steps)
    return replace(failure, steps=steps)


def _half_the_steps(failure: Failure) -> Failure:
    steps = failure.steps
    quarter = max(1, len(steps) // 4)
    return replace(failure, steps=(*steps[:quarter], *steps[-quarter:]) if len(steps) > 2 else steps[-1:])


def from_wire(value: object) -> Failure | None:
    """Return the failure that a peer sent, or None for anything else. Never raises.

    Args:
        value: The member as it was decoded from JSON; of another version, it is ignored.
    """
    if not isinstance(value, Mapping) or value.get("version") != VERSION or value.get("version") is True:
        return None
    steps = _parts(value.get("steps"), Step, MAX_STEPS)
    if not steps:
        return None
    return Failure(steps, _parts(value.get("lines"), Line, MAX_LINES))


def _parts(found: object, kind: type[_T], limit: int) -> tuple[_T, ...]:
    if not isinstance(found, list):
        return ()
    return tuple(_part(kind, entry) for entry in found[:limit] if isinstance(entry, Mapping))


def _part(kind: type[_T], entry: Mapping[str, Any]) -> _T:
    values = {field.name: _READERS[field.name](entry.get(field.name)) for field in fields(kind)}
    return kind(**values)


def _text(value: object) -> str:
    return text_of(value[:MAX_TEXT_CHARS]) if isinstance(value, str) else ""


def _message(value: object) -> str:
    return text_of(value[:MAX_MESSAGE_CHARS]) if isinstance(value, str) else ""


def _number(value: object) -> int:
    return min(max(value, 0), _MAX_NUMBER) if isinstance(value, int) and not isinstance(value, bool) else 0


def _depth(value: object) -> int:
    return min(_number(value), MAX_DEPTH)


def _time(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    try:
        seconds = float(value)
    except OverflowError:
        return 0.0
    return seconds if math.isfinite(seconds) and 0 <= seconds <= 10 * _MAX_NUMBER else 0.0


_READERS: Mapping[str, Callable[[object], Any]] = {
    **dict.fromkeys(("service", "operation", "file", "function", "source", "error", "level", "logger"), _text),
    "message": _message,
    "line": _number,
    "depth": _depth,
    "time": _time,
}
