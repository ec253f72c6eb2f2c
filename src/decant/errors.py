"""Every error that Decant raises, in one tree.

::

    DecantError
    ├── SetupError                 a developer's mistake, raised when it is declared or wired
    │   ├── MissingExtra           an optional dependency is not installed
    │   └── SettingsError          configuration is wrong; gathers every fault before it raises
    ├── DomainError                an application's own errors; travel between modules by ``code``
    │   ├── ValidationError        422  the request is well-formed but wrong
    │   ├── NotFoundError          404
    │   ├── ConflictError          409
    │   ├── AuthenticationError    401
    │   └── PermissionDeniedError  403
    │       └── InsufficientScope  403
    ├── RemoteCallError            a call has no answer that its contract knows
    │   ├── OperationFailed        500  the operation ended in an error that nobody expected
    │   ├── Unavailable            503
    │   │   ├── CircuitOpen        503  refused here, never sent
    │   │   └── BulkheadFull       503  refused here, never sent
    │   ├── DeadlineExceeded       504
    │   └── ProtocolError          502  an answer came that breaks the contract
    └── CommandError               the command line's; carries an exit code

On the wire an error is a problem document (RFC 9457) with its stable ``code``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, dataclass_transform

RESERVED_FIELDS = frozenset(
    {"type", "title", "status", "code", "detail", "instance", "hint", "errors", "trace_id", "request_id", "failure"}
)
"""Names that problem documents use themselves; no error may have a field of that name."""


class DecantError(Exception):
    """The base of every error here.

    ``code``, ``status`` (HTTP), ``grpc`` (status name) and ``retryable`` describe the class;
    ``detail`` (what happened) and ``hint`` (what to do about it) describe the instance.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    grpc: ClassVar[str] = "INTERNAL"
    retryable: ClassVar[bool] = False
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str = "", *, hint: str | None = None) -> None:
        self.detail = detail or self.title
        self.hint = hint
        super().__init__(self.detail)

    def __str__(self) -> str:
        return f"{self.detail}\n{self.hint}" if self.hint else self.detail

    def headers(self) -> Mapping[str, str]:
        """Return the HTTP headers that belong to this error, for instance ``Retry-After``."""
        return {}


class SetupError(DecantError):
    """A developer's mistake: raised where it is declared or wired, never during a request."""

    code = "setup"
    title = "Wrong set-up"


class MissingExtra(SetupError):
    """A feature needs an optional dependency that is not installed.

    Args:
        package: The missing distribution, for instance ``granian``.
        extra: The extra that brings it, for instance ``serve``.
    """

    code = "missing-extra"

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed.",
            hint=f"Install it with: pip install 'flask-decant[{extra}]'",
        )
        self.package = package
        self.extra = extra

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.package, self.extra)


class SettingsError(SetupError):
    """Configuration is wrong. All faults are gathered before this is raised.

    Args:
        faults: One sentence per fault, each naming the value, where it came from and the cure.
    """

    code = "settings"
    title = "Wrong settings"

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults) or self.title)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.faults,)


