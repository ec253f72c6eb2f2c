"""The addresses at which a module answers, and which of them a call goes to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from random import Random
from threading import Lock

from decant.clock import Clock
from decant.errors import CircuitOpen
from decant.observe.edges import BreakerObserver
from decant.rpc.policy.breaker import Breaker, State
from decant.settings.call_policy import BreakerPolicy
from decant.settings.mask import mask_text


class Address:
    """One process that answers, with its breaker.

    Attributes:
        url: Its address, without a slash at the end.
        breaker: Tells whether calls may go there.
        outstanding: How many calls wait for its answer.
    """

    __slots__ = ("_lock", "breaker", "outstanding", "url")

    def __init__(self, url: str, breaker: Breaker) -> None:
        self.url = url
        self.breaker = breaker
        self.outstanding = 0
        self._lock = Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.outstanding += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.outstanding -= 1


class Upstream:
    """Where one module answers. All callers in a process share it: what is down is down for all of them.

    Args:
        module: The module.
        urls: Its service's addresses, one for each replica.
        policy: When calls to one of them stop.
        clock: Tells the time.
        random: Decides between equals.
    """

    def __init__(
        self,
        module: str,
        urls: Sequence[str],
        policy: BreakerPolicy,
        *,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        self.module = module
        self.addresses = tuple(Address(url, _breaker(module, url, policy, clock)) for url in urls)
        self._random = random or Random()

    def choose(self, tried: Collection[Address] = ()) -> tuple[Address, int]:
        """Return the address for a call, and its breaker's ticket.

        The one with the fewest calls under way that has not been tried yet.

        Raises:
            CircuitOpen: When the breaker of every address is open.
        """
        for address in self._ranked(tried):
            ticket = address.breaker.admit()
            if ticket is not None:
                return address, ticket
        raise CircuitOpen(
            f"Calls to {self.module} are stopped: too many failed of late.",
            may_have_run=False,
            retry_after_s=min(address.breaker.probe_in_s() for address in self.addresses),
        )

    def _ranked(self, tried: Collection[Address]) -> Sequence[Address]:
        if len(self.addresses) == 1:
            return self.addresses
        draw = self._random.random
        return sorted(self.addresses, key=lambda address: (address in tried, address.outstanding, draw()))


def _breaker(module: str, url: str, policy: BreakerPolicy, clock: Clock | None) -> Breaker:
    observer = BreakerObserver(module, mask_text(url))

    def changed(before: State, after: State) -> None:
        observer.changed(before, after, breaker.state)

    breaker = Breaker(policy, clock, changed)
    return breaker
