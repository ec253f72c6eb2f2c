"""The dispatcher of one module's sagas: finds what is due, and gives each a thread."""

from __future__ import annotations

import heapq
import logging
import math
import os
import threading
import time
from dataclasses import dataclass
from functools import partial

from decant.clock import Clock, SystemClock
from decant.errors import DecantError
from decant.sagas.coordinator import Coordinator
from decant.sagas.instance import Instance
from decant.sagas.machine import is_open
from decant.sagas.store import Fenced, Lease
from decant.sagas.watching import show_counts

log = logging.getLogger(__name__)
PRUNE_LIMIT = 1000
LATE_S = 0.005
"""Alarms ring so much late, because the two clocks involved are not read at one moment."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How sagas are worked on.

    Attributes:
        concurrency: Sagas of a module that one process works on at once.
        lease_s: Seconds without a sign of life after which another process takes a saga over.
        poll_s: Seconds between two looks for what nobody told of.
        count_s: Seconds between two counts for the metrics.
        keep_s: Seconds that sagas which ended well are kept.
    """

    concurrency: int = 32
    lease_s: float = 4.0
    poll_s: float = 1.0
    count_s: float = 15.0
    keep_s: float = 7 * 86400.0


class _Held:
    """A saga that this process works on."""

    def __init__(self, dispatcher: Dispatcher, since: float) -> None:
        self.owner = dispatcher.owner
        self._dispatcher = dispatcher
        self._renewed_at = since

    def check(self) -> None:
        if time.monotonic() - self._renewed_at >= self._dispatcher.pace.lease_s:
            raise Fenced("This process gave no sign of life for longer than its lease.")

    def renew(self, since: float) -> None:
        self._renewed_at = max(self._renewed_at, since)

    def goes_on(self) -> bool:
        return not self._dispatcher.stopping


