"""A failure for people, as text."""

from __future__ import annotations

from collections.abc import Iterator

from decant.observe.failures.model import Failure, Line, Step
from decant.observe.logging import one_line, rfc3339


def as_text(failure: Failure) -> str:
    """Return a failure as lines: each place, outermost first, and then what was logged.

    Nothing in it is obeyed by a terminal, whoever sent it.
    """
    return "\n".join(_lines(failure))


def _lines(failure: Failure) -> Iterator[str]:
    for number, step in enumerate(failure.steps, 1):
        yield from _of_step(number, step)
    if failure.lines:
        yield "Logged on the way:"
        width = max(len(line.service) for line in failure.lines)
        yield from (f"  {log_line(line, width)}" for line in failure.lines)


def _of_step(number: int, step: Step) -> Iterator[str]:
    indent = "  " * step.depth
    yield one_line(f"{indent}{number}. {title(step)}")
    if step.source:
        yield one_line(f"{indent}     {step.source}")
    if step.error:
        yield from (one_line(f"{indent}   {text}") for text in f"{step.error}: {step.message}".split("\n"))


def title(step: Step) -> str:
    """Return where a step is, in one line."""
    place = f"{step.file}:{step.line} in {step.function}" if step.file else ""
    return " · ".join(part for part in (step.service, step.operation, place) if part)


def log_line(line: Line, width: int = 0) -> str:
    """Return a log line as text, its service padded to ``width``."""
    return one_line(f"{rfc3339(line.time)[11:-1]} {line.service:<{width}} {line.level:<8} {line.message}")
