"""One edge: the calls of one module to another that lives elsewhere, under one policy.

What happens to a call, from outside to inside::

    deadline   how long it may take in total; less than what its own caller has
    bulkhead   wait for a turn, a tenth of that time
    attempts   up to three, paused with jitter, paid from the budget
      breaker  to the address with the fewest calls under way whose breaker lets it through
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from decant.clock import Clock
from decant.errors import BulkheadFull, CircuitOpen, DeadlineExceeded, RemoteCallError
from decant.observe.edges import EdgeObserver
from decant.rpc.policy.again import NOT_RUN, asked_pause_s, has_failed, pause_s, why_again
from decant.rpc.policy.budget import RetryBudget
from decant.rpc.policy.bulkhead import Bulkhead
from decant.rpc.policy.upstream import Address, Upstream
from decant.rpc.transports import Answer
from decant.settings.call_policy import CallPolicy

MARGIN_S = 0.005
"""How much less time the other side is told than there is, so that its last word comes in time."""

Verdicts = dict[Address, tuple[int, bool | None]]
"""For each address of one call: its breaker's ticket, and whether the last attempt there failed; None tells nothing."""

Send = Callable[[str, float], Answer]
"""Sends the request to a base address, with so many seconds until the answer must be there."""


@dataclass(slots=True)
class Tries:
    """What was tried for one call.

    Attributes:
        count: How often it was sent.
        may_have_run: Whether any of the attempts that failed may have run.
        address: Where it was sent last.
    """

    count: int = 0
    may_have_run: bool = False
    address: str = ""


class Edge:
    """Makes calls under a policy. Thread-safe.

    Args:
        caller: The module, or service, that calls.
        upstream: What is called.
        policy: How.
        clock: Tells the time.
        random: Draws the pauses.
        sleep: Waits for a pause.
    """

    def __init__(
        self,
        caller: str,
        upstream: Upstream,
        policy: CallPolicy,
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.policy = policy
        self._upstream = upstream
        self._now = time.monotonic if clock is None else clock.monotonic
        self._random = random or Random()
        self._sleep = sleep
        self._budget = RetryBudget(policy.retry_ratio, policy.retries_per_s, clock)
        self._bulkhead = Bulkhead(policy.concurrency, f"{caller} to {upstream.module}")
        self._observer = EdgeObserver(caller, upstream.module)

    def call(self, send: Send, tries: Tries, *, left_s: float | None, repeatable: bool) -> Answer:
        """Send a request until there is an answer, or no attempt, budget or time is left.

        Args:
            send: Sends it once.
            tries: Filled in.
            left_s: Seconds until the caller's own deadline, or None.
            repeatable: Whether the operation may run twice.

        Raises:
            RemoteCallError: What came of the last attempt, or why there was none.
        """
        timeout_s = self.policy.timeout_s if left_s is None else min(left_s, self.policy.timeout_s)
        ends = self._now() + timeout_s
        try:
            self._bulkhead.enter(timeout_s)
        except BulkheadFull:
            self._observer.no_room()
            raise
        try:
            return self._attempts(send, tries, ends, repeatable)
        finally:
            self._bulkhead.leave()

    def _attempts(self, send: Send, tries: Tries, ends: float, repeatable: bool) -> Answer:
        address, ticket = self._upstream.choose()
        self._budget.deposit()
        verdicts: Verdicts = {}
        try:
            while True:
                outcome = self._once(send, tries, address, ends)
                if isinstance(outcome, Answer) and outcome.status < 400:
                    verdicts[address] = ticket, False
                    return outcome
                verdicts[address] = ticket, has_failed(outcome)
                chosen = self._again(outcome, tries, ends, repeatable, verdicts)
                if chosen is None:
                    return _result(outcome)
                address, ticket = chosen
        finally:
            # Once for each address and call: three failed attempts are one failed call.
            for tried, (given, failed) in verdicts.items():
                if failed is not None:
                    tried.breaker.record(given, failed=failed)

    def _once(self, send: Send, tries: Tries, address: Address, ends: float) -> Answer | RemoteCallError:
        left_s = ends - self._now()
        if left_s <= MARGIN_S:
            return DeadlineExceeded("The deadline passed before the call was sent.", may_have_run=False)
        tries.count += 1
        tries.address = address.url
        self._observer.attempt()
        with address:
            try:
                return send(address.url, left_s)
            except RemoteCallError as error:
                return error

    def _again(
        self, outcome: Answer | RemoteCallError, tries: Tries, ends: float, repeatable: bool, tried: Verdicts
    ) -> tuple[Address, int] | None:
        """Return where to send the call once more, after the pause, or None: what came is final."""
        reason = why_again(outcome, tries.count, repeatable)
        if reason is None or tries.count >= self.policy.attempts:
            return None
        pause = pause_s(tries.count, self._random)
        if len(tried) == len(self._upstream.addresses):  # another one was asked for nothing yet
            pause = max(pause, asked_pause_s(outcome))
        if self._now() + pause >= ends - MARGIN_S:
            return None
        if not self._budget.withdraw():
            self._observer.no_budget(reason)
            return None
        self._sleep(pause)
        try:
            address, ticket = self._upstream.choose(tried)
        except CircuitOpen:
            return None  # the failure itself says more
        tries.may_have_run = tries.may_have_run or reason not in NOT_RUN
        self._observer.retry(reason, address.url)
        return address, ticket


def _result(outcome: Answer | RemoteCallError) -> Answer:
    if isinstance(outcome, RemoteCallError):
        raise outcome
    return outcome