GRPC_BY_STATUS: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    412: "FAILED_PRECONDITION",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass_transform(kw_only_default=True)
class DomainError(DecantError):
    """The base of an application's own errors.

    A subclass names its ``code`` and HTTP ``status`` and annotates its fields. It crosses process
    boundaries as itself: the caller catches the same class with the same fields, wherever the
    module runs. The first line of the docstring is the message; it may use the fields in braces.

    Raises:
        SetupError: At declaration, for a field that has a problem document's own name, or a
            status that is not an error.

    Example:
        >>> class OutOfStock(DomainError, code="catalog.out-of-stock", status=409):
        ...     '''Only {left} of {product_id} are left.'''
        ...     product_id: str
        ...     left: int
        >>> OutOfStock(product_id="p1", left=2).detail
        'Only 2 of p1 are left.'
    """

    code = "domain"
    status = 400
    grpc = "INVALID_ARGUMENT"
    title = "Domain error"
    _fields: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[Mapping[str, Any]] = {}
    _message: ClassVar[str] = ""

    def __init_subclass__(
        cls,
        *,
        code: str | None = None,
        status: int | None = None,
        grpc: str | None = None,
        retryable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if code is not None:
            cls.code = code
        if status is not None:
            if not 400 <= status <= 599:
                raise SetupError(f"{cls.__name__}: status {status} is not an HTTP error status (400-599).")
            cls.status = status
            cls.grpc = GRPC_BY_STATUS.get(status, "FAILED_PRECONDITION" if status < 500 else "INTERNAL")
        if grpc is not None:
            cls.grpc = grpc
        if retryable is not None:
            cls.retryable = retryable
        cls.title = _words(cls.__name__)
        cls._message = (cls.__dict__.get("__doc__") or "").strip().split("\n", 1)[0]
        _declare_fields(cls)

    def __init__(self, detail: str | None = None, /, **fields: Any) -> None:
        missing = [name for name in self._fields if name not in fields and name not in self._defaults]
        unknown = [name for name in fields if name not in self._fields]
        if missing or unknown:
            wrong = [f"missing {name}" for name in missing] + [f"unknown {name}" for name in unknown]
            raise TypeError(f"{type(self).__name__}: {', '.join(wrong)}; it takes {list(self._fields)}")
        for name in self._fields:
            setattr(self, name, fields.get(name, self._defaults.get(name)))
        super().__init__(detail if detail is not None else self._describe())

    def _describe(self) -> str:
        if not self._message:
            return self.title
        try:
            return self._message.format(**self.fields())
        except (KeyError, IndexError, ValueError, AttributeError):
            return self._message

    def fields(self) -> dict[str, Any]:
        """Return the declared fields and their values, as they travel in the problem document."""
        return {name: getattr(self, name) for name in self._fields}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.detail, self.fields())


def _rebuild(cls: type[DomainError], detail: str, fields: dict[str, Any]) -> DomainError:
    return cls(detail, **fields)


