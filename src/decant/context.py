"""What travels with a call: deadline, trace, caller, idempotency key, baggage.

The same context goes with a direct call and with one that leaves the process. It is immutable:
a change is a new context, made with :meth:`CallContext.child` or :meth:`CallContext.replace`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TypeAlias

from decant.errors import DeadlineExceeded

NO_BAGGAGE: Mapping[str, str] = MappingProxyType({})


class Caller:
    """Who asks: a user, a service, or nobody.

    Attributes:
        subject: The user's public id, or None when nobody is signed in.
        service: The calling service's name, or None at the edge.
        scopes: What the caller may do.
        roles: What the user is, for instance ``admin``.
        refused: Why the access token that came along was not taken; None for a good one, or none at all.
        unconfirmed: Whether nobody can tell if the token was revoked meanwhile: enough to read, not to change.
    """

    __slots__ = ("refused", "roles", "scopes", "service", "subject", "unconfirmed")

    def __init__(
        self,
        subject: str | None = None,
        service: str | None = None,
        scopes: frozenset[str] = frozenset(),
        roles: frozenset[str] = frozenset(),
        refused: str | None = None,
        unconfirmed: bool = False,
    ) -> None:
        self.subject = subject
        self.service = service
        self.scopes = scopes
        self.roles = roles
        self.refused = refused
        self.unconfirmed = unconfirmed

    def __repr__(self) -> str:
        return f"Caller(subject={self.subject!r}, service={self.service!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Caller):
            return NotImplemented
        return self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def _parts(self) -> tuple[object, ...]:
        return self.subject, self.service, self.scopes, self.roles, self.refused, self.unconfirmed

    def of_service(self, service: str) -> Caller:
        """Return the same caller, asking through a service."""
        return Caller(self.subject, service, self.scopes, self.roles, self.refused, self.unconfirmed)


NOBODY = Caller()


def anyone(caller: Caller) -> None:
    """Let everybody in: the guard of an operation that is open in a module that has a guard."""


Guard: TypeAlias = Callable[[Caller], None]
"""Decides who may call an operation: returns, or raises ``AuthenticationError`` or ``PermissionDeniedError``."""


class CallContext:
    """The context of one call.

    Attributes:
        trace_id: 32 hexadecimal digits, or "" outside any trace.
        span_id: 16 hexadecimal digits: the span that is open now, the parent of what comes next.
        sampled: Whether the trace is recorded (W3C flag).
        trace_state: The W3C ``tracestate`` header as received, passed on unchanged.
        request_id: Names the request in logs and answers.
        deadline: ``time.monotonic()`` seconds after which no new work may begin, or None.
        caller: Who asks.
        authorization: The caller's own ``Authorization`` header, passed on as received, or None.
        idempotency_key: Makes a repeated call have one effect, or None.
        baggage: Declared key-value pairs that travel along (W3C Baggage).
        trace_random: Whether the trace id is random (W3C level 2 flag), passed on as received.
    """

    __slots__ = (
        "authorization",
        "baggage",
        "caller",
        "deadline",
        "idempotency_key",
        "request_id",
        "sampled",
        "span_id",
        "trace_id",
        "trace_random",
        "trace_state",
    )

    def __init__(  # noqa: PLR0917 - made for every call: keywords are the habit, positions the fast way
        self,
        trace_id: str = "",
        span_id: str = "",
        sampled: bool = True,
        trace_state: str = "",
        request_id: str = "",
        deadline: float | None = None,
        caller: Caller = NOBODY,
        authorization: str | None = None,
        idempotency_key: str | None = None,
        baggage: Mapping[str, str] = NO_BAGGAGE,
        trace_random: bool = True,
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.sampled = sampled
        self.trace_state = trace_state
        self.request_id = request_id
        self.deadline = deadline
        self.caller = caller
        self.authorization = authorization
        self.idempotency_key = idempotency_key
        self.baggage = baggage
        self.trace_random = trace_random

    def child(self, span_id: str, idempotency_key: str | None = None) -> CallContext:
        """Return the context of a call made from here: a new span, and a key of its own or none, never this one's."""
        return CallContext(
            self.trace_id,
            span_id,
            self.sampled,
            self.trace_state,
            self.request_id,
            self.deadline,
            self.caller,
            self.authorization,
            idempotency_key,
            self.baggage,
            self.trace_random,
        )

    def replace(self, **changes: Any) -> CallContext:
        """Return a copy in which the named attributes differ."""
        return CallContext(**{name: changes.get(name, getattr(self, name)) for name in self.__slots__})

    def remaining_s(self) -> float | None:
        """Return the seconds left until the deadline (negative once it has passed), or None without one."""
        return None if self.deadline is None else self.deadline - time.monotonic()

    def check_deadline(self, operation: str = "") -> None:
        """Refuse to begin new work once the time is over.

        Raises:
            DeadlineExceeded: When the deadline has passed; nothing was sent.
        """
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise DeadlineExceeded(
                f"The deadline passed before {operation or 'the call'} began.",
                operation=operation,
                may_have_run=False,
            )


EMPTY = CallContext()
current: ContextVar[CallContext] = ContextVar("decant_call_context", default=EMPTY)
"""The context of the call that runs now. Read it with ``current.get()``."""


@contextmanager
def use(context: CallContext) -> Iterator[CallContext]:
    """Run a block under another context."""
    token = current.set(context)
    try:
        yield context
    finally:
        current.reset(token)


@contextmanager
def deadline(seconds: float) -> Iterator[CallContext]:
    """Give everything in the block at most ``seconds`` in total; an earlier deadline stays in force."""
    here = current.get()
    ends = time.monotonic() + seconds
    with use(here.replace(deadline=ends if here.deadline is None else min(ends, here.deadline))) as context:
        yield context


call_key: ContextVar[str | None] = ContextVar("decant_call_key", default=None)
"""The idempotency key of calls that are made from here; set it with :func:`idempotency_key`."""


@contextmanager
def idempotency_key(key: str) -> Iterator[None]:
    """Give every contract call in the block this key, so that a repetition has one effect.

    A key is per operation and caller: two operations may get the same one.

    Args:
        key: 1 to 255 visible ASCII characters, the same for each repetition and for nothing else, for instance
            ``order-17:reserve``.

    Raises:
        ValueError: For a key that no header could carry.
    """
    if not 1 <= len(key) <= 255 or any(not "!" <= character <= "~" for character in key):
        raise ValueError(f"{key!r} cannot be an idempotency key: it has 1 to 255 visible ASCII characters.")
    token = call_key.set(key)
    try:
        yield
    finally:
        call_key.reset(token)
