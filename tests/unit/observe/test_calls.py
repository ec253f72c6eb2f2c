"""A call of an operation leaves a metric by its outcome and a span."""

from __future__ import annotations

from collections.abc import Iterator
from time import time_ns

import pytest

from decant.context import CallContext
from decant.errors import ConflictError
from decant.observe.calls import CallObserver
from decant.observe.metrics import calls
from decant.observe.tracing import CLIENT, INTERNAL, Span, SpanBuffer, spans

CONTEXT = CallContext("4bf92f3577b34da6a3ce929d0e0e4736", "1" * 16)


@pytest.fixture
def recorded() -> Iterator[SpanBuffer]:
    def keep(batch: object) -> None:
        pass

    spans.drain()
    spans.add_exporter(keep)
    yield spans
    spans.remove_exporter(keep)
    spans.drain()


def count(operation: str, mode: str, outcome: str) -> float:
    samples = calls.child(operation, mode, outcome).collect()[0].samples
    return next(sample.value for sample in samples if sample.name.endswith("_count"))


def finish(mode: str, error: BaseException | None, context: CallContext = CONTEXT) -> None:
    CallObserver("shop.op", mode).finish(context, "2" * 16, time_ns() - 1000, error)


def test_a_call_that_returned_is_counted_as_ok() -> None:
    before = count("shop.op", "direct", "ok")
    finish("direct", None)
    assert count("shop.op", "direct", "ok") == before + 1


@pytest.mark.parametrize(("error", "outcome"), [(ConflictError(), "conflict"), (KeyError("x"), "internal")])
def test_a_call_that_raised_is_counted_by_the_errors_code(error: Exception, outcome: str) -> None:
    before = count("shop.op", "remote", outcome)
    finish("remote", error)
    assert count("shop.op", "remote", outcome) == before + 1


@pytest.mark.parametrize(("mode", "kind"), [("direct", INTERNAL), ("remote", CLIENT)])
def test_the_span_hangs_below_the_callers(recorded: SpanBuffer, mode: str, kind: int) -> None:
    finish(mode, None)
    (span,) = recorded.drain()
    assert isinstance(span, Span)
    assert (span.name, span.kind, span.span_id, span.parent_id, span.error) == (
        "shop.op",
        kind,
        "2" * 16,
        "1" * 16,
        None,
    )


def test_the_span_of_a_failed_call_tells_the_class_and_not_the_message(recorded: SpanBuffer) -> None:
    finish("direct", KeyError("4111111111111111"))
    (span,) = recorded.drain()
    assert span.error == "KeyError (internal)"
    assert "4111" not in repr(span)


@pytest.mark.parametrize("context", [CallContext(), CONTEXT.replace(sampled=False)])
def test_no_span_outside_a_trace_or_when_it_is_not_recorded(recorded: SpanBuffer, context: CallContext) -> None:
    finish("direct", None, context)
    assert recorded.drain() == []