def _words(name: str) -> str:
    """Return ``OutOfStock`` as ``Out of stock``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).capitalize()


def _declare_fields(cls: type[DomainError]) -> None:
    own = [
        name
        for name, kind in inspect.get_annotations(cls).items()
        if not name.startswith("_") and "ClassVar" not in str(kind)
    ]
    taken = sorted(RESERVED_FIELDS.intersection(own))
    if taken:
        raise SetupError(
            f"{cls.__name__}: {', '.join(taken)} cannot be a field: problem documents use that name themselves.",
            hint=f"Rename it, for instance to {cls.__name__.lower()}_{taken[0]}.",
        )
    cls._fields = (*cls._fields, *(name for name in own if name not in cls._fields))
    cls._defaults = {**cls._defaults, **{name: cls.__dict__[name] for name in own if name in cls.__dict__}}


class ValidationError(DomainError, code="validation", status=422):
    """The request is not valid.

    Applications subclass it for rules of their own; the toolkit raises it with ``errors``, one
    entry per bad field: ``{"field": "body.qty", "message": "…", "code": "greater_than"}``.
    """

    def __init__(
        self, detail: str | None = None, /, *, errors: Sequence[Mapping[str, Any]] = (), **fields: Any
    ) -> None:
        super().__init__(detail, **fields)
        self.errors = tuple(errors)


class NotFoundError(DomainError, code="not-found", status=404):
    """There is nothing here."""

    def __init__(self, detail: str | None = None, /, **fields: Any) -> None:
        super().__init__(detail, **fields)


class ConflictError(DomainError, code="conflict", status=409):
    """The request conflicts with the present state."""

    def __init__(self, detail: str | None = None, /, **fields: Any) -> None:
        super().__init__(detail, **fields)


class AuthenticationError(DomainError, code="unauthenticated", status=401):
    """The request carries no valid credentials."""

    def __init__(self, detail: str | None = None, /, **fields: Any) -> None:
        super().__init__(detail, **fields)

    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": "Bearer"}


class PermissionDeniedError(DomainError, code="permission-denied", status=403):
    """The caller may not do this."""

    def __init__(self, detail: str | None = None, /, **fields: Any) -> None:
        super().__init__(detail, **fields)


class InsufficientScope(PermissionDeniedError, code="insufficient-scope", status=403):
    """The access token lacks a scope: this needs {scope}.

    Attributes:
        scope: Every scope that is needed, with spaces between.
    """

    scope: str

    def __init__(self, detail: str | None = None, /, *, scope: str) -> None:
        super().__init__(detail, scope=scope)

    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{quotable(self.scope)}"'}


def quotable(text: str) -> str:
    """Return what of a text may stand between quotes in ``WWW-Authenticate`` (RFC 6750, 3)."""
    return "".join(character for character in text if " " <= character <= "~" and character not in '"\\')


class RemoteCallError(DecantError):
    """A call to another module got no answer that the contract knows.

    Attributes:
        failure: What the other process told of its failure (development only), for the chain across processes; None
            where there was nothing to tell, or nobody told.

    Args:
        detail: What happened.
        operation: The operation that was called, for instance ``catalog.get_product``.
        may_have_run: False only where it is known that the request was never sent.
        retry_after_s: Seconds after which a new try makes sense, where the other side said so.
    """

    code = "remote-call"
    status = 502
    grpc = "UNAVAILABLE"
    title = "Remote call failed"

    def __init__(
        self,
        detail: str = "",
        *,
        operation: str = "",
        may_have_run: bool = True,
        retry_after_s: float | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(detail, hint=hint)
        self.operation = operation
        self.may_have_run = may_have_run
        self.retry_after_s = retry_after_s
        self.failure: object = None

    def headers(self) -> Mapping[str, str]:
        if self.status != 503:
            return {}
        return {"Retry-After": str(max(1, round(self.retry_after_s or 1)))}


class OperationFailed(RemoteCallError):
    """An operation ended in an error that nobody expected: a bug over there, or in what it calls.

    The same class arrives wherever the module runs. Its ``code`` and status are those of any bug, so that the answer
    at the edge does not tell which module has it.
    """

    code = "internal"
    status = 500
    grpc = "INTERNAL"
    title = "Operation failed"


class Unavailable(RemoteCallError):
    """The other process cannot be reached, or says that it cannot answer now.

    Attributes:
        rolled_back: Whether a database undid the operation's whole transaction for another one's sake, so that
            an idempotent operation may be run again at once.
    """

    rolled_back = False
    code = "unavailable"
    status = 503
    retryable = True
    title = "Service unavailable"


class CircuitOpen(Unavailable):
    """Too many calls to this target failed of late: this one was refused here and never sent."""

    code = "circuit-open"
    title = "Circuit open"


class BulkheadFull(Unavailable):
    """Too many calls to this module are under way already: this one was refused here and never sent."""

    code = "bulkhead-full"
    title = "Bulkhead full"


class DeadlineExceeded(RemoteCallError):
    """The time that the caller gave for the whole call is over."""

    code = "deadline-exceeded"
    status = 504
    grpc = "DEADLINE_EXCEEDED"
    title = "Deadline exceeded"


class ProtocolError(RemoteCallError):
    """An answer came that the contract does not allow: another version, or not our peer at all."""

    code = "protocol"
    title = "Protocol error"


class CommandError(DecantError):
    """A command cannot do what it was asked.

    Args:
        detail: What is wrong.
        exit_code: 1 failed, 2 usage, 3 configuration, 4 not found or not running, 5 timeout,
            6 precondition missing, 7 would change, 70 internal.
    """

    code = "command"
    title = "Command failed"

    def __init__(self, detail: str = "", *, hint: str | None = None, exit_code: int = 1) -> None:
        super().__init__(detail, hint=hint)
        self.exit_code = exit_code
