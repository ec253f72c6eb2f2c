"""The ``traceparent`` header (W3C Trace Context, levels 1 and 2)."""

from __future__ import annotations

import re
from typing import NamedTuple

SAMPLED = 0x01
RANDOM = 0x02
"""Level 2: at least the last seven bytes of the trace id are random."""

_PARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?"
).fullmatch
_FLAGS = ("00", "01", "02", "03")


class TraceParent(NamedTuple):
    """What a valid header says.

    Attributes:
        trace_id: 32 lower-case hexadecimal digits, never all zero.
        span_id: 16 of them: the caller's span.
        sampled: Whether the caller records the trace.
        random: Whether the trace id is random (level 2).
    """

    trace_id: str
    span_id: str
    sampled: bool
    random: bool


def parse_traceparent(header: str | None) -> TraceParent | None:
    """Read a ``traceparent`` header.

    Several headers of that name, which a server joins by commas, are as invalid as a wrong one: the
    trace cannot be known, so a new one begins. Of a version that is newer than 00, what version 00
    defines is read and the rest is ignored.

    Returns:
        What it says, or None when there is none or it is not valid.

    Source:
        https://www.w3.org/TR/trace-context-2/#traceparent-header
    """
    if not header:
        return None
    match = _PARENT(header) or _PARENT(header.strip(" \t"))
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if rest is not None and version == "00":
        return None
    bits = int(flags, 16)
    return TraceParent(trace_id, span_id, bool(bits & SAMPLED), bool(bits & RANDOM))


def format_traceparent(trace_id: str, span_id: str, sampled: bool = True, random: bool = True) -> str:
    """Return the header that tells a callee its trace and its parent span.

    Args:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits: the span of the call itself.
        sampled: Whether the trace is recorded.
        random: Whether the trace id is random: true for those made here, as received for others.
    """
    return f"00-{trace_id}-{span_id}-{_FLAGS[sampled | random << 1]}"
