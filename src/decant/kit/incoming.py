"""What a request says about itself, as the context of its call."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from decant.context import NO_BAGGAGE, NOBODY, CallContext, Caller
from decant.idempotency import parse_key
from decant.ids import new_request_id, new_span_id, new_trace_id
from decant.observe.tracing.baggage import parse_baggage
from decant.observe.tracing.traceparent import parse_traceparent
from decant.observe.tracing.tracestate import parse_tracestate

ARRIVED = "decant.arrived"
"""The environ key of the ``time.monotonic()`` at which a server took the request, where it may have waited since."""

_request_id = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}").fullmatch
_millis = re.compile(r"[0-9]{1,9}").fullmatch
_TAIL = 2**56


def incoming_context(
    environ: Mapping[str, Any], *, deadline_s: float | None = None, sample: float = 1.0
) -> tuple[CallContext, str]:
    """Return the context in which a request is answered, and the span id of its caller ("" for none).

    The trace goes on where ``traceparent`` is valid and begins here otherwise. A request id is taken
    when it is short and plain, so that it can be copied into any log or header. Only a call from
    another service of the workspace (``environ["decant.internal"]``) may set the deadline.

    Args:
        environ: The WSGI environment.
        deadline_s: Seconds for a request that brings no deadline.
        sample: The share of new traces that is recorded.
    """
    get = environ.get
    parent, parent_id, state, random = None, "", "", True
    header = get("HTTP_TRACEPARENT")
    if header is not None:
        parent = parse_traceparent(header)
    if parent is None:
        trace_id = new_trace_id()
        sampled = sample >= 1 or int(trace_id[-14:], 16) < sample * _TAIL
    else:
        trace_id, parent_id, sampled, random = parent
        header = get("HTTP_TRACESTATE")
        if header is not None:
            state = parse_tracestate(header)
    request_id = get("HTTP_X_REQUEST_ID")
    if request_id is None or not _request_id(request_id):
        request_id = new_request_id()
    key, baggage = get("HTTP_IDEMPOTENCY_KEY"), get("HTTP_BAGGAGE")
    internal = get("decant.internal")
    context = CallContext(
        trace_id,
        new_span_id(),
        sampled,
        state,
        request_id,
        _deadline(get("HTTP_DECANT_DEADLINE_MS") if internal else None, deadline_s, get(ARRIVED)),
        internal if isinstance(internal, Caller) else NOBODY,
        get("HTTP_AUTHORIZATION"),
        None if key is None else parse_key(key),
        NO_BAGGAGE if baggage is None else parse_baggage(baggage),
        random,
    )
    return context, parent_id


def _deadline(header: str | None, deadline_s: float | None, arrived: float | None) -> float | None:
    """Return the deadline; what a request waited for its turn counts."""
    began = time.monotonic() if arrived is None else arrived
    if header is not None and _millis(header):
        return began + int(header) / 1000
    return None if deadline_s is None else began + deadline_s
