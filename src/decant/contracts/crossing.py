"""How errors cross a boundary: what a caller catches is the same whether the callee is near or far.

An error that the contract declares arrives as its own class with its own fields. Anything else that
goes wrong over there is a :class:`~decant.errors.RemoteCallError` here: the caller cannot know more.
A bug of the callee is an :class:`~decant.errors.OperationFailed`, raised from it where it is in this process.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model
from pydantic import ValidationError as PydanticError
from werkzeug.exceptions import HTTPException

from decant.errors import (
    AuthenticationError,
    BulkheadFull,
    CircuitOpen,
    ConflictError,
    DeadlineExceeded,
    DomainError,
    InsufficientScope,
    NotFoundError,
    OperationFailed,
    PermissionDeniedError,
    ProtocolError,
    RemoteCallError,
    Unavailable,
    ValidationError,
)
from decant.http.paging import CursorError
from decant.http.problem import status_code
from decant.idempotency import IDEMPOTENCY_ERRORS
from decant.observe.failures import summary

EVERYWHERE: Mapping[str, type[DomainError]] = {
    error.code: error
    for error in (
        ValidationError,
        NotFoundError,
        ConflictError,
        AuthenticationError,
        PermissionDeniedError,
        InsufficientScope,
        CursorError,
        *IDEMPOTENCY_ERRORS,
    )
}
"""The errors that every contract declares without saying so."""

REMOTE: Mapping[str, type[RemoteCallError]] = {
    error.code: error
    for error in (RemoteCallError, Unavailable, CircuitOpen, BulkheadFull, DeadlineExceeded, ProtocolError)
}

_models: dict[type[DomainError], type[BaseModel]] = {}


def rebuild(
    operation: str,
    declared: Mapping[str, type[DomainError]],
    problem: Mapping[str, Any],
    *,
    retry_after_s: float | None = None,
) -> DomainError | RemoteCallError:
    """Return the error that a problem document stands for, for the caller to raise.

    Args:
        operation: The operation that answered, for the message.
        declared: The contract's errors by code.
        problem: The document (RFC 9457) with its ``code`` and the error's fields beside it.
        retry_after_s: From the answer's ``Retry-After``.
    """
    code, status = problem.get("code"), problem.get("status")
    detail = str(problem.get("detail") or problem.get("title") or "")
    error = declared.get(str(code)) or EVERYWHERE.get(str(code))
    if error is not None:
        return _domain_error(operation, error, problem, detail)
    if code in REMOTE:
        return REMOTE[str(code)](detail, operation=operation, retry_after_s=retry_after_s)
    if status in (502, 503, 504):
        return Unavailable(f"{operation}: {detail}", operation=operation, retry_after_s=retry_after_s)
    if isinstance(status, int) and status >= 500:
        return OperationFailed(f"{operation} failed with an internal error: {detail}", operation=operation)
    return ProtocolError(
        f"{operation} answered {status} with the code {code!r}, which its contract does not declare: {detail}",
        operation=operation,
        hint=f'Declare it in the contract\'s api.py: class …(DomainError, code="{code}", status={status}).',
    )


def cross(operation: str, declared: Mapping[str, type[DomainError]], error: Exception) -> Exception:
    """Return what a caller would see of ``error`` had the call left the process (strict mode)."""
    if isinstance(error, DomainError):
        errors = [dict(entry) for entry in getattr(error, "errors", ())]
        problem = {"code": error.code, "status": error.status, "detail": error.detail, **error.fields()}
        return rebuild(operation, declared, {**problem, "errors": errors})
    if isinstance(error, RemoteCallError):
        problem = {"code": error.code, "status": error.status, "detail": error.detail}
        return rebuild(operation, declared, problem, retry_after_s=error.retry_after_s)
    if isinstance(error, HTTPException) and error.code is not None and error.code >= 400:
        return _http_error(operation, declared, error)
    return rebuild(operation, declared, {"status": 500, "detail": summary(error)})


def arrive(operation: str, declared: Mapping[str, type[DomainError]], error: BaseException) -> BaseException:
    """Return what a caller in this process sees of ``error``: itself where that is of the class it would see elsewhere.

    So what is caught together is caught apart (direct mode).
    """
    if not isinstance(error, Exception):
        return error
    if isinstance(error, DomainError):
        known = declared.get(error.code) or EVERYWHERE.get(error.code)
        return error if known is not None and isinstance(error, known) else cross(operation, declared, error)
    if isinstance(error, RemoteCallError) and not isinstance(error, OperationFailed):
        return error
    return cross(operation, declared, error)


def _http_error(operation: str, declared: Mapping[str, type[DomainError]], error: HTTPException) -> Exception:
    """Return what becomes of ``abort(…)`` in an operation; a plain 404 or 405 says that there is no such operation."""
    status, detail = error.code or 500, str(error.description or "")
    if status in (404, 405):
        return ProtocolError(
            f"{operation} ended in a plain {status}: {detail}",
            operation=operation,
            hint="Raise a declared error of the contract, or NotFoundError.",
        )
    return rebuild(operation, declared, {"code": status_code(status), "status": status, "detail": detail})


def _domain_error(
    operation: str, error: type[DomainError], problem: Mapping[str, Any], detail: str
) -> DomainError | ProtocolError:
    try:
        fields = _fields_model(error).model_validate(problem)
    except PydanticError as wrong:
        return ProtocolError(
            f"{operation} answered {error.code!r} with fields that {error.__name__} does not have: {wrong}",
            operation=operation,
        )
    values = {name: getattr(fields, name) for name in error._fields}
    if issubclass(error, ValidationError):
        return error(detail, errors=problem.get("errors") or (), **values)
    return error(detail, **values)


def _fields_model(error: type[DomainError]) -> type[BaseModel]:
    """Return a model of an error's fields. A newer peer may send more: they are ignored."""
    model = _models.get(error)
    if model is None:
        hints = typing.get_type_hints(error, include_extras=True)
        fields: dict[str, Any] = {name: (hints[name], error._defaults.get(name, ...)) for name in error._fields}
        model = create_model(error.__name__, __config__=ConfigDict(extra="ignore"), **fields)
        _models[error] = model
    return model
