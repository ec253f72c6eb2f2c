"""Traces: the W3C headers that carry them, light spans, and their way to a collector."""

from decant.observe.tracing.baggage import format_baggage, parse_baggage
from decant.observe.tracing.otlp import OtlpExporter, encode_spans, exporter_from_environ
from decant.observe.tracing.spans import (
    CLIENT,
    CONSUMER,
    INTERNAL,
    PRODUCER,
    SERVER,
    Exporter,
    Span,
    SpanBuffer,
    drain,
    record,
    spans,
)
from decant.observe.tracing.traceparent import TraceParent, format_traceparent, parse_traceparent
from decant.observe.tracing.tracestate import parse_tracestate, with_member

__all__ = [
    "CLIENT",
    "CONSUMER",
    "INTERNAL",
    "PRODUCER",
    "SERVER",
    "Exporter",
    "OtlpExporter",
    "Span",
    "SpanBuffer",
    "TraceParent",
    "drain",
    "encode_spans",
    "exporter_from_environ",
    "format_baggage",
    "format_traceparent",
    "parse_baggage",
    "parse_traceparent",
    "parse_tracestate",
    "record",
    "spans",
    "with_member",
]
