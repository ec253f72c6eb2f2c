"""Read an exception as the chain of places that it went through."""

from __future__ import annotations

import linecache
import os
import sysconfig
from dataclasses import replace
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import TypeAlias

from decant.errors import DecantError, OperationFailed, RemoteCallError
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
from decant.observe.failures.recent import recent
from decant.observe.logging import mask_text, text_of

OPERATION = "decant_operation"
"""A frame that has a variable of this name runs the operation that it names: another module begins there."""

Place: TypeAlias = tuple[FrameType, int]

_OURS = str(Path(__file__).resolve().parents[2]) + os.sep
_LIBRARIES = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib")})


def summary(error: BaseException) -> str:
    """Return what an unexpected exception says, in one text. Never raises."""
    if isinstance(error, DecantError):
        return error.detail
    return f"{type(error).__name__}: {_said(error)}"


def tell(error: BaseException, *, service: str = "", operation: str = "") -> Failure:
    """Return the chain of an exception, with what other processes told of theirs, and the request's log lines.

    Secrets are hidden as they are in logs.

    Args:
        error: What was raised.
        service: The name of this process.
        operation: What runs here: the request's operation, or the handler of an event.
    """
    teller = _Teller(service)
    teller.add(error, operation, 0)
    known = {*recent.of_request(), *teller.lines}
    lines = sorted(known, key=lambda line: line.time)[-MAX_LINES:]
    return Failure(tuple(teller.steps[:MAX_STEPS]), tuple(lines))


class _Teller:
    """Gathers the steps of one exception, of its causes, and of the members of a group."""

    def __init__(self, service: str) -> None:
        self.steps: list[Step] = []
        self.lines: set[Line] = set()
        self._service = service
        self._seen: set[int] = set()

    def add(self, error: BaseException | None, operation: str, depth: int) -> None:
        while error is not None and id(error) not in self._seen and len(self.steps) < MAX_STEPS:
            self._seen.add(id(error))
            operation = self._add_one(error, operation, depth)
            told = error.failure if isinstance(error, RemoteCallError) else None
            if isinstance(told, Failure):
                self.steps += [replace(step, depth=min(MAX_DEPTH, step.depth + depth)) for step in told.steps]
                self.lines.update(told.lines)
                return
            if isinstance(error, BaseExceptionGroup) and depth < MAX_DEPTH:
                for member in error.exceptions:
                    self.add(member, operation, depth + 1)
            error = _cause(error)

    def _add_one(self, error: BaseException, operation: str, depth: int) -> str:
        """Add the steps of one exception; return the operation in which it was raised."""
        places, operation = _places(error, operation)
        steps = [self._step(name, place, depth) for name, place in places]
        if not _passed_through(error):
            last = steps.pop() if steps else Step(self._service, operation, depth=depth)
            kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
            steps.append(replace(last, error=_short(kind), message=mask_text(_said(error))[:MAX_MESSAGE_CHARS]))
        self.steps += steps
        return operation

    def _step(self, operation: str, place: Place, depth: int) -> Step:
        frame, line = place
        file = frame.f_code.co_filename
        source = linecache.getline(file, line, frame.f_globals).strip()
        return Step(
            self._service, _short(operation), _short(_shown(file)), line, _short(frame.f_code.co_name), _short(source),
            depth=depth,
        )  # fmt: skip


def _places(error: BaseException, operation: str) -> tuple[list[tuple[str, Place]], str]:
    """Return the innermost line of each operation on the way, and the operation where the way ends.

    Lines of libraries count only where there are no others.
    """
    places: dict[int, tuple[str, Place]] = {}
    part, last = 0, None
    for frame, line in walk_tb(error.__traceback__):
        entered = frame.f_locals.get(OPERATION)
        if isinstance(entered, str):
            part, operation = part + 1, entered
        last = (operation, (frame, line))
        if _is_own(frame.f_code.co_filename):
            places[part] = last
    found = list(places.values())
    return (found or ([last] if last and not _passed_through(error) else [])), operation


def _passed_through(error: BaseException) -> bool:
    """Return whether an exception only says that another one, which is known, came from the module that was called."""
    return isinstance(error, OperationFailed) and (isinstance(error.failure, Failure) or error.__cause__ is not None)


def _cause(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__


def _is_own(file: str) -> bool:
    """Return whether a file is the application's: neither a library's nor the toolkit's."""
    library = file.startswith((_OURS, *_LIBRARIES, "<")) or "site-packages" in file or "dist-packages" in file
    return not library


def _shown(file: str) -> str:
    try:
        return file.removeprefix(f"{Path.cwd()}{os.sep}")
    except OSError:  # the working directory is gone
        return file


def _said(error: BaseException) -> str:
    try:
        return text_of(str(error))
    except Exception:  # noqa: BLE001 - an exception that cannot even say what it is
        return "<no message>"


def _short(text: str) -> str:
    return mask_text(text_of(text))[:MAX_TEXT_CHARS]


def way(error: BaseException) -> str:
    """Return the operations that a failed call went through, in one line; "" for an error that no call brought.

    Example:
        ``orders.place (orders/service.py:20) > catalog.get_product (catalog/service.py:9)``
    """
    if not isinstance(error, RemoteCallError):
        return ""
    steps = [step for step in tell(error).steps if step.operation]
    stops = dict.fromkeys(f"{step.operation} ({step.file}:{step.line})" for step in steps if step.file)
    return " > ".join(stops)[:MAX_MESSAGE_CHARS]
