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
from decant.rpc.policy import DEFAULT, MARGIN_S, Edge, Tries, Upstream
from decant.rpc.policy.again import may_repeat
from decant.rpc.transports import Answer, Transport

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
        others: The base addresses of its other replicas.
    """

    service: str
    url: str
    others: tuple[str, ...] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        """Every base address."""
        return (self.url, *self.others)


def remote_client(
    info: ContractInfo, target: Target, transport: Transport, tokens: TokenIssuer, edge: Edge | None = None
) -> Contract:
    """Return a client that calls a contract's operations over HTTP.

    Args:
        info: The contract.
        target: Where the service answers.
        transport: Sends the requests.
        tokens: Signs them.
        edge: What is done when the other side is slow or down; by default an edge of its own with the defaults.
    """
    edge = edge or Edge("-", Upstream(info.module, target.urls, DEFAULT.breaker), DEFAULT)
    calls = {
        name: _remote_call(info, declared, target.service, transport, tokens, edge)
        for name, declared in info.operations.items()
    }
    return make_client(info, calls, kind="Remote")


def _remote_call(
    info: ContractInfo, declared: Declared, service: str, transport: Transport, tokens: TokenIssuer, edge: Edge
) -> Callable[..., Any]:
    operation = compile_operation(
        declared.function, name=declared.name, declaration=declared.declaration, injector=None, skip_self=True
    )
    bind, observe = argument_binder(declared), CallObserver(declared.name, "remote").finish
    method, transmit, make_call = operation.method, transport.send, edge.call
    unkeyed, keyed = may_repeat(declared, keyed=False), may_repeat(declared, keyed=True)

    def call(*args: Any, **kwargs: Any) -> Any:
        context = current.get()
        context.check_deadline(declared.name)
        wire = operation.encode_request(bind(args, kwargs))
        span_id = new_span_id()
        headers = wire.headers
        _add_context(headers, context, span_id)
        if (key := call_key.get()) is not None:
            headers[IDEMPOTENCY_HEADER] = key
        headers[SERVICE_TOKEN_HEADER] = tokens.issue(service)
        path = f"{wire.path}?{wire.query}" if wire.query else wire.path

        def send(base: str, left_s: float) -> Answer:
            headers[DEADLINE_HEADER] = str(int((left_s - MARGIN_S) * 1000))
            return transmit(method, base + path, headers, wire.body, timeout_s=left_s)

        tries, started = Tries(), time.time_ns()
        try:
            answer = make_call(send, tries, left_s=context.remaining_s(), repeatable=unkeyed if key is None else keyed)
            result = read_answer(info, operation, answer)
        except BaseException as error:
            if isinstance(error, RemoteCallError):
                error.operation = error.operation or declared.name
                error.may_have_run = error.may_have_run or tries.may_have_run
            observe(context, span_id, started, error, tries.count)
            raise
        observe(context, span_id, started, None, tries.count)
        return result

    return call


def _add_context(headers: dict[str, str], context: CallContext, span_id: str) -> None:
    headers["Accept"] = "application/json"
    if context.trace_id:
        headers["traceparent"] = format_traceparent(context.trace_id, span_id, context.sampled, context.trace_random)
        if context.trace_state:
            headers["tracestate"] = context.trace_state
    if context.request_id:
        headers["X-Request-ID"] = context.request_id
    authorization = context.authorization
    if authorization and authorization.isascii() and authorization.isprintable():  # else it is nobody's credential
        headers["Authorization"] = authorization
    if context.baggage:
        headers["baggage"] = format_baggage(context.baggage)
