"""The ``tracestate`` header (W3C Trace Context, levels 1 and 2): other vendors' data, passed on."""

from __future__ import annotations

import re

MAX_MEMBERS = 32
MAX_CHARS = 4096
"""What is passed on; the standard asks for 512 at least. Beyond it members are left out, as it says how."""

LONG_MEMBER_CHARS = 128

# Level 2 allows a digit first; `tenant@system` keeps the lengths of level 1, which all its tests hold.
_KEY = r"(?:[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
_VALUE = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER = re.compile(f"(?P<key>{_KEY})=(?P<value>{_VALUE})")


def parse_tracestate(*headers: str | None) -> str:
    """Return a request's ``tracestate`` as it is to be passed on, or "" when it is not valid.

    A single wrong member, a repeated key or more than 32 members make the whole of it invalid; the
    trace itself goes on.

    Args:
        headers: Every header of that name in the order received; one that a server joined by commas is the same.

    Source:
        https://www.w3.org/TR/trace-context-2/#tracestate-header
    """
    members = [member for header in headers if header for part in header.split(",") if (member := part.strip(" \t"))]
    if len(members) > MAX_MEMBERS:
        return ""
    keys = set()
    for member in members:
        match = _MEMBER.fullmatch(member)
        if match is None or match["key"] in keys:
            return ""
        keys.add(match["key"])
    return _fit(members)


def with_member(trace_state: str, key: str, value: str) -> str:
    """Return a valid ``tracestate`` with one member of our own set: in front, once, the oldest dropped if need be.

    Raises:
        ValueError: When the key or the value is not allowed there.
    """
    member = f"{key}={value}"
    if _MEMBER.fullmatch(member) is None:
        raise ValueError(f"{member!r} cannot be a tracestate member: see the key and value rules of W3C Trace Context.")
    others = [other for other in trace_state.split(",") if other and other.partition("=")[0] != key]
    return _fit([member, *others[: MAX_MEMBERS - 1]])


def _fit(members: list[str]) -> str:
    """Join members; when that is too long, leave out long ones first, then the oldest, which are the last."""
    joined = ",".join(members)
    while len(joined) > MAX_CHARS:
        long = [index for index, member in enumerate(members) if len(member) > LONG_MEMBER_CHARS]
        del members[long[-1] if long else -1]
        joined = ",".join(members)
    return joined
