"""Idempotency keys: a call that is repeated with the same key has one effect, and the first one's answer.

::

    (no row) ──claim──▶ claimed ──answer──▶ answered ──24 h──▶ (no row)
       ▲                │  │  ▲
       └────release─────┘  └──┘ taken over once the lease is over

A claim is committed in a short transaction of its own, before the call does anything, so that a second call finds
it. The answer is stored in the call's *own* transaction, and only while the claim is still its own: effect and
answer are committed together or not at all, whoever dies when. A call that fails gives its claim back; one that
died leaves it until its lease is over.

A call that commits by itself before it returns has effects without an answer. That is noted in the same transaction:
should it end there, its repetition is told so (``idempotency-answer-lost``) and does not run.

Source: draft-ietf-httpapi-idempotency-key-header; Stripe, "Idempotent requests"; fencing tokens as in Kleppmann,
"How to do distributed locking".
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol
from uuid import uuid4

from decant.clock import Clock
from decant.context import EMPTY, CallContext, current, deadline, use
from decant.errors import DomainError, Unavailable
from decant.wiring import Scope

log = logging.getLogger(__name__)

KEPT_S = 24 * 3600.0
"""Seconds for which a key and its answer are kept."""

LEASE_MARGIN_S = 5.0
"""Seconds beyond a call's deadline until another one may take its claim over."""

LEASE_S = 60.0
"""Seconds until that for a call without deadline. It may last longer, as long as nobody repeats it."""

PRUNE_EVERY_S = 60.0
PRUNE_BATCH = 500
TRIES = 5
RELEASE_S = 2.0

HEADER = "Idempotency-Key"

COMMITTED = b"\0"
"""Stands where the answer will be, from the first commit that a call makes by itself on. No answer begins so."""

_key = re.compile(r"[\x21-\x7e]{1,255}").fullmatch


class IdempotencyKeyMalformed(DomainError, code="idempotency-key-malformed", status=400):
    """The Idempotency-Key header is not 1 to 255 visible ASCII characters."""


class IdempotencyKeyInUse(DomainError, code="idempotency-key-in-use", status=409, retryable=True):
    """A call with this idempotency key is still running; repeat it to get its answer."""

    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": "1"}


class IdempotencyKeyReused(DomainError, code="idempotency-key-reused", status=422):
    """This idempotency key was used for a call with other arguments; nothing was done."""


class IdempotencyAnswerLost(DomainError, code="idempotency-answer-lost", status=409):
    """The call with this idempotency key had effects and ended without an answer; look before you use another key."""


IDEMPOTENCY_ERRORS = (IdempotencyKeyMalformed, IdempotencyKeyInUse, IdempotencyKeyReused, IdempotencyAnswerLost)
"""What operations with ``idempotent=True`` document besides their own errors."""


def parse_key(header: str) -> str | None:
    """Return the key in an ``Idempotency-Key`` header, with or without the draft's quotes; None for a malformed one."""
    if len(header) > 2 and header[0] == header[-1] == '"':
        header = header[1:-1]
    return header if _key(header) else None


class Entry(NamedTuple):
    """What is stored for one key.

    Attributes:
        claim: The id of the claim that is, or was, to be answered.
        fingerprint: Stands for the call's arguments.
        lease_until: When another call may take an unanswered claim over, in seconds of the wall clock.
        created_at: When it was claimed, in seconds of the wall clock.
        answer: The encoded answer, or None before there is one; ``COMMITTED`` in between.
    """

    claim: str
    fingerprint: str
    lease_until: float
    created_at: float
    answer: bytes | None = None


class KeyStore(Protocol):
    """Where a module's keys are kept; each method but the first two is a transaction of its own."""

    def before_commits(self, scope: Scope, note: Callable[[], None] | None) -> None:
        """Call ``note`` before each commit of writes in the call's own transaction; None: no more."""
        ...

    def answer(self, scope: Scope, slot: str, claim: str, answer: bytes) -> bool:
        """Store an answer in the call's own transaction; False when the claim is another one's by now."""
        ...

    def read(self, slot: str) -> Entry | None:
        """Return what is stored for a key."""
        ...

    def insert(self, slot: str, entry: Entry) -> bool:
        """Store a claim; False when there is an entry already."""
        ...

    def replace(self, slot: str, seen: Entry, entry: Entry) -> bool:
        """Store a claim in place of another entry; False when that is not as it was seen any more."""
        ...

    def release(self, slot: str, claim: str) -> None:
        """Delete a claim that has no answer; of one that is ``COMMITTED``, end the lease."""
        ...

    def prune(self, before: float, limit: int) -> int:
        """Delete at most ``limit`` entries that were made before a time; return how many there were."""
        ...


class Claim(NamedTuple):
    """The right to answer for a key."""

    slot: str
    id: str


