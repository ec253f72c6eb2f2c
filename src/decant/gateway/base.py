"""What the gateway's core and its routes say to each other.

The core parses and checks a request and gives its :class:`Head` to a :class:`Router`, which answers with where it goes.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol

from decant.gateway.upstream import Address, Upstream

__all__ = ["Address", "Answer", "Forward", "Head", "Router", "State", "Upstream"]


@dataclass(frozen=True, slots=True)
class Head:
    """One request, as it was parsed and checked.

    Attributes:
        method: As sent.
        target: The request target as sent, in origin form.
        path: The one canonical spelling of its path: ASCII, only what must be escaped is, in upper case. It has no
            empty or dot segment, and no escape of a slash, a backslash, a semicolon, a control character or another
            escape; so unquoting it once is safe. It is what is forwarded.
        query: As sent, without the question mark.
        headers: Names in lower case; values without white space around them.
        client: The peer's address.
        request_id: The id that the core gave the request, or took; for the body of a problem.
        trace_id: The trace that the request belongs to.
    """

    method: str
    target: str
    path: str
    query: str
    headers: tuple[tuple[bytes, bytes], ...]
    client: str
    request_id: str = ""
    trace_id: str = ""

    def header(self, name: bytes) -> bytes | None:
        """Return the first header of a name, given in lower case."""
        for found, value in self.headers:
            if found == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Forward:
    """Send it on.

    Attributes:
        upstream: A service with its addresses.
        timeout_s: Seconds until the head of the answer, then between two parts of its body.
        body_limit: Bytes a request's body may have.
        route: How metrics and logs name it, for instance ``/products/<product_id>``: a bounded set of names.
        headers: What the routes add to the request, after whatever a client sent under these names was taken out.
    """

    upstream: Upstream
    timeout_s: float
    body_limit: int
    route: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The gateway answers by itself; ``Content-Length``, ``Date`` and ``X-Request-ID`` are the core's."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    route: str = ""


class Router(Protocol):
    """Decides where a request goes: without blocking, and without raising."""

    def route(self, head: Head) -> Forward | Answer | Awaitable[Answer]:
        """Return what happens to a request; an awaitable is given a bounded time."""
        ...


@dataclass(slots=True)
class State:
    """Where a gateway's process is in its life; its routes answer readiness by it.

    Attributes:
        ready: It listens, and has not been told to stop.
        draining: It finishes what runs and takes nothing new.
    """

    ready: bool = field(default=False)
    draining: bool = field(default=False)
