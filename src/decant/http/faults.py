"""What is wrong with a request, field by field, and how pydantic's findings become that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypedDict

import pydantic_core

from decant.errors import ValidationError

MOST_FAULTS = 1000
"""Faults named in one answer: a body of a megabyte could have half a million."""
LONGEST_FIELD = 200
"""Characters of a field's path in an answer; names of unknown fields are the client's own."""


class Fault(TypedDict):
    """One bad field: where, what in words, and what as a stable code (pydantic's where it has one)."""

    field: str
    message: str
    code: str


class Refusal(ValueError):
    """A text that cannot be what it should be. Never holds the text itself, which may be a secret."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def at(self, field: str) -> Fault:
        """Return it as a fault of a field."""
        return fault(field, self.message, self.code)


NUL = Refusal("nul_character", "NUL characters are not allowed")
INTEGER_SIZE = Refusal("int_parsing_size", "Integers beyond 64 bits are not allowed")
DOT_SEGMENT = Refusal("path_segment", "A path segment cannot be '.' or '..'")
NOT_FINITE = Refusal("finite_number", "Input should be a finite number")


def fault(field: str, message: str, code: str) -> Fault:
    """Return one fault."""
    return {"field": field[:LONGEST_FIELD], "message": message, "code": code}


def faults_of(error: pydantic_core.ValidationError, where: str, known: Collection[str] = ()) -> Iterable[Fault]:
    """Yield pydantic's findings as faults, without the values.

    Args:
        error: What pydantic raised.
        where: What the field names begin with, for instance ``body``.
        known: Fields that have a fault already, and need no second one.
    """
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join((where, *map(str, found["loc"])))
        if field not in known:
            yield fault(field, found["msg"], found["type"])


def invalid(faults: Sequence[Fault]) -> ValidationError:
    """Return the error that names every bad field."""
    count = len(faults)
    more = f"; the first {MOST_FAULTS} are listed" if count > MOST_FAULTS else ""
    detail = f"The request is not valid: {count} {'field is' if count == 1 else 'fields are'} wrong{more}."
    return ValidationError(detail, errors=faults[:MOST_FAULTS])
