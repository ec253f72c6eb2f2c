"""What a check found, in the form that editors and people jump to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One broken rule.

    Args:
        path: File, relative to the folder that was checked; a module or package name where there is no file.
        line: Line, from 1; 0 for the whole file.
        rule: Stable slug of the rule.
        message: What is wrong and what to do instead.
    """

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.rule}: {self.message}"


def report(violations: Iterable[Violation]) -> str:
    """Return one line per violation, in the order of the files, each once."""
    return "\n".join(str(violation) for violation in sorted(set(violations)))
