"""One call of an operation: a metric by its outcome and a span, for a microsecond."""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING, Any, Literal

from decant.errors import DecantError
from decant.observe.metrics import calls
from decant.observe.tracing.spans import CLIENT, INTERNAL, spans

if TYPE_CHECKING:
    from collections.abc import Callable

    from decant.context import CallContext

Mode = Literal["direct", "strict", "remote"]


class CallObserver:
    """Counts and records the calls of one operation.

    Args:
        operation: Its name, for instance ``catalog.get_product``.
        mode: How it is called.
    """

    __slots__ = ("_attributes", "_kind", "_observe_ok", "_operation", "_record", "mode")

    def __init__(self, operation: str, mode: Mode) -> None:
        self.mode = mode
        self._operation = operation
        self._kind = CLIENT if mode == "remote" else INTERNAL
        self._attributes = {"decant.operation": operation, "decant.mode": mode}
        self._observe_ok: Callable[[float], None] = calls.child(operation, mode, "ok").observe
        self._record = spans.record

    def finish(
        self, context: CallContext, span_id: str, started_ns: int, error: BaseException | None, attempts: int = 1
    ) -> None:
        """Note that a call is over.

        Args:
            context: The caller's context, whose span is the parent.
            span_id: The call's own span.
            started_ns: When it began, from :func:`time.time_ns`.
            error: What it raised, or None.
            attempts: How often it was sent; 0 for a call that was refused before.
        """
        ended_ns = time_ns()
        if error is None:
            self._observe_ok((ended_ns - started_ns) / 1e9)
            if spans.recording and context.sampled and context.trace_id:
                self._record(
                    self._operation, self._kind, context.trace_id, span_id, context.span_id,
                    started_ns, ended_ns, self._attributes_with(attempts),
                )  # fmt: skip
        else:
            self._finish_failed(context, span_id, started_ns, ended_ns, error, attempts)

    def _attributes_with(self, attempts: int) -> dict[str, Any]:
        return self._attributes if attempts == 1 else {**self._attributes, "decant.attempts": attempts}

    def _finish_failed(
        self,
        context: CallContext,
        span_id: str,
        started_ns: int,
        ended_ns: int,
        error: BaseException,
        attempts: int,
    ) -> None:
        code = error.code if isinstance(error, DecantError) else "internal"
        calls.child(self._operation, self.mode, code).observe((ended_ns - started_ns) / 1e9)
        if spans.recording and context.sampled and context.trace_id:
            # The class and no more: a message may hold what a user typed.
            told = {"error.type": type(error).__qualname__, "decant.code": code}
            attributes = {**self._attributes_with(attempts), **told}
            self._record(
                self._operation, self._kind, context.trace_id, span_id, context.span_id,
                started_ns, ended_ns, attributes, f"{type(error).__qualname__} ({code})",
            )  # fmt: skip
