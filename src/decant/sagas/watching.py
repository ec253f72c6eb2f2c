"""What a saga shows of itself: metrics and spans."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from decant.context import CallContext
from decant.errors import DecantError
from decant.observe.metrics import Family, gauge, histogram
from decant.observe.tracing import INTERNAL, parse_traceparent, spans
from decant.sagas.instance import Instance

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
STATES = ("running", "compensating", "parked")

durations = Family(
    histogram(
        "decant_saga_step_duration_seconds",
        "Duration of steps and compensations of sagas.",
        ("module", "saga", "step", "outcome"),
        BUCKETS_S,
    )
)
sagas = Family(
    gauge("decant_sagas", "Sagas that have not ended, by state; those parked wait for a person.",
          ("module", "saga", "state"), shared=True)
)  # fmt: skip


def observe_step(
    module: str, instance: Instance, name: str, context: CallContext, began_ns: int, error: BaseException | None
) -> None:
    """Note one try of a step.

    Args:
        module: Whose saga it is.
        instance: The saga.
        name: The action's or compensation's name.
        context: Its own context, whose span this is.
        began_ns: From :func:`time.time_ns`.
        error: What it raised, or None.
    """
    ended_ns = time.time_ns()
    code = "ok" if error is None else error.code if isinstance(error, DecantError) else "internal"
    durations.child(module, instance.name, name, code).observe((ended_ns - began_ns) / 1e9)
    if not spans.recording or not context.sampled:
        return
    parent = parse_traceparent(instance.trace)
    attributes = {"decant.saga": instance.name, "decant.saga.id": instance.id, "decant.saga.step": name}
    spans.record(
        f"saga {instance.name}.{name}", INTERNAL, context.trace_id, context.span_id, parent.span_id if parent else "",
        began_ns, ended_ns, attributes, None if error is None else f"{type(error).__qualname__} ({code})",
    )  # fmt: skip


def show_counts(module: str, names: Iterable[str], counts: Mapping[tuple[str, str], int]) -> None:
    """Bring the gauges of a module up to date."""
    for name in names:
        for state in STATES:
            sagas.child(module, name, state).set(counts.get((name, state), 0))
