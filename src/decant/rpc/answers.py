"""Read what a called service answered: the result, or the error it stands for."""

from __future__ import annotations

from typing import Any

from decant.contracts import ContractInfo, rebuild
from decant.errors import ProtocolError, RemoteCallError, Unavailable
from decant.http.operations import Operation
from decant.http.problem import BLANK, parse_problem
from decant.rpc.policy.again import is_overloaded
from decant.rpc.transports import Answer

TOKEN_REFUSED = "service-token-refused"  # noqa: S105 - the code of a problem
"""The code of the answer to a service that shows no valid token: its own fault, and not that of who asked it."""
_NO_ROUTE = (404, 405)


def read_answer(info: ContractInfo, operation: Operation, answer: Answer) -> Any:
    """Return the result in an answer.

    Raises:
        DomainError: A declared error of the contract, with its fields.
        RemoteCallError: Any other failure.
    """
    if answer.status < 300:
        return operation.decode_result(answer.body)
    found = parse_problem(answer.status, answer.headers, answer.body)
    if found is not None and found.code == TOKEN_REFUSED:
        raise _token_refused(operation.name)
    if is_overloaded(found):
        raise _overloaded(operation.name, found.retry_after_s if found is not None else None)
    if answer.status in _NO_ROUTE and (found is None or found.type == BLANK):
        raise _no_such_operation(operation.name, answer.status)
    problem: dict[str, Any] = {"status": answer.status}
    if found is not None:
        problem |= {**found.fields, "code": found.code, "detail": found.detail, "errors": found.errors}
    error = rebuild(
        operation.name, info.errors, problem, retry_after_s=found.retry_after_s if found is not None else None
    )
    if found is not None and isinstance(error, RemoteCallError):
        error.failure = found.failure
    raise error


def _overloaded(operation: str, retry_after_s: float | None) -> Unavailable:
    return Unavailable(
        f"{operation}: the other service has too much to do and did not begin the call.",
        operation=operation,
        may_have_run=False,
        retry_after_s=retry_after_s,
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
