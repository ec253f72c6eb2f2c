"""What a call does when the other side is slow or down. Start with :mod:`~decant.rpc.policy.edge`."""

from decant.rpc.policy.breaker import Breaker, State
from decant.rpc.policy.budget import RetryBudget
from decant.rpc.policy.bulkhead import Bulkhead
from decant.rpc.policy.edge import MARGIN_S, Edge, Tries
from decant.rpc.policy.upstream import Upstream
from decant.settings.call_policy import DEFAULT, BreakerPolicy, CallPolicies, CallPolicy

__all__ = [
    "DEFAULT",
    "MARGIN_S",
    "Breaker",
    "BreakerPolicy",
    "Bulkhead",
    "CallPolicies",
    "CallPolicy",
    "Edge",
    "RetryBudget",
    "State",
    "Tries",
    "Upstream",
]
