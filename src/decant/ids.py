"""Identifiers: cheap ones for requests and traces, sortable ones for rows and events."""

from __future__ import annotations

import os
import random
import time
import uuid

# A generator of our own, so that a test which seeds `random` does not repeat ids. It is not for
# secrets. A forked worker must not repeat its parent's ids, hence the hook.
_random = random.Random()
os.register_at_fork(after_in_child=_random.seed)


def new_trace_id() -> str:
    """Return 32 hexadecimal digits, never all zero (W3C Trace Context)."""
    return (_random.getrandbits(128) or 1).to_bytes(16, "big").hex()


def new_span_id() -> str:
    """Return 16 hexadecimal digits, never all zero (W3C Trace Context)."""
    return (_random.getrandbits(64) or 1).to_bytes(8, "big").hex()


def new_request_id() -> str:
    """Return 16 hexadecimal digits that name one request in the logs."""
    return _random.getrandbits(64).to_bytes(8, "big").hex()


def new_id() -> str:
    """Return a UUID version 7: unique, and sorted by time of creation to a quarter of a microsecond.

    Source: RFC 9562, 6.2, method 3: what is left of the millisecond stands in place of the first random bits.
    """
    millis, rest_ns = divmod(time.time_ns(), 1_000_000)
    value = (millis & (2**48 - 1)) << 80 | 0x7 << 76 | (rest_ns << 12) // 1_000_000 << 64
    return str(uuid.UUID(int=value | 0b10 << 62 | _random.getrandbits(62)))