class IdempotentCalls:
    """The keys of one module's calls.

    Args:
        store: Where they are kept.
        clock: Says when a lease is over, and when a key is forgotten.
        margin_s: Seconds beyond a call's deadline until another one may take its claim over. Clocks of processes that
            share the database ought to agree within it; where they do not, a call may be repeated while it runs,
            and still only one of the two is committed.

    Thread-safety: share it freely.
    """

    def __init__(self, store: KeyStore, clock: Clock, *, margin_s: float = LEASE_MARGIN_S) -> None:
        self.store = store
        self.clock = clock
        self.margin_s = margin_s
        self._prune_at = 0.0

    def claim(self, slot: str, fingerprint: str) -> Claim | bytes:
        """Return a claim for a call that is to run now, or the answer of the one that ran before.

        Args:
            slot: From :func:`slot_of`.
            fingerprint: Stands for the call's arguments.

        Raises:
            IdempotencyKeyInUse: While another call with the key is running.
            IdempotencyKeyReused: When the key stands for other arguments.
            IdempotencyAnswerLost: When a call with the key has committed effects, and ended before its answer.
            Unavailable: When the store cannot be asked.
        """
        claim = Claim(slot, uuid4().hex)
        for _ in range(TRIES):
            try:
                found = self._try(claim, fingerprint)
            except Unavailable as error:
                if not error.rolled_back:
                    raise
            else:
                if found is not None:
                    return found
        raise IdempotencyKeyInUse

    def _try(self, claim: Claim, fingerprint: str) -> Claim | bytes | None:
        """Claim once; None when somebody else was faster, so that it is worth another look."""
        now, store = self.clock.now().timestamp(), self.store
        entry = Entry(claim.id, fingerprint, now + self._lease_s(), now)
        seen = store.read(claim.slot)
        if seen is None:
            won = store.insert(claim.slot, entry)
        elif seen.claim == claim.id:  # inserted just now, and the answer to that was lost
            won = True
        elif seen.created_at + KEPT_S <= now:
            won = store.replace(claim.slot, seen, entry)
        elif seen.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        elif seen.answer is not None and seen.answer != COMMITTED:
            return seen.answer
        elif seen.lease_until > now:
            raise IdempotencyKeyInUse
        elif seen.answer is not None:
            raise IdempotencyAnswerLost
        else:
            won = store.replace(claim.slot, seen, entry)
        if won:
            self._prune(now)
        return claim if won else None

    def begin(self, scope: Scope, claim: Claim) -> None:
        """Have each commit that the call makes by itself note that it had effects, before its work begins."""
        self.store.before_commits(scope, lambda: self._store(scope, claim, COMMITTED))

    def answer(self, scope: Scope, claim: Claim, answer: bytes) -> None:
        """Store a call's answer in its own transaction, which is to be committed at once.

        Raises:
            IdempotencyKeyInUse: When the lease was over and another call has taken the claim: this one's transaction
                is to be rolled back.
        """
        self.store.before_commits(scope, None)
        self._store(scope, claim, answer)

    def _store(self, scope: Scope, claim: Claim, answer: bytes) -> None:
        if not self.store.answer(scope, claim.slot, claim.id, answer):
            raise IdempotencyKeyInUse(
                "The call took longer than its claim on the idempotency key, and another one has taken it over."
            )

    def release(self, claim: Claim) -> None:
        """Give a claim back after a failure, once the call's transaction is over. Where that fails, its lease ends."""
        try:
            with use(EMPTY), deadline(RELEASE_S):  # the call's own deadline may be what it failed of
                self.store.release(claim.slot, claim.id)
        except Exception as error:  # noqa: BLE001 - the call's own failure says what went wrong
            log.warning("an idempotency key stays claimed until its lease is over: %s", error)

    def _lease_s(self) -> float:
        left_s = current.get().remaining_s()
        return (LEASE_S if left_s is None else max(0.0, left_s)) + self.margin_s

    def _prune(self, now: float) -> None:
        if now < self._prune_at:
            return
        self._prune_at = now + PRUNE_EVERY_S
        try:
            if self.store.prune(now - KEPT_S, PRUNE_BATCH) == PRUNE_BATCH:
                self._prune_at = now  # there are more: the next claim deletes them
        except Exception as error:  # noqa: BLE001 - the call has its claim, and the next one prunes
            log.warning("idempotency keys that are over were not deleted: %s", error)


def slot_of(operation: str, context: CallContext, *, between: bool) -> str:
    """Return what a call's key is stored under.

    Keys are apart for each operation, each user, and for clients and other modules: nobody sees another one's
    answer, and no client can take a key that a module is going to use. Where nobody has verified who calls, the
    ``Authorization`` header tells callers apart; those without one share their keys, and get an answer only for
    the very same arguments. Callers who are told apart by anything else, such as a cookie, share them too.

    Args:
        operation: The operation's name and whatever else tells it from others.
        context: The call's own, with its key.
        between: Whether it is a call between modules.
    """
    between = between or context.caller.service is not None
    user = context.caller.subject
    shown = context.authorization if user is None else None
    parts = [operation, "module" if between else "edge", user, shown, context.idempotency_key]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
