"""Calls to a module that lives in another process: HTTP/JSON with the caller's context."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from decant.context import CallContext, call_key, current
from decant.contracts import Contract, ContractInfo, Declared, argument_binder, make_client
from decant.errors import RemoteCallError
from decant.http.operations import compile_operation
from decant.idempotency import HEADER as IDEMPOTENCY_HEADER
from decant.ids import new_span_id
from decant.observe.calls import CallObserver
from decant.observe.tracing import format_baggage, format_traceparent
from decant.rpc.answers import read_answer
from decant.rpc.transports import Transport

SERVICE_TOKEN_HEADER = "Decant-Service-Token"  # noqa: S105 - the header's name
DEADLINE_HEADER = "Decant-Deadline-Ms"


class TokenIssuer(Protocol):
    """Signs what a service shows another service."""

    def issue(self, audience: str) -> str:
        """Return a token for the service named ``audience``."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """Where a module's service answers.

    Attributes:
        service: The service's name, the audience of the token.
        url: Its base address, without a slash at the end.
        timeout_s: Seconds for a call that has no deadline of its own.
    """

    service: str
    url: str
    timeout_s: float = 10.0


def remote_client(info: ContractInfo, target: Target, transport: Transport, tokens: TokenIssuer) -> Contract:
    """Return a client that calls a contract's operations over HTTP.

    Args:
        info: The contract.
        target: Where the service answers.
        transport: Sends the requests.
        tokens: Signs them.
    """
    calls = {
        name: _remote_call(info, declared, target, transport, tokens) for name, declared in info.operations.items()
    }
    return make_client(info, calls, kind="Remote")


def _remote_call(
    info: ContractInfo, declared: Declared, target: Target, transport: Transport, tokens: TokenIssuer
) -> Callable[..., Any]:
    operation = compile_operation(
        declared.function, name=declared.name, declaration=declared.declaration, injector=None, skip_self=True
    )
    bind, observe = argument_binder(declared), CallObserver(declared.name, "remote").finish

    def call(*args: Any, **kwargs: Any) -> Any:
        context = current.get()
        context.check_deadline(declared.name)
        wire = operation.encode_request(bind(args, kwargs))
        span_id = new_span_id()
        timeout_s = _time_left(context, target.timeout_s)
        headers = {**wire.headers, **_headers(context, span_id, timeout_s)}
        if (key := call_key.get()) is not None:
            headers[IDEMPOTENCY_HEADER] = key
        headers[SERVICE_TOKEN_HEADER] = tokens.issue(target.service)
        url = f"{target.url}{wire.path}?{wire.query}" if wire.query else f"{target.url}{wire.path}"
        started = time.time_ns()
        try:
            answer = transport.send(operation.method, url, headers, wire.body, timeout_s=timeout_s)
            result = read_answer(info, operation, answer)
        except BaseException as error:
            if isinstance(error, RemoteCallError):
                error.operation = error.operation or declared.name
            observe(context, span_id, started, error)
            raise
        observe(context, span_id, started, None)
        return result

    return call


def _time_left(context: CallContext, timeout_s: float) -> float:
    left = context.remaining_s()
    return timeout_s if left is None else min(left, timeout_s)


def _headers(context: CallContext, span_id: str, timeout_s: float) -> dict[str, str]:
    headers = {DEADLINE_HEADER: str(max(1, int(timeout_s * 1000))), "Accept": "application/json"}
    if context.trace_id:
        headers["traceparent"] = format_traceparent(context.trace_id, span_id, context.sampled, context.trace_random)
        if context.trace_state:
            headers["tracestate"] = context.trace_state
    if context.request_id:
        headers["X-Request-ID"] = context.request_id
    if context.authorization:
        headers["Authorization"] = context.authorization
    if context.baggage:
        headers["baggage"] = format_baggage(context.baggage)
    return headers
