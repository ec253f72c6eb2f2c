"""Spans reach an OpenTelemetry collector as OTLP JSON over HTTP."""

from __future__ import annotations

import base64
import json
import math
import socket
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from decant.errors import SettingsError
from decant.observe.tracing import CLIENT, SERVER, OtlpExporter, Span, encode_spans, exporter_from_environ
from decant.observe.tracing.otlp import http_post

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPANS = [
    Span(
        "GET /x",
        SERVER,
        TRACE,
        "00f067aa0ba902b7",
        "",
        1_700_000_000_000_000_001,
        1_700_000_000_000_000_009,
        None,
        None,
    ),
    Span("call", CLIENT, TRACE, "00f067aa0ba902b8", "00f067aa0ba902b7", 5, 4, {"n": 1, "ok": True, "f": 0.5}, "boom"),
]


class Collector:
    """A collector on a free port, which keeps what it gets."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[str, Mapping[str, str], Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.path, dict(self.headers), json.loads(body)))
                self.send_response(outer.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def test_the_encoding_is_what_opentelemetrys_own_schema_reads() -> None:
    document = json.loads(encode_spans(SPANS, {"service.name": "shop"}))
    for span in document["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        # The schema's own JSON has bytes in base64; OTLP says hexadecimal for ids and nothing else.
        for name in ("traceId", "spanId", "parentSpanId"):
            if name in span:
                span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    message = Parse(json.dumps(document), ExportTraceServiceRequest())
    resource = message.resource_spans[0]
    assert resource.resource.attributes[0].key == "service.name"
    assert resource.resource.attributes[0].value.string_value == "shop"
    server, client = resource.scope_spans[0].spans
    assert (server.name, server.kind, server.trace_id.hex()) == ("GET /x", 2, TRACE)
    assert (server.start_time_unix_nano, server.end_time_unix_nano) == (
        1_700_000_000_000_000_001,
        1_700_000_000_000_000_009,
    )
    assert (server.parent_span_id, server.status.code) == (b"", 0)
    assert (client.kind, client.parent_span_id.hex(), client.span_id.hex()) == (
        3,
        "00f067aa0ba902b7",
        "00f067aa0ba902b8",
    )
    assert (client.status.code, client.status.message) == (2, "boom")
    assert client.end_time_unix_nano >= client.start_time_unix_nano
    values = {attribute.key: attribute.value for attribute in client.attributes}
    assert values["n"].int_value == 1
    assert values["ok"].bool_value is True
    assert values["f"].double_value == 0.5


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("x", {"stringValue": "x"}),
        (2**70, {"stringValue": str(2**70)}),
        (-5, {"intValue": "-5"}),
        (math.inf, {"doubleValue": "Infinity"}),
        (-math.inf, {"doubleValue": "-Infinity"}),
        (math.nan, {"doubleValue": "NaN"}),
        (["a", 1], {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "1"}]}}),
        ("\ud800", {"stringValue": "?"}),
        (object, {"stringValue": "<class 'object'>"}),
    ],
)
def test_every_attribute_value_has_an_encoding(value: Any, encoded: dict[str, Any]) -> None:
    span = SPANS[0]._replace(attributes={"key": value})
    document = json.loads(encode_spans([span], {}))
    assert document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] == [{"key": "key", "value": encoded}]


def test_batches_are_posted_with_the_headers_asked_for(collector: Collector) -> None:
    exporter = exporter_from_environ(
        {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b, x=y"},
        service="shop",
    )
    assert exporter is not None
    assert [exporter(SPANS), exporter(SPANS)] == [0, 0]
    path, headers, _ = collector.got[0]
    assert path == "/v1/traces"
    assert (headers["Content-Type"], headers["api-key"], headers["x"]) == ("application/json", "a b", "y")


def test_a_collector_that_refuses_costs_the_batch(collector: Collector) -> None:
    collector.status = 503
    exporter = OtlpExporter(http_post(collector.url, 1.0), {})
    assert exporter(SPANS) == 2


def test_a_collector_that_hangs_is_left_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        exporter = OtlpExporter(http_post(f"http://127.0.0.1:{server.getsockname()[1]}", 0.1), {})
        with pytest.raises(OSError, match="timed out"):
            exporter(SPANS)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "TRUE"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_exported_unless_asked_for(environ: dict[str, str]) -> None:
    assert exporter_from_environ(environ, service="shop") is None


def test_the_standard_variables_are_read() -> None:
    made: list[tuple[str, float]] = []
    sent: list[Any] = []

    def sender(url: str, timeout_s: float) -> Any:
        made.append((url, timeout_s))
        return lambda body, headers: sent.append(json.loads(body)) or 200

    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://ignored",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector.example/custom",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "250",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test,service.name=other",
        "OTEL_SERVICE_NAME": "front",
    }
    exporter = exporter_from_environ(environ, service="shop", post=sender)
    assert exporter is not None
    exporter(SPANS)
    assert made == [("https://collector.example/custom", 0.25)]
    attributes = {
        entry["key"]: entry["value"]["stringValue"] for entry in sent[0]["resourceSpans"][0]["resource"]["attributes"]
    }
    assert attributes == {"service.name": "front", "deployment.environment": "test"}


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_EXPORTER_OTLP_TIMEOUT": "soon"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_EXPORTER_OTLP_TIMEOUT": "0"},
    ],
)
def test_wrong_variables_are_refused_with_the_cure(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"http://|milliseconds"):
        exporter_from_environ(environ, service="shop")
