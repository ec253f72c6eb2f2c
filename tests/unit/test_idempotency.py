"""One key's life, in any order of claims, crashes, late commits, takeovers and time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from decant.context import CallContext, Caller
from decant.db import DatabaseKeys, ModuleBase, ModuleDatabase, create_infrastructure
from decant.errors import Unavailable
from decant.idempotency import (
    KEPT_S,
    LEASE_MARGIN_S,
    LEASE_S,
    Claim,
    Entry,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    IdempotentCalls,
    parse_key,
    slot_of,
)
from decant.wiring import Registry, Scope
from tests.support.clocks import HandClock

SLOT = "slot"
LEASE = LEASE_S + LEASE_MARGIN_S


class Base(ModuleBase, DeclarativeBase, module="ledger"):
    pass


class Effect(Base):
    id: Mapped[int] = mapped_column(primary_key=True)


@dataclass
class Running:
    """A call that has claimed and is at work."""

    claim: Claim
    arguments: str
    since: float


class OneKey(RuleBasedStateMachine):
    """Calls that share a key: an effect is committed once in 24 hours, and every answer is the one that came with it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.database = ModuleDatabase("ledger", "sqlite://")
        with self.database.engine.begin() as connection:
            create_infrastructure(connection, "ledger")
            Base.metadata.create_all(connection)
        self.registry = Registry()
        self.registry.add_factory(Session, lambda scope: self.database.session(), close=self.database.close_session)
        self.calls = IdempotentCalls(DatabaseKeys(self.database), self.clock)
        self.running: list[Running] = []
        self.committed: list[tuple[Running, bytes]] = []
        """The calls whose effects were kept, in order, and what they answered."""
        self.seen: set[str] = set()
        """The arguments of all calls that ever got the key."""
        self.last_claim_at = 0.0

    def teardown(self) -> None:
        self.database.close()

    @property
    def now(self) -> float:
        return self.clock.now().timestamp()

    @rule(arguments=st.sampled_from("aaab"))
    def call(self, arguments: str) -> None:
        try:
            got = self.calls.claim(SLOT, arguments)
        except IdempotencyKeyReused:
            assert self.seen - {arguments}
        except IdempotencyKeyInUse:
            assert self.last_claim_at + LEASE > self.now
        else:
            if isinstance(got, bytes):
                first, answer = self.committed[-1]
                assert (first.arguments, answer) == (arguments, got)
                assert first.since + KEPT_S > self.now
            else:
                self.running.append(Running(got, arguments, self.now))
                self.seen.add(arguments)
                self.last_claim_at = self.now

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 9))
    def commit(self, which: int) -> None:
        """A call comes to its end, maybe long after its lease."""
        call = self.running.pop(which % len(self.running))
        scope = Scope(self.registry)
        answer = f"answer {len(self.committed)}".encode()
        try:
            scope.get(Session).add(Effect())
            self.calls.answer(scope, call.claim, answer)
            scope.close(True)
        except IdempotencyKeyInUse as error:
            scope.fail(error)
            assert call.claim.id != self._holder()
        else:
            self.committed.append((call, answer))

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 9), crashed=st.booleans())
    def fail(self, which: int, crashed: bool) -> None:
        """A call fails and gives its claim back; or its process dies, and the claim stays."""
        call = self.running.pop(which % len(self.running))
        if not crashed:
            self.calls.release(call.claim)

    @rule(seconds=st.sampled_from([1.0, LEASE - 2, LEASE, LEASE, KEPT_S]))
    def wait(self, seconds: float) -> None:
        self.clock.forward(seconds)

    def _holder(self) -> str | None:
        seen = self.calls.store.read(SLOT)
        return None if seen is None else seen.claim

    @invariant()
    def effects_are_those_that_were_answered(self) -> None:
        with self.database.transaction() as session:
            assert session.scalar(select(func.count()).select_from(Effect)) == len(self.committed)

    @invariant()
    def the_calls_of_two_effects_are_a_day_apart(self) -> None:
        assert all(later.since >= earlier.since + KEPT_S for (earlier, _), (later, _) in pairwise(self.committed))

    @invariant()
    def the_stored_answer_is_the_last_committed_one(self) -> None:
        seen = self.calls.store.read(SLOT)
        if seen is not None and seen.answer is not None:
            assert self.committed[-1][1] == seen.answer


OneKeyTest = OneKey.TestCase
OneKeyTest.settings = settings(max_examples=100, stateful_step_count=30, suppress_health_check=list(HealthCheck))


