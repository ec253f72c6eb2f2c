"""Spans to any OpenTelemetry collector: OTLP over HTTP with JSON bodies, on the standard library.

Switched on by ``OTEL_EXPORTER_OTLP_ENDPOINT``, as everywhere; works in the flusher's thread alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from decant.errors import SettingsError
from decant.observe.tracing.spans import Span

Post = Callable[[bytes, Mapping[str, str]], int]
"""Sends one request body with headers and returns the HTTP status; raises ``OSError`` when it cannot."""

SCOPE = "decant"
ERROR = 2
TIMEOUT_S = 5.0
MAX_TEXT_CHARS = 4096
MAX_ANSWER_BYTES = 65_536
_NOT_FINITE = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}


def encode_spans(spans: Sequence[Span], resource: Mapping[str, Any]) -> bytes:
    """Return an ``ExportTraceServiceRequest`` in OTLP's JSON.

    Shape:
        Ids in hexadecimal, 64-bit integers as strings, enumerations as numbers.

    Source:
        https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
    """
    scope_spans = {"scope": {"name": SCOPE}, "spans": [_span(span) for span in spans]}
    body = {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope_spans]}]}
    return orjson.dumps(body)


def _span(span: Span) -> dict[str, Any]:
    name, kind, trace_id, span_id, parent_id, start_ns, end_ns, attributes, error = span
    encoded: dict[str, Any] = {
        "traceId": trace_id,
        "spanId": span_id,
        "name": _text(name),
        "kind": kind,
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(max(start_ns, end_ns)),
        "status": {} if error is None else {"code": ERROR, "message": _text(error)},
    }
    if parent_id:
        encoded["parentSpanId"] = parent_id
    if attributes:
        encoded["attributes"] = _attributes(attributes)
    return encoded


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"stringValue": value} if type(value) is str and value.isascii() else _value(value)}
        for key, value in values.items()
        if value is not None
    ]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return {"intValue": str(value)}
    if isinstance(value, float):
        # proto3's JSON writes infinities as text; orjson would write null.
        return {"doubleValue": value if math.isfinite(value) else _NOT_FINITE[str(value)]}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": _text(str(value))}


def _text(text: str) -> str:
    """Cut a text, and make it encodable."""
    cut = text if len(text) <= MAX_TEXT_CHARS else text[:MAX_TEXT_CHARS]
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode("utf-8")


class OtlpExporter:
    """Posts batches to a collector.

    One attempt each, within the timeout: a collector that is down costs spans, which are counted as
    dropped, and nothing else.

    Args:
        post: Sends a body; see :func:`http_post`.
        resource: What produced the spans; holds at least ``service.name``.
        headers: Sent along, for instance an API key.
    """

    def __init__(self, post: Post, resource: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        self._post = post
        self._resource = dict(resource)
        self._headers = {**(headers or {}), "Content-Type": "application/json"}

    def __call__(self, spans: Sequence[Span]) -> int:
        """Send a batch; return how many spans were lost.

        Raises:
            OSError: When the collector cannot be reached.
        """
        status = self._post(encode_spans(spans, self._resource), self._headers)
        return 0 if 200 <= status < 300 else len(spans)


def http_post(url: str, timeout_s: float = TIMEOUT_S) -> Post:
    """Return a function that posts to ``url``.

    A connection each: two per second at most come from a quiet service, and a kept one would have to
    be closed by somebody, survive forks, and be guessed alive.

    Raises:
        SettingsError: When the URL is not an http one.
    """
    import http.client  # with ssl the slowest import here, and most processes export nothing
    import ssl

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError([f"The OTLP endpoint {url!r} is not an http:// or https:// address."])
    host = parts.hostname
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def connect() -> http.client.HTTPConnection:
        if parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)
        return http.client.HTTPConnection(host, parts.port, timeout=timeout_s)

    def post(body: bytes, headers: Mapping[str, str]) -> int:
        with closing(connect()) as connection:
            try:
                connection.request("POST", target, body, {**headers, "Connection": "close"})
                with connection.getresponse() as answer:
                    answer.read(MAX_ANSWER_BYTES)
                    return answer.status
            except http.client.HTTPException as error:
                raise OSError(f"{url} does not answer as HTTP does: {error!r}") from error

    return post


def exporter_from_environ(
    environ: Mapping[str, str], *, service: str, post: Callable[[str, float], Post] = http_post
) -> OtlpExporter | None:
    """Return the exporter that the standard ``OTEL_*`` variables ask for, or None when they ask for none.

    Read are ``OTEL_EXPORTER_OTLP_[TRACES_]ENDPOINT``, ``…HEADERS``, ``…TIMEOUT`` (milliseconds),
    ``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES``, ``OTEL_SDK_DISABLED`` and ``OTEL_TRACES_EXPORTER=none``.

    Args:
        environ: The environment.
        service: The service's name where the environment gives none.
        post: Makes the sender from an address and a timeout in seconds.

    Raises:
        SettingsError: For an address that is not http, or a timeout that is no number.
    """
    url = environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or _signal_url(environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
    off = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if not url or off or environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return None
    resource = {"service.name": service, **_pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))}
    if environ.get("OTEL_SERVICE_NAME"):
        resource["service.name"] = environ["OTEL_SERVICE_NAME"]
    return OtlpExporter(post(url, _timeout_s(environ)), resource, _pairs(_either(environ, "HEADERS") or ""))


def _signal_url(base: str | None) -> str | None:
    return f"{base.rstrip('/')}/v1/traces" if base else None


def _either(environ: Mapping[str, str], name: str) -> str | None:
    return environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or environ.get(f"OTEL_EXPORTER_OTLP_{name}")


def _timeout_s(environ: Mapping[str, str]) -> float:
    text = _either(environ, "TIMEOUT")
    if not text:
        return TIMEOUT_S
    try:
        timeout_s = float(text) / 1000
    except ValueError:
        timeout_s = 0.0
    if not timeout_s > 0:
        raise SettingsError([f"OTEL_EXPORTER_OTLP_TIMEOUT is {text!r}: give milliseconds, for instance 5000."])
    return timeout_s


def _pairs(text: str) -> dict[str, str]:
    """Read ``a=1,b=2`` with percent-encoded values, as the OpenTelemetry variables have it."""
    pairs: Iterable[tuple[str, str, str]] = (part.partition("=") for part in text.split(","))
    return {name.strip(): unquote(value.strip()) for name, equals, value in pairs if equals and name.strip()}
