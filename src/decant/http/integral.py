"""``5.0`` where an integer is wanted: in JSON it is the same number as ``5``, and some clients write it so.

Strict validation refuses it, so it is only looked for after a refusal: requests that are right pay nothing.

Source: RFC 8259, section 6; JSON Schema 2020-12 core, section 4.2.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pydantic_core


def with_integers(raw: bytes, error: pydantic_core.ValidationError) -> bytes | None:
    """Return the body with integers where whole floats stood in the way, or None where none did.

    Args:
        raw: The body as it came.
        error: What pydantic has against it.
    """
    places = [
        found["loc"]
        for found in error.errors(include_url=False, include_context=False)
        if found["type"] == "int_type" and _is_whole(found["input"])
    ]
    if not places:
        return None
    document = [pydantic_core.from_json(raw)]
    for place in places:
        _convert(document, 0, place)
    return pydantic_core.to_json(document[0])


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer() and -(2.0**63) <= value < 2.0**63


def _convert(parent: Any, key: Any, place: Iterable[int | str]) -> None:
    """Follow a place down from ``parent[key]``; names that are no keys are pydantic's, of a union's branch."""
    for part in place:
        child = parent[key]
        if (isinstance(child, dict) and part in child) or (isinstance(child, list) and isinstance(part, int)):
            parent, key = child, part
    if _is_whole(parent[key]):
        parent[key] = int(parent[key])
