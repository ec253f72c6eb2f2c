"""Which request and which trace it is: taken from the client where that is sound, begun here otherwise."""

from __future__ import annotations

import re

from decant.context import NO_BAGGAGE, NOBODY, CallContext
from decant.gateway.framing import RequestHead
from decant.ids import new_request_id, new_span_id, new_trace_id
from decant.observe.tracing.spans import spans
from decant.observe.tracing.traceparent import format_traceparent, parse_traceparent
from decant.observe.tracing.tracestate import parse_tracestate

_request_id = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}").fullmatch


class Identity:
    """The ids of one request.

    Attributes:
        request_id: As sent on, and told to the client.
        trace_id: 32 hexadecimal digits.
        span_id: The gateway's own span.
        parent_id: The client's span, or "".
        sampled: Whether the trace is recorded.
    """

    __slots__ = ("_random", "_state", "parent_id", "request_id", "sampled", "span_id", "trace_id")

    def __init__(self, head: RequestHead) -> None:
        named = head.named
        asked = _only(head, b"x-request-id") if b"x-request-id" in named else None
        traceparents = _only(head, b"traceparent") if b"traceparent" in named else None
        self.request_id = asked.decode() if asked and _request_id(asked) else new_request_id()
        parent = parse_traceparent(traceparents.decode("latin-1")) if traceparents else None
        self.span_id = new_span_id()
        self._state = ""
        if parent is None:
            self.trace_id, self.parent_id, self.sampled, self._random = new_trace_id(), "", True, True
        else:
            self.trace_id, self.parent_id, self.sampled, self._random = parent
            if b"tracestate" in named:
                self._state = parse_tracestate(*(state.decode("latin-1") for state in head.values(b"tracestate")))

    def lines(self) -> str:
        """Return the headers that tell a service.

        The parent is the gateway's span where that is recorded, and the client's where it is not: a span that nobody
        has would tear the trace in two.
        """
        recorded = self.sampled and spans.recording
        span_id = self.span_id if recorded or not self.parent_id else self.parent_id
        parent = format_traceparent(self.trace_id, span_id, self.sampled, self._random)
        state = f"tracestate: {self._state}\r\n" if self._state else ""
        return f"x-request-id: {self.request_id}\r\ntraceparent: {parent}\r\n{state}"

    def context(self) -> CallContext:
        """Return them as log lines want them."""
        return CallContext(
            self.trace_id,
            self.span_id,
            self.sampled,
            self._state,
            self.request_id,
            None,
            NOBODY,
            None,
            None,
            NO_BAGGAGE,
        )


def _only(head: RequestHead, name: bytes) -> bytes:
    """Return the one header of a name; of several none counts."""
    values = head.values(name)
    return values[0] if len(values) == 1 else b""
