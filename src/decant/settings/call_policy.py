"""How calls between services behave when the other side is slow or down: the values, and no more.

They lie below everything else so that reading ``decant.toml`` needs none of what makes calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When calls to an address stop, and when they begin again.

    They stop once ``volume`` calls failed in a row, or as many ended within ``window_s`` and at least
    ``failure_ratio`` of them failed; then one call in ``probe_s`` is let through, and the first that succeeds ends it.

    Attributes:
        failure_ratio: Above 0, at most 1.
        volume: Calls, at least 1.
        window_s: Seconds.
        probe_s: Seconds.
    """

    failure_ratio: float = 0.5
    volume: int = 5
    window_s: float = 2.0
    probe_s: float = 1.0


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """How one module calls another that lives elsewhere.

    Attributes:
        timeout_s: Seconds for a whole call, every retry and pause included; an earlier deadline stays in force.
        attempts: How often one call is sent at most.
        retry_ratio: Retries for each call, on average.
        retries_per_s: Retries a second that are allowed on top, so that an edge with little traffic has some too.
        concurrency: How many calls are under way at once.
        breaker: When calls to an address stop.
    """

    timeout_s: float = 5.0
    attempts: int = 3
    retry_ratio: float = 0.2
    retries_per_s: float = 10.0
    concurrency: int = 32
    breaker: BreakerPolicy = BreakerPolicy()


DEFAULT = CallPolicy()


@dataclass(frozen=True, slots=True)
class CallPolicies:
    """The policies of a workspace.

    Attributes:
        to: For every call to a module.
        edges: For the calls of one module to another, by ``(caller, called)``.
    """

    to: Mapping[str, CallPolicy] = field(default_factory=dict)
    edges: Mapping[tuple[str, str], CallPolicy] = field(default_factory=dict)

    def of(self, called: str, caller: str = "") -> CallPolicy:
        """Return how ``caller`` calls ``called``: the edge's own policy, else the called module's, else the default."""
        return self.edges.get((caller, called)) or self.to.get(called, DEFAULT)
