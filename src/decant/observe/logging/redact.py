"""What may be logged: secrets hidden at any depth, every value turned into plain JSON, nothing raised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

MASK = "***"
MAX_DEPTH = 8
MAX_ITEMS = 200
MAX_CHARS = 16_384

_SECRET_KEYS = re.compile(
    r"passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|signing[_-]?key|access[_-]?key"
    r"|authori[sz]ation|cookie|credential|session[_-]?id|card[_-]?number|\bcvv\b|\bcvc\b|\bpan\b|\bdsn\b|jwt",
    re.IGNORECASE,
)
# Every repetition that can fail late is bounded: log text comes from outside, and a search must stay linear.
# Greedy up to the last @: a password may hold anything, and hiding too much is the safe side.
_USER_INFO = re.compile(r"(?P<start>\b[A-Za-z][A-Za-z0-9+.\-]{0,20}://[^:/@\s]{0,200}:)\S{0,500}(?=@)")
_BEARER = re.compile(r"\b(?P<start>(?:Bearer|Basic|Digest)\s+)[A-Za-z0-9+/=._~\-]{6,}", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[A-Za-z0-9_\-]{4,2000}\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*")
_HEADER = re.compile(r"\b(?P<start>(?:Set-)?Cookie\s*:\s*|(?:Proxy-)?Authorization\s*:\s*)[^\r\n]+", re.IGNORECASE)
_PAIR = re.compile(
    r"(?P<start>(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key)[\"']?\s*[=:]\s*)"
    r"(?:\"[^\"]*\"|'[^']*'|[^\s,;&}\"')]+)",
    re.IGNORECASE,
)
# What pydantic and SQLAlchemy say of the values they refused: those are a user's, whatever they are.
_INPUT = re.compile(r"(?P<start>\binput_value=)[^\n]{0,500}?(?=, input_type=)")
_PARAMETERS = re.compile(r"(?P<start>\[parameters: )[^\n]+")
_PATTERNS = (_HEADER, _USER_INFO, _BEARER, _PAIR, _INPUT, _PARAMETERS)
_CARD = re.compile(r"(?<![\d.])[3-6]\d{3}(?:[ -]?\d){9,15}(?!\d)")
_SUSPICIOUS = re.compile(
    r"://\S{0,700}@|bearer|basic|digest|cookie|authorization|eyJ|passw|passphrase|secret|token|api[_-]?key|private[_-]?key"
    r"|input_value=|\[parameters|[3-6]\d{3}[ -]?\d",
    re.IGNORECASE,
).search


def is_secret_key(key: str) -> bool:
    """Return whether a field of that name is never shown."""
    return _SECRET_KEYS.search(key) is not None


def mask_text(text: str) -> str:
    """Hide what looks like a credential in running text: URL passwords, bearer tokens, ``password=…``."""
    if _SUSPICIOUS(text) is None:
        return text
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<start>{MASK}", text)
    return _CARD.sub(_mask_card, _JWT.sub(MASK, text))


def _mask_card(match: re.Match[str]) -> str:
    """Hide a number of a payment card, known by its check digit (ISO/IEC 7812); keep other long numbers."""
    digits = [int(digit) for digit in match[0] if digit.isdigit()]
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return MASK if total % 10 == 0 else match[0]


def clean(key: str, value: Any, depth: int = 0) -> Any:
    """Return a value as plain JSON types, secrets hidden, cut where it is deep or long. Never raises.

    Args:
        key: The name it is logged under; a secret's name hides the value.
        value: Anything.
        depth: How deep it lies.
    """
    if value is not None and not isinstance(value, bool) and is_secret_key(key):
        return MASK
    try:
        return _plain(key, value, depth)
    except Exception:  # noqa: BLE001 - a log line must never break what it tells about
        return f"<{type(value).__name__} that cannot be shown>"


def _plain(key: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, Enum):
        return _plain(key, value.value, depth + 1)
    if isinstance(value, int):
        return _plain_integer(int(value))
    if isinstance(value, str):
        return mask_text(text_of(value))
    if depth >= MAX_DEPTH:
        return f"<{type(value).__name__}, too deep>"
    if isinstance(value, Mapping):
        return {text_of(str(name)): clean(str(name), item, depth + 1) for name, item in _some(value.items())}
    if isinstance(value, list | tuple | AbstractSet):
        return [clean("", item, depth + 1) for item in _some(value)]
    return _shown(key, value, depth)


def _plain_integer(value: int) -> int | str:
    if not -(2**63) <= value < 2**64:
        return text_of(hex(value))
    return MASK if value >= 10**12 and mask_text(str(value)) == MASK else value


def _some(items: Any) -> list[Any]:
    return list(items)[:MAX_ITEMS]


def _shown(key: str, value: Any, depth: int) -> Any:
    if hasattr(value, "get_secret_value"):
        return MASK
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, UUID | PurePath):
        return text_of(str(value))
    if isinstance(value, BaseException):
        return mask_text(text_of(f"{type(value).__name__}: {value}"))
    if hasattr(value, "model_dump"):
        return _plain(key, value.model_dump(), depth + 1)
    return mask_text(text_of(str(value)))


def text_of(text: str) -> str:
    """Return a text that can be encoded as UTF-8 and is not endless."""
    if len(text) > MAX_CHARS:
        text = f"{text[:MAX_CHARS]}… ({len(text)} characters)"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
