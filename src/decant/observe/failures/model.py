"""What there is to say about a failure that went through several modules, in one process or in many."""

from __future__ import annotations

from dataclasses import dataclass

MAX_STEPS = 64
MAX_LINES = 100
MAX_DEPTH = 8
MAX_MESSAGE_CHARS = 2000
MAX_TEXT_CHARS = 300
"""Of everything else: a name, a path, a line of source or of a log."""


@dataclass(frozen=True, slots=True)
class Step:
    """One place that the failure went through.

    Attributes:
        service: The process.
        operation: What ran there, for instance ``orders.place``.
        file: The path of the source file, relative to the working directory where it lies below.
        line: The line's number, 0 where there is none.
        function: The function's name.
        source: The line itself.
        error: The class of the exception; "" where the one below only passed through.
        message: What the exception says.
        depth: How many exception groups it lies in.
    """

    service: str = ""
    operation: str = ""
    file: str = ""
    line: int = 0
    function: str = ""
    source: str = ""
    error: str = ""
    message: str = ""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line that a service logged while it worked on the request; ``time`` in seconds since 1970."""

    time: float = 0.0
    service: str = ""
    level: str = ""
    logger: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A chain across processes: from where the request came in, to where it went wrong.

    Attributes:
        steps: Outermost first.
        lines: What was logged for the request, in the order of time.
    """

    steps: tuple[Step, ...] = ()
    lines: tuple[Line, ...] = ()

    @property
    def processes(self) -> int:
        """How many services it went through."""
        return len({step.service for step in self.steps})
