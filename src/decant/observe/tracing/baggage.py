"""The ``baggage`` header (W3C Baggage): names and values that travel along with a call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

MAX_MEMBERS = 64
MAX_BYTES = 8192

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
_PLAIN = re.compile(r"[A-Za-z0-9._~-]*", re.ASCII)  # needs no quoting, and asking first takes an eighth of the time
_SAFE = "!#$&'()*+-./:<=>?@[]^_`{|}~"  # baggage-octet without the percent sign


def parse_baggage(*headers: str | None) -> dict[str, str]:
    """Read ``baggage`` headers, in the order received.

    What is not valid is left out and the rest is kept; so is what goes beyond 64 members or 8192
    bytes. Properties of members (after ``;``) are not kept. Of a repeated name the last value counts.

    Source:
        https://www.w3.org/TR/baggage/
    """
    found: dict[str, str] = {}
    left = MAX_BYTES
    for part in (part for header in headers if header for part in header.split(",")):
        left -= len(part) + 1
        if left < -1:  # the last member has no comma after it
            break
        name, equals, rest = part.partition("=")
        name, value = name.strip(" \t"), rest.partition(";")[0].strip(" \t")
        if not equals or _TOKEN.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            continue
        if name in found or len(found) < MAX_MEMBERS:
            found[name] = unquote(value, errors="replace")
    return found


def format_baggage(baggage: Mapping[str, str]) -> str:
    """Return the header for a mapping; what goes beyond the limits of the standard is left out, last first.

    Raises:
        ValueError: For a name that cannot be one, since it was chosen in code.
    """
    members: list[str] = []
    size = -1
    for name, value in baggage.items():
        if _TOKEN.fullmatch(name) is None:
            raise ValueError(f"{name!r} cannot be a baggage name: use letters, digits, '.', '-' and '_'.")
        text = value if _PLAIN.fullmatch(value) else quote(value, safe=_SAFE, errors="replace")
        member = f"{name}={text}"
        size += len(member) + 1
        if size > MAX_BYTES or len(members) == MAX_MEMBERS:
            break
        members.append(member)
    return ",".join(members)
