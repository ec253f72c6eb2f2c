"""Whatever happens in whatever order, a saga ends completely, or fully compensated, or with a person."""

from __future__ import annotations

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from decant.db import ModuleDatabase, create_infrastructure
from decant.sagas import Fenced, Instance, SagaRunner, SagaStore
from tests.unit.sagas.shop import Base, Declined, Lost, Unreachable, World, participant, place, status_of


class Crash(BaseException):
    """The process dies here."""


TROUBLES = {
    "ok": None, "declined": Declined, "lost": Lost, "unreachable": Unreachable, "bug": ZeroDivisionError, "crash": Crash,
}  # fmt: skip
CALLS = ("clear-cart", "reserve", "charge", "find-charge", "notify", "release", "refund")
BEFORE = sorted(TROUBLES)
AFTER = ["bug", "crash", "lost", "ok"]  # the others say that nothing took effect
trouble = st.tuples(st.just("before"), st.sampled_from(BEFORE)) | st.tuples(st.just("after"), st.sampled_from(AFTER))
troubles = st.lists(trouble, max_size=6)


class Scripted(World):
    """A world in which each call meets the next trouble of its script, and none once that is over."""

    def __init__(self, scripts: dict[str, list[tuple[str, str]]]) -> None:
        super().__init__()
        for name, script in scripts.items():
            turns = list(reversed(script))
            self.before[name] = lambda turns=turns: self._next(turns, "before")
            self.after[name] = lambda turns=turns: self._next(turns, "after")

    @staticmethod
    def _next(turns: list[tuple[str, str]], when: str) -> Exception | None:
        if not turns or turns[-1][0] != when:
            return None
        kind = TROUBLES[turns.pop()[1]]
        return kind() if kind else None


def run_to_the_end(orders: ModuleDatabase, world: World, duplicates: bool) -> Instance:
    """Run the saga with new processes for those that die, and old ones that come back."""
    saga = place(orders)
    store = SagaStore(orders)
    late: list[Instance] = []
    for _ in range(200):
        runner = SagaRunner([participant(orders, world)])
        try:
            runner.drain()
        except Crash:
            (lease,) = store.leases({"checkout"})
            late += store.find(saga)
            with orders.transaction() as session:  # what a new owner does first of all
                (taken,) = store.claim_abandoned("new", [lease])
                taken.due_at = taken.due_at or 0.0
                store.record(session.connection(), taken, "")
        if duplicates:
            for zombie in late:
                expect_fenced(runner, zombie.copy())
        (instance,) = store.find(saga)
        if instance.state in {"done", "compensated", "parked"}:
            return instance
    raise AssertionError(f"still {instance.state} after 200 processes")


class StaleHold:
    """A claim that its owner believes in."""

    owner = "late"

    def check(self) -> None: ...

    def renew(self, since: float) -> None: ...

    def goes_on(self) -> bool:
        return True


def expect_fenced(runner: SagaRunner, zombie: Instance) -> None:
    """Let a process go on with what it knew of the saga when it was stopped."""
    coordinator = runner.dispatchers["orders"].coordinator
    try:
        coordinator.run(zombie, StaleHold(), lambda: zombie.started_at)
    except (Fenced, Crash):
        return
    raise AssertionError("a late coordinator was let through")


@settings(max_examples=50, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(scripts=st.fixed_dictionaries(dict.fromkeys(CALLS, troubles)))
def test_every_checkout_ends_paid_or_taken_back_or_parked(scripts: dict[str, list[tuple[str, str]]]) -> None:
    check(scripts, duplicates=False)


def check(scripts: dict[str, list[tuple[str, str]]], duplicates: bool) -> None:
    orders = ModuleDatabase("orders", "sqlite://")
    Base.metadata.create_all(orders.engine)
    with orders.engine.begin() as connection:
        create_infrastructure(connection, "orders")
    world = Scripted(scripts)
    try:
        instance = run_to_the_end(orders, world, duplicates)
        effects = {name: world.effects[f"{name}:o1"] for name in CALLS}
        status = status_of(orders)[0]
    finally:
        orders.close()
    assert all(count <= 1 for name, count in effects.items() if name != "find-charge"), effects
    assert effects["refund"] <= effects["charge"]
    assert effects["release"] <= effects["reserve"]
    if instance.state == "done":
        assert (status, effects["charge"], effects["reserve"]) == ("paid", 1, 1)
        assert (effects["refund"], effects["release"]) == (0, 0)
    elif instance.state == "compensated":
        assert status == "cancelled"
        assert effects["refund"] == effects["charge"]
        assert effects["release"] == effects["reserve"]
    else:
        assert instance.history[-1].name == "notify"
        assert (status, effects["charge"], effects["refund"]) == ("paid", 1, 0)


@settings(max_examples=50, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(scripts=st.fixed_dictionaries(dict.fromkeys(CALLS, troubles)))
def test_a_process_that_comes_back_late_changes_nothing(scripts: dict[str, list[tuple[str, str]]]) -> None:
    # Its calls carry the same keys, so they have no effect that was not there; what it writes is refused. Only
    # an action that nobody made yet could begin late, which is why compensations have to keep it out.
    crashing = {name: [turn for turn in script if turn[1] in {"ok", "crash"}] for name, script in scripts.items()}
    check(crashing, duplicates=True)