class Dispatcher:
    """Works on the sagas of one module, in this process.

    Args:
        coordinator: Runs them.
        pace: How many at once, and how long leases last.
        clock: Says when retries are due.

    Thread-safety: start it after ``fork``, never before.
    """

    def __init__(self, coordinator: Coordinator, pace: Pace | None = None, clock: Clock | None = None) -> None:
        self.coordinator = coordinator
        self.pace = pace or Pace()
        self.owner = ""
        self._clock = clock or SystemClock()
        self._store = coordinator.store
        self._held: dict[str, _Held] = {}
        self._idle = threading.Condition()
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._alarms: list[float] = []
        self._seen: dict[str, tuple[Lease, float]] = {}
        self._next_beat = self._next_count = 0.0
        self._complaint = ""

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def start(self) -> None:
        self.owner = f"{os.getpid()}-{os.urandom(8).hex()}"
        name = f"decant-sagas-{self.coordinator.module}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look at once: there is something new."""
        self._awake.set()

    def ask_to_stop(self) -> None:
        """Begin nothing new: neither sagas nor steps."""
        self._stopping.set()
        self._awake.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for running steps; hand over what does not end in time. Return whether all ended."""
        ends = time.monotonic() + timeout_s
        with self._idle:
            ended = self._idle.wait_for(lambda: not self._held, max(0.0, timeout_s))
        if not ended:
            self._hand_over()
        if self._thread is not None:
            self._thread.join(max(0.1, ends - time.monotonic()))
        return ended

    def drain(self) -> int:
        """Carry on everything there is, here and now; return how many times a saga was. For tests.

        Nothing waits: the time of a saga jumps to its next try.
        """
        self.owner = self.owner or f"drain-{os.urandom(8).hex()}"
        done = 0
        while claimed := self._store.claim_due(self.owner, self.coordinator.names, 100, math.inf):
            for instance in claimed:
                ahead_s = max(0.0, (instance.due_at or 0.0) - self._now())
                held = _Held(self, math.inf)
                self.coordinator.run(instance, held, partial(self._later, ahead_s))
                done += 1
        return done

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _later(self, seconds: float) -> float:
        return self._now() + seconds

    def _run(self) -> None:
        while not self.stopping or self._held:
            try:
                found = self._look()
            except Exception as error:  # noqa: BLE001 - the edge of the thread: it must outlive every outage
                self._complain(error)
                found = 0
            else:
                self._complaint = ""
            if not found:
                self._awake.wait(self._pause_s())
                self._awake.clear()

    def _look(self) -> int:
        """Show signs of life, take over what others left, begin what is due; return how much was begun."""
        now = time.monotonic()
        self._drop_alarms(now)
        if now >= self._next_beat:
            self._beat(now)
            self._next_beat = now + min(self.pace.poll_s, self.pace.lease_s / 4)
            if not self.stopping:
                self._take_over(now)
                self._keep_house(now)
        free = self.pace.concurrency - len(self._held)
        if self.stopping or free <= 0:
            return 0
        claimed = self._store.claim_due(self.owner, self.coordinator.names, free, self._now())
        self._begin(claimed, now)
        return len(claimed)

    def _begin(self, claimed: list[Instance], since: float) -> None:
        for instance in claimed:
            held = self._held[instance.id] = _Held(self, since)
            name = f"decant-saga-{instance.id}"
            threading.Thread(target=self._work, args=(instance, held), name=name, daemon=True).start()

    def _work(self, instance: Instance, held: _Held) -> None:
        saga = {"saga": instance.name, "saga_id": instance.id}
        try:
            after = self.coordinator.run(instance, held, self._now)
            if is_open(after) and after.due_at is not None:
                self._set_alarm(after.due_at - self._now())
        except Fenced as error:
            log.warning("saga %s %s: %s", instance.name, instance.id, error, extra=saga)
        except DecantError as error:
            # Others, or this process, take it over when its lease has run out.
            log.warning("saga %s %s cannot be recorded: %s", instance.name, instance.id, error, extra=saga)
        except Exception:
            log.exception("saga %s %s stopped", instance.name, instance.id, extra=saga)
        finally:
            self._let_go(instance.id)

    def _let_go(self, saga_id: str) -> None:
        with self._idle:
            was_full = len(self._held) >= self.pace.concurrency
            self._held.pop(saga_id, None)
            self._idle.notify_all()
        if was_full or self.stopping:
            self._awake.set()

    def _set_alarm(self, seconds: float) -> None:
        at = time.monotonic() + max(0.0, seconds) + LATE_S
        with self._idle:
            heapq.heappush(self._alarms, at)
        self._awake.set()

    def _drop_alarms(self, now: float) -> None:
        """Forget alarms that rang, also where nothing can be begun: whoever ends a saga then looks again."""
        with self._idle:
            while self._alarms and self._alarms[0] <= now:
                heapq.heappop(self._alarms)

    def _pause_s(self) -> float:
        with self._idle:
            first = self._alarms[0] if self._alarms else math.inf
        return max(0.0, min(self.pace.poll_s, first - time.monotonic()))

    def _beat(self, now: float) -> None:
        with self._idle:
            held = dict(self._held)
        if held:
            self._store.beat(self.owner, held)
            for one in held.values():
                one.renew(now)

    def _take_over(self, now: float) -> None:
        """Claim sagas whose owner has shown no sign of life for as long as this process has watched."""
        seen = {}
        for lease in self._store.leases(self.coordinator.names):
            if lease.owner == self.owner and lease.id in self._held:
                continue
            before, since = self._seen.get(lease.id, (None, now))
            seen[lease.id] = (lease, since if before == lease else now)
        self._seen = seen
        # Beyond the usual bound: what was begun elsewhere must not wait behind a thousand that are merely due.
        gone = [lease for lease, since in seen.values() if now - since >= self.pace.lease_s][: self.pace.concurrency]
        for instance in (claimed := self._store.claim_abandoned(self.owner, gone)):
            log.warning("saga %s %s is taken over", instance.name, instance.id, extra={"saga_id": instance.id})
        self._begin(claimed, now)

    def _keep_house(self, now: float) -> None:
        if now < self._next_count:
            return
        self._next_count = now + self.pace.count_s
        show_counts(self.coordinator.module, self.coordinator.names, self._store.count())
        self._store.prune(self._now() - self.pace.keep_s, PRUNE_LIMIT)

    def _hand_over(self) -> None:
        with self._idle:
            ids = tuple(self._held)
            self._held.clear()
        try:
            self._store.release(self.owner, ids)
        except Exception as error:  # noqa: BLE001 - their leases run out by themselves
            self._complain(error)
        else:
            log.warning("%d sagas in the middle of a step are handed over", len(ids))

    def _complain(self, error: Exception) -> None:
        """Log a failure, the same one only once."""
        complaint = f"{type(error).__name__}: {error}"
        if complaint != self._complaint:
            log.warning("the sagas of %s stand still: %s", self.coordinator.module, complaint)
        self._complaint = complaint
