"""Which headers pass, in both directions.

A client's header passes when its name is letters, digits and hyphens and is not one that only the gateway may set:
names with ``_`` or other signs become one of those in WSGI and CGI servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

Field = tuple[bytes, bytes]
AnswerField = tuple[bytes, bytes, bytes]
"""A name in lower case, as sent, and the value."""

HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer trailers "
    b"transfer-encoding upgrade http2-settings".split()
)
"""RFC 9110, 7.6.1, and what is used like them."""

_OURS = frozenset(
    b"host content-length expect forwarded via x-real-ip x-request-id traceparent tracestate x-original-url "
    b"x-original-host x-original-uri x-rewrite-url x-client-ip x-cluster-client-ip true-client-ip x-host".split()
)
_OUR_PREFIXES = (b"x-forwarded", b"x-user", b"x-role", b"decant-")
_NEVER_NAMED = frozenset(b"host content-length content-type close keep-alive".split())
_plain = re.compile(rb"[a-z0-9-]+").fullmatch
_NAMES_KEPT = 4_096

_FRAMING = (b"transferencoding", b"contentlength")
_not_letters = re.compile(rb"[^a-z]+")

twins: set[bytes] = set()
"""Names seen so far that some server could read as one that frames a message: ``transfer_encoding``."""

_lowered: dict[bytes, bytes] = {}
lowered = _lowered.get
"""Names seen before, in lower case; None for others."""

_passing: dict[bytes, bool] = {}


def lower(name: bytes) -> bytes:
    """Return a header's name in lower case; those seen before are looked up."""
    found = _lowered.get(name)
    if found is None:
        found = name.lower()
        if _is_twin(found):
            if len(twins) == _NAMES_KEPT:
                twins.clear()
            twins.add(found)  # and not kept below: seen again, it is added again
        elif len(_lowered) < _NAMES_KEPT:
            _lowered[name] = found
    return found


def _is_twin(name: bytes) -> bool:
    return _not_letters.sub(b"", name) in _FRAMING and name not in (b"transfer-encoding", b"content-length")


def _passes(name: bytes) -> bool:
    ours = name in HOP_BY_HOP or name in _OURS or name.startswith(_OUR_PREFIXES)
    found = not ours and _plain(name) is not None
    if len(_passing) < _NAMES_KEPT:
        _passing[name] = found
    return found


def passing_fields(fields: Iterable[Field]) -> list[Field]:
    """Return the headers of a request that are sent on.

    Left out are hop-by-hop headers and those that ``Connection`` names, framing, whatever only the gateway may say
    about a client (``X-Forwarded-*``, ``Forwarded``, ``X-User*``, ``X-Role*``, ``Decant-*`` and their likes), and
    every name with another sign than letters, digits and hyphens.

    Args:
        fields: Names in lower case.
    """
    get = _passing.get
    kept: list[Field] = []
    connection = False
    for field in fields:
        name = field[0]
        passes = get(name)
        if passes is None:
            passes = _passes(name)
        if passes:
            kept.append(field)
        elif name == b"connection":
            connection = True
    if connection:
        named = connection_names(fields)
        if named:
            kept = [field for field in kept if field[0] not in named]
    return kept


def connection_names(fields: Iterable[Field]) -> frozenset[bytes]:
    """Return the headers that ``Connection`` names, in lower case, without those that nobody may take out."""
    values = [value for name, value in fields if name == b"connection"]
    if values in ([b"keep-alive"], [b"close"]):
        return frozenset()
    return frozenset(part.strip(b" \t").lower() for value in values for part in value.split(b",")) - _NEVER_NAMED


def answer_fields(fields: Sequence[AnswerField]) -> Sequence[AnswerField]:
    """Return the headers of an answer that are sent on."""
    for field in fields:
        if field[0] in HOP_BY_HOP:
            break
    else:
        return fields
    named = connection_names((low, value) for low, _, value in fields)
    return [field for field in fields if field[0] not in HOP_BY_HOP and field[0] not in named]