class Slots:
    """A store in memory that does what a test says."""

    def __init__(self, *seen: Entry | BaseException | None) -> None:
        self.seen = list(seen)
        self.inserted: list[Entry] = []
        self.insert_error: BaseException | None = None
        self.pruned: list[float] = []
        self.left = 0

    def read(self, slot: str) -> Entry | None:
        found = self.seen.pop(0) if self.seen else None
        if isinstance(found, BaseException):
            raise found
        return found or (self.inserted[-1] if self.inserted else None)

    def insert(self, slot: str, entry: Entry) -> bool:
        self.inserted.append(entry)
        if self.insert_error is not None:
            error, self.insert_error = self.insert_error, None
            raise error
        return True

    def replace(self, slot: str, seen: Entry, entry: Entry) -> bool:
        return False

    def before_commits(self, scope: Scope, note: Callable[[], None] | None) -> None:
        pass

    def answer(self, scope: Scope, slot: str, claim: str, answer: bytes) -> bool:
        return False

    def release(self, slot: str, claim: str) -> None:
        raise Unavailable("gone")

    def prune(self, before: float, limit: int) -> int:
        self.pruned.append(before)
        deleted, self.left = min(self.left, limit), max(0, self.left - limit)
        return deleted


def conflict() -> Unavailable:
    error = Unavailable("a deadlock")
    error.rolled_back = True
    return error


def test_a_claim_that_lost_to_another_transaction_is_tried_again() -> None:
    assert isinstance(IdempotentCalls(Slots(conflict(), conflict()), HandClock()).claim(SLOT, "a"), Claim)


def test_a_claim_whose_commit_got_no_answer_is_found_to_be_ones_own() -> None:
    store = Slots()
    store.insert_error = conflict()
    claim = IdempotentCalls(store, HandClock()).claim(SLOT, "a")
    assert isinstance(claim, Claim)
    assert [entry.claim for entry in store.inserted] == [claim.id]


def test_an_unreachable_store_is_an_error_and_not_a_call_without_key() -> None:
    with pytest.raises(Unavailable):
        IdempotentCalls(Slots(Unavailable("down")), HandClock()).claim(SLOT, "a")


def test_a_lapsed_claim_that_others_always_get_first_is_in_use() -> None:
    stale = Entry("other", "a", 0.0, HandClock().now().timestamp())
    with pytest.raises(IdempotencyKeyInUse):
        IdempotentCalls(Slots(*[stale] * 9), HandClock()).claim(SLOT, "a")


def test_a_release_that_fails_is_no_error_of_the_call(caplog: pytest.LogCaptureFixture) -> None:
    IdempotentCalls(Slots(), HandClock()).release(Claim(SLOT, "id"))
    assert "stays claimed until its lease is over" in caplog.text


def test_deleting_old_keys_goes_on_with_the_next_claim_while_there_are_more() -> None:
    store, clock = Slots(), HandClock()
    store.left = 700
    calls = IdempotentCalls(store, clock)
    for _ in range(4):
        store.inserted.clear()
        calls.claim(SLOT, "a")
    assert len(store.pruned) == 2
    assert store.pruned[0] == clock.now().timestamp() - KEPT_S
    clock.forward(61)
    store.inserted.clear()
    calls.claim(SLOT, "a")
    assert len(store.pruned) == 3


@pytest.mark.parametrize(
    ("header", "key"),
    [("k1", "k1"), ('"k1"', "k1"), ('""', '""'), ("", None), ("a b", None), ("ü", None), ("k" * 256, None)],
)
def test_a_header_holds_a_key_or_nothing(header: str, key: str | None) -> None:
    assert parse_key(header) == key


def test_a_slot_differs_by_operation_user_key_and_side() -> None:
    def slot(operation: str = "POST a.b", user: str | None = "u", key: str = "k", **rest: Any) -> str:
        caller = Caller(user, rest.get("service"))
        context = CallContext(caller=caller, idempotency_key=key, authorization=rest.get("authorization"))
        return slot_of(operation, context, between=rest.get("between", False))

    slots = [slot(), slot("POST a.c"), slot(user="v"), slot(user=None), slot(key="l"), slot(between=True)]
    assert len(set(slots)) == len(slots)
    assert slot(service="desk") == slot(between=True)
    assert slot(authorization="Bearer new") == slot(authorization="Bearer old"), "one user, whatever the token"
    assert slot(user=None, authorization="Basic a") != slot(user=None, authorization="Basic b"), "nobody knows better"
