"""A Flask view that answers ``jsonify``, bare and with the kit, part by part."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, jsonify

from benchmarks.variants.wsgi import caller, silence
from decant.kit import Kit, KitSettings
from decant.observe.tracing import encode_spans, spans

Measured = tuple[Callable[[], object], Callable[[], object] | None]
HEADERS = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "X-Request-ID": "a3ce929d0e0e4736"}
RESOURCE = {"service.name": "bench"}


def _app() -> Flask:
    app = Flask("bench")

    @app.get("/products/<product_id>")
    def product(product_id: str) -> Response:
        return jsonify(id=product_id, name="Lamp", price_cents=1999, stock=3)

    return app


def _with_kit(settings: KitSettings, *, record: bool) -> Measured:
    silence()
    app = _app()
    Kit(app, settings=settings, environ={})
    if not record:
        return caller(app, "/products/p1", headers=HEADERS), None

    def export(batch: object) -> None:
        encode_spans(batch, RESOURCE)  # type: ignore[arg-type]

    spans.add_exporter(export)
    return caller(app, "/products/p1", headers=HEADERS), spans.flush


def bare() -> Measured:
    """Return Flask alone."""
    return caller(_app(), "/products/p1", headers=HEADERS), None


def full() -> Measured:
    """Return everything on: spans are encoded for OTLP too."""
    return _with_kit(KitSettings(log_format="json"), record=True)


def no_spans() -> Measured:
    """Return the kit as it is without a collector."""
    return _with_kit(KitSettings(log_format="json"), record=False)


def no_log() -> Measured:
    return _with_kit(KitSettings(log_format="json", access_log=False), record=False)


def no_metrics() -> Measured:
    return _with_kit(KitSettings(log_format="json", access_log=False, metrics=False), record=False)


def context_only() -> Measured:
    """Return the hooks, the context and the request id."""
    settings = KitSettings(log_format="json", access_log=False, metrics=False, security_headers=False)
    return _with_kit(settings, record=False)


def opentelemetry() -> Measured:
    """Return OpenTelemetry's own Flask instrumentation: spans alone, no log, no metrics of ours."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans as encode
    from opentelemetry.instrumentation.flask import FlaskInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Encode(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:
            encode(spans).SerializeToString()  # type: ignore[arg-type]
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Encode(), max_queue_size=65536))
    trace.set_tracer_provider(provider)
    app = _app()
    FlaskInstrumentor().instrument_app(app)
    return caller(app, "/products/p1", headers=HEADERS), provider.force_flush


def empty_hooks() -> Measured:
    """Return Flask with three hooks that do nothing: the floor of anything built on hooks."""
    app = _app()

    def before() -> None:
        return None

    def after(response: Response) -> Response:
        return response

    def teardown(error: BaseException | None) -> None:
        return None

    app.before_request(before)
    app.after_request(after)
    app.teardown_request(teardown)
    return caller(app, "/products/p1", headers=HEADERS), None
