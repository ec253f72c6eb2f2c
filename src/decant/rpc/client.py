"""Calls to a module that lives in another process: HTTP/JSON with the caller's context."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from decant.context import CallContext, call_key, current
from decant.contracts import Contract, ContractInfo, Declared, argument_binder, make_client, rebuild
from decant.errors import ProtocolError, RemoteCallError
from decant.http.operations import Operation, compile_operation
from decant.http.problem import BLANK, parse_problem
from decant.idempotency import HEADER as IDEMPOTENCY_HEADER
from decant.ids import new_span_id
from decant.observe.calls import CallObserver
from decant.observe.tracing import format_baggage, format_traceparent
from decant.rpc.transport import Answer, Transport

SERVICE_TOKEN_HEADER = "Decant-Service-Token"  # noqa: S105 - the header's name
DEADLINE_HEADER = "Decant-Deadline-Ms"
TOKEN_REFUSED = "service-token-refused"  # noqa: S105 - the code of a problem
"""The code of the answer to a service that shows no valid token: its own fault, and not that of who asked it."""
_NO_ROUTE = (404, 405)


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
            result = _read(info, operation, answer)
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


def _read(info: ContractInfo, operation: Operation, answer: Answer) -> Any:
    if answer.status < 300:
        return operation.decode_result(answer.body)
    found = parse_problem(answer.status, answer.headers, answer.body)
    if found is not None and found.code == TOKEN_REFUSED:
        raise _token_refused(operation.name)
    if answer.status in _NO_ROUTE and (found is None or found.type == BLANK):
        raise _no_such_operation(operation.name, answer.status)
    problem: dict[str, Any] = {"status": answer.status}
    if found is not None:
        problem |= {**found.fields, "code": found.code, "detail": found.detail, "errors": found.errors}
    raise rebuild(
        operation.name, info.errors, problem, retry_after_s=found.retry_after_s if found is not None else None
    )


def _token_refused(operation: str) -> RemoteCallError:
    return RemoteCallError(
        f"{operation}: the other service refused this service's token.",
        operation=operation,
        may_have_run=False,
        hint="Give all services of the workspace the same DECANT_SERVICE_KEY, and their hosts the same time.",
    )


def _no_such_operation(operation: str, status: int) -> ProtocolError:
    return ProtocolError(
        f"{operation} is not at the address that was called: the answer was a plain {status}.",
        operation=operation,
        may_have_run=False,
        hint="The service there is another one, or runs a version without this operation.",
    )
