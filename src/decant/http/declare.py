"""How an operation is declared: ``@get`` … on a contract's methods, ``@operation`` on a view.

A decorator only notes what was said; annotations are resolved when the operation is wired, so that
forward references work.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, TypeVar, Unpack, overload

from decant.context import Guard
from decant.errors import DecantError, SetupError
from decant.wiring import DECLARATION

F = TypeVar("F", bound=Callable[..., Any])

Idempotency = bool | Literal["natural"]
"""True: made so, for calls with a key, by storing the first answer. ``"natural"``: so by itself. False: neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a decorator says about an operation.

    Attributes:
        method: The HTTP method in capitals; "" for a view, which gets it from its URL rule.
        rule: The path in Flask's syntax; "" for a view.
        public: Whether the operation is reachable through the edge.
        idempotent: Whether a repeated call has one effect, and who sees to it. With True, a call that brings an
            idempotency key (``Idempotency-Key`` header, :func:`decant.context.idempotency_key`) runs once in 24
            hours, and a repetition gets the first answer; one without a key runs each time. Errors are not stored:
            what failed was rolled back, and runs again. The answers lie in the database as they are sent, so
            nothing secret should be in them. One that is ``"natural"`` by such a key documents
            ``IdempotencyKeyMalformed`` among its errors: a header that holds no key is then refused for it too.
        guard: Decides who may call it, for instance :func:`decant.auth.require_user`.
        status: The HTTP status of success; None: 200, 204 for no result, 201 where there is a ``location``.
        location: Template of the ``Location`` header, filled from the result's fields: ``/books/{id}``.
        etag: Whether the answer carries a strong entity tag and honours ``If-None-Match``.
        errors: Errors that this operation documents, besides the contract's.
        summary: One line for the API document; None: the first line of the docstring.
        tags: Groups in the API document.
        deprecated: Marks the operation so in the API document.
    """

    method: str = ""
    rule: str = ""
    public: bool = False
    idempotent: Idempotency = False
    guard: Guard | None = None
    status: int | None = None
    location: str | None = None
    etag: bool = False
    errors: tuple[type[DecantError], ...] = ()
    summary: str | None = None
    tags: tuple[str, ...] = ()
    deprecated: bool = False

    def __post_init__(self) -> None:
        if self.rule and not self.rule.startswith("/"):
            raise SetupError(f"The path {self.rule!r} does not start with a slash.", hint=f"Write '/{self.rule}'.")
        if self.idempotent is True and self.method == "GET":
            raise SetupError(
                f"{self.method} {self.rule}: a GET reads, so idempotent=True has nothing to do.",
                hint="Leave it out. Where the operation changes something, declare it with @post.",
            )
        if self.status is not None and not 200 <= self.status <= 299:
            raise SetupError(
                f"{self.method} {self.rule}: status={self.status} is not a success (200-299).",
                hint="Failures are raised as errors, which carry a status of their own.",
            )

    def guard_or(self, default: Guard | None) -> Guard | None:
        """Return who decides about an operation of a contract whose module has a default guard.

        What only other modules can call has no default: whoever called them has been asked already.
        """
        return self.guard or (default if self.public else None)


class ViewOptions(TypedDict, total=False):
    """What ``@operation`` takes; see :class:`Declaration`."""

    idempotent: Idempotency
    guard: Guard | None
    status: int | None
    location: str | None
    etag: bool
    errors: tuple[type[DecantError], ...]
    summary: str | None
    tags: tuple[str, ...]
    deprecated: bool


class Options(ViewOptions, total=False):
    """What ``@get``, ``@post`` … take; see :class:`Declaration`."""

    public: bool


def get(rule: str, **options: Unpack[Options]) -> Callable[[F], F]:
    """Declare an operation that reads. Never repeated side effects: callers may retry it.

    Example:
        >>> class Catalog:
        ...     @get("/products/<product_id>", public=True)
        ...     def get_product(self, product_id: str) -> str: ...
    """
    return _declare("GET", rule, options)


def post(rule: str, **options: Unpack[Options]) -> Callable[[F], F]:
    """Declare an operation that creates or acts."""
    return _declare("POST", rule, options)


def put(rule: str, **options: Unpack[Options]) -> Callable[[F], F]:
    """Declare an operation that replaces."""
    return _declare("PUT", rule, options)


def patch(rule: str, **options: Unpack[Options]) -> Callable[[F], F]:
    """Declare an operation that changes a part."""
    return _declare("PATCH", rule, options)


def delete(rule: str, **options: Unpack[Options]) -> Callable[[F], F]:
    """Declare an operation that removes."""
    return _declare("DELETE", rule, options)


@overload
def operation(function: F, /) -> F: ...
@overload
def operation(**options: Unpack[ViewOptions]) -> Callable[[F], F]: ...
def operation(function: F | None = None, /, **options: Unpack[ViewOptions]) -> F | Callable[[F], F]:
    """Give a view a typed signature: a function, or a method of a ``MethodView``.

    Path and methods come from the URL rule, as for any view; a view at the edge is as public as its rule.

    Raises:
        SetupError: For an ``async def`` function.
    """
    declare = _attach(Declaration(**options))
    return declare if function is None else declare(function)


def declaration_of(function: Any) -> Declaration | None:
    """Return what was declared on a function, or None for a plain one."""
    found: Declaration | None = getattr(function, DECLARATION, None)
    return found


def _declare(method: str, rule: str, options: Options) -> Callable[[F], F]:
    return _attach(Declaration(method=method, rule=rule, **options))


def _attach(declaration: Declaration) -> Callable[[F], F]:
    def attach(function: F) -> F:
        refuse_async(function)
        setattr(function, DECLARATION, declaration)
        return function

    return attach


def refuse_async(function: Any) -> None:
    """Refuse ``async def`` as an operation.

    Raises:
        SetupError: When calling the function would give a coroutine or an asynchronous generator.
    """
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise SetupError(
            f"{function.__qualname__} is `async def`, and an operation cannot be.",
            hint="Operations run on WSGI threads, with a session that is not for event loops: under Flask an async "
            "function would start a loop per request and run no faster. Write `def`, or leave @operation away: "
            "a plain async view works as in Flask.",
        )
