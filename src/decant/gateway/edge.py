"""What all connections of a gateway share."""

from __future__ import annotations

from dataclasses import dataclass, field

from decant.gateway.base import Router, State, Upstream
from decant.gateway.books import Books
from decant.gateway.limits import Limits


@dataclass(slots=True)
class Edge:
    """What all connections share.

    Attributes:
        router: Decides where requests go.
        now: The loop's clock, as it was at the last tick: timeouts need no better, and asking costs.
        limits: Bounds on the client's side.
        state: Ready, draining.
        books: Where ends of requests are written down.
        scheme: ``X-Forwarded-Proto``.
        upstreams: Services that were sent to so far.
    """

    router: Router
    now: float
    limits: Limits = field(default_factory=Limits)
    state: State = field(default_factory=State)
    books: Books = field(default_factory=Books)
    scheme: str = "http"
    upstreams: set[Upstream] = field(default_factory=set)
