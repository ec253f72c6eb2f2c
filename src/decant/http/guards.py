"""What no JSON body may hold, whatever its type: NUL characters, integers beyond 64 bits, infinities.

The bytes are scanned first, which costs next to nothing; only a hit makes a second parse worth while.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import pydantic_core

from decant.http.faults import INTEGER_SIZE, NOT_FINITE, NUL, Fault, Refusal
from decant.http.texts import INT64_MAX, INT64_MIN

# A regular expression over every byte costs three times the parsing itself; mapping bytes to classes and
# looking for a run of digits costs a fiftieth of that.
_CLASSES = bytes(
    ord("0") if chr(byte) in "0123456789" else ord("e") if chr(byte) in "eE" else byte for byte in range(256)
)
_DIGITS = b"0" * 19
_huge_exponent = re.compile(rb"[:,\[\s]-?[0-9.]+e\+?000|^-?[0-9.]+e\+?000").search


def suspicious(raw: bytes) -> bool:
    """Return whether a body may hold something forbidden. False is certain, True is not."""
    classes = raw.translate(_CLASSES)
    return (
        _DIGITS in classes
        or b"\\u0000" in raw
        or b"NaN" in raw
        or b"Infinity" in raw
        or ((b"0e000" in classes or b"0e+000" in classes) and _huge_exponent(classes) is not None)
    )


def forbidden(raw: bytes, where: str) -> Iterator[Fault]:
    """Yield a fault for each forbidden value in a body.

    Raises:
        ValueError: When the body is not JSON: ``NaN`` and ``Infinity`` are pydantic's, not JSON's.
    """
    yield from _walk(pydantic_core.from_json(raw, allow_inf_nan=False), where)


def _walk(value: Any, where: str) -> Iterator[Fault]:
    if isinstance(value, dict):
        for key, item in value.items():
            if "\0" in key:
                yield NUL.at(f"{where}.{key.replace(chr(0), '')}")
            yield from _walk(item, f"{where}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{where}.{index}")
    else:
        refusal = _refusal(value)
        if refusal is not None:
            yield refusal.at(where)


def _refusal(value: Any) -> Refusal | None:
    if isinstance(value, str):
        return NUL if "\0" in value else None
    if isinstance(value, int):
        return None if INT64_MIN <= value <= INT64_MAX else INTEGER_SIZE
    return NOT_FINITE if isinstance(value, float) and math.isinf(value) else None
