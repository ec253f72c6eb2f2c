"""Prometheus metrics that cost about a microsecond: label children are looked up once and kept.

Names and labels are OpenTelemetry's semantic conventions in Prometheus spelling, so that ready-made
dashboards fit. One histogram per thing carries all of RED: its ``_count`` is the rate, by status the
errors, its buckets the duration.

========================================  =======================================================
``http_server_request_duration_seconds``  ``http_request_method``, ``http_route``,
                                          ``http_response_status_code``
``decant_call_duration_seconds``          ``operation``, ``mode`` (direct, remote), ``outcome``
                                          (``ok`` or the error's code)
``decant_requests_refused_total``         ``reason`` (``overloaded``, ``deadline-exceeded``): answered without
                                          running
``decant_spans_dropped_total``            spans that were recorded and could not be delivered
``decant_exceptions_total``               ``exception``: classes that nobody handled
``decant_sign_ins_total``                 ``event``, ``outcome`` (``success``, ``refused``, ``failed``)
``decant_db_pool_in_use``                 ``module``: database connections that a call holds, those that
``decant_db_pool_open``                   are open, and those that may be
``decant_db_pool_limit``
``decant_saga_step_duration_seconds``     ``module``, ``saga``, ``step``, ``outcome`` (``ok`` or the error's code)
``decant_sagas``                          ``module``, ``saga``, ``state``: sagas that have not ended
========================================  =======================================================
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from decant.observe.multiprocess import MULTIPROCESS, remove_dead_gauges
from decant.observe.tracing.spans import spans

UNMATCHED = "<unmatched>"
"""The route label of paths that no rule matches: one value, however many paths are tried."""

OTHER = "<other>"
"""What new label values become once a metric has :data:`MAX_CHILDREN` of them."""

MAX_CHILDREN = 5000
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"})
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""The bounds that OpenTelemetry recommends for durations."""

M = TypeVar("M", bound=MetricWrapperBase)


class Family(Generic[M]):
    """A metric with labels whose children are kept, since ``labels()`` costs more than counting.

    Args:
        metric: The metric; made once per process and name.
    """

    __slots__ = ("_children", "metric")

    def __init__(self, metric: M) -> None:
        self.metric = metric
        self._children: dict[tuple[str, ...], M] = {}

    def child(self, *labels: str) -> M:
        """Return the child for these label values; beyond :data:`MAX_CHILDREN` all new ones share one."""
        found = self._children.get(labels)
        if found is None:
            if len(self._children) >= MAX_CHILDREN:
                labels = (OTHER,) * len(labels)
            found = self._children.setdefault(labels, self.metric.labels(*labels))
        return found


def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
    """Return the counter of that name, made when it is first asked for."""
    return _once(name, lambda: Counter(name, text, labels))


def histogram(name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = BUCKETS_S) -> Histogram:
    """Return the histogram of that name, made when it is first asked for."""
    return _once(name, lambda: Histogram(name, text, labels, buckets=buckets))


def gauge(name: str, text: str, labels: Sequence[str] = (), *, shared: bool = False) -> Gauge:
    """Return the gauge of that name, made when it is first asked for.

    With several workers it shows their sum, or the newest value where they all measure the one thing (``shared``).
    """
    mode: Literal["livesum", "livemostrecent"] = "livemostrecent" if shared else "livesum"
    return _once(name, lambda: Gauge(name, text, labels, multiprocess_mode=mode))


_made: dict[str, Any] = {}


def _once(name: str, make: Callable[[], M]) -> M:
    made = _made.get(name)
    if made is None:
        made = _made[name] = make()
    return made


requests: Family[Histogram] = Family(
    histogram(
        "http_server_request_duration_seconds",
        "Duration of HTTP requests, by route template.",
        ("http_request_method", "http_route", "http_response_status_code"),
    )
)
calls: Family[Histogram] = Family(
    histogram(
        "decant_call_duration_seconds",
        "Duration of calls to operations of modules, as the caller sees them.",
        ("operation", "mode", "outcome"),
    )
)
exceptions: Family[Counter] = Family(
    counter("decant_exceptions_total", "Exceptions that nobody handled, by class.", ("exception",))
)
spans_dropped = counter("decant_spans_dropped_total", "Spans that were recorded and could not be delivered.")


def method_label(method: str) -> str:
    """Return a request method as a label: anything that is not standard is ``OTHER``."""
    return method if method in METHODS else "OTHER"


def render() -> tuple[bytes, str]:
    """Return all metrics in Prometheus' text format, and its content type.

    With several workers the answer is the sum over all of them, those that died included, whichever
    worker is asked.
    """
    _count_dropped_spans()
    folder = os.environ.get(MULTIPROCESS)
    if not folder:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    from prometheus_client.multiprocess import MultiProcessCollector

    remove_dead_gauges(Path(folder))
    # A registry of its own: what this worker holds is in the files too and would count twice.
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


_counted = [os.getpid(), 0]
_counting = threading.Lock()


def _count_dropped_spans() -> None:
    """Bring the counter up to the buffer's own count, which is kept apart so that recording stays cheap."""
    with _counting:
        pid, before = _counted
        dropped = spans.dropped
        spans_dropped.inc(max(0, dropped - (before if pid == os.getpid() else 0)))
        _counted[:] = [os.getpid(), dropped]
