"""Times as RFC 3339 has them, in UTC, with the part down to the second made once per second."""

from __future__ import annotations

from datetime import UTC, datetime

_MILLIS = tuple(f"{millis:03d}Z" for millis in range(1000))
_last: tuple[int, str] = (-1, "")


def rfc3339(seconds: float) -> str:
    """Return seconds since 1970 as ``2026-11-21T12:34:56.789Z``."""
    global _last
    whole = int(seconds)
    known = _last
    if known[0] != whole:
        known = _last = (whole, datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S."))
    return known[1] + _MILLIS[int((seconds - whole) * 1000)]
