"""Calls between modules of one process with an idempotency key: one effect, one answer, in both modes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from decant.context import CallContext, Caller, current, idempotency_key, use
from decant.contracts import Contract, contract_of, direct_client, strict_client
from decant.db import DatabaseKeys, ModuleBase, ModuleDatabase, create_infrastructure
from decant.errors import DomainError, SetupError
from decant.http.declare import get, post
from decant.idempotency import IdempotencyKeyInUse, IdempotencyKeyReused, IdempotentCalls
from decant.wiring import Registry
from tests.support.clocks import HandClock


class Base(ModuleBase, DeclarativeBase, module="tills"):
    pass


class Charge(Base):
    id: Mapped[int] = mapped_column(primary_key=True)
    cents: Mapped[int]


class Receipt(BaseModel):
    number: int
    cents: int


class Declined(DomainError, code="tills.declined", status=402):
    """The card was declined."""


class Tills(Contract, module="tills"):
    @post("/charges", idempotent=True)
    def charge(self, cents: int, tags: set[str] = frozenset(), pin: SecretStr | None = None) -> Receipt: ...  # type: ignore[assignment]

    @post("/refunds", idempotent=True)
    def refund(self, cents: int) -> None: ...

    @post("/plain")
    def plain(self) -> str | None: ...

    @post("/outer", idempotent=True)
    def outer(self) -> str | None: ...


MIDDLE: list[Callable[[], object]] = []
"""What a charge does before it is over."""


class TillService(Tills):
    def __init__(self, db: Session) -> None:
        self.db = db

    def charge(self, cents: int, tags: set[str] = frozenset(), pin: SecretStr | None = None) -> Receipt:  # type: ignore[assignment]
        charge = Charge(cents=cents)
        self.db.add(charge)
        self.db.flush()
        while MIDDLE:
            MIDDLE.pop()()
        return Receipt(number=charge.id, cents=cents)

    def refund(self, cents: int) -> None:
        self.db.add(Charge(cents=-cents))

    def plain(self) -> str | None:
        return current.get().idempotency_key

    def outer(self) -> str | None:
        return inner.plain()


class Tilled:
    """A module's database, its keys, and clients of it."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.database = ModuleDatabase("tills", f"sqlite:///{folder}/tills.sqlite3")
        with self.database.engine.begin() as connection:
            create_infrastructure(connection, "tills")
            Base.metadata.create_all(connection)
        self.registry = Registry()
        self.registry.add_factory(Session, lambda scope: self.database.session(), close=self.database.close_session)
        self.registry.add_translator(self.database.unavailable)
        self.registry.add_value(IdempotentCalls, IdempotentCalls(DatabaseKeys(self.database), self.clock))

    def charges(self) -> int:
        with self.database.transaction() as session:
            return session.scalar(select(func.count()).select_from(Charge)) or 0


inner: Any = None


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Tilled]:
    made = Tilled(tmp_path)
    yield made
    made.database.close()
    MIDDLE.clear()


@pytest.fixture(params=[direct_client, strict_client], ids=["direct", "strict"])
def tills(request: pytest.FixtureRequest, till: Tilled) -> Any:
    global inner
    inner = request.param(contract_of(Tills), TillService, till.registry)
    return inner


def test_a_repeated_call_has_one_effect_and_the_first_answer(tills: Any, till: Tilled) -> None:
    with idempotency_key("k1"):
        first = tills.charge(100)
        assert tills.charge(cents=100) == first == Receipt(number=1, cents=100)
    assert till.charges() == 1


def test_without_a_key_each_call_has_its_effect(tills: Any, till: Tilled) -> None:
    assert [tills.charge(100).number for _ in range(2)] == [1, 2]


def test_another_key_is_another_call(tills: Any, till: Tilled) -> None:
    for key in ("k1", "k2"):
        with idempotency_key(key):
            tills.charge(100)
    assert till.charges() == 2


def test_a_key_is_per_operation(tills: Any, till: Tilled) -> None:
    with idempotency_key("k1"):
        tills.charge(100)
        tills.refund(100)
        tills.refund(100)
    assert till.charges() == 2


def test_a_key_is_per_user(tills: Any, till: Tilled) -> None:
    for user in ("a", "b"):
        with use(CallContext(caller=Caller(user))), idempotency_key("k1"):
            assert tills.charge(100).number == (1 if user == "a" else 2)
    assert till.charges() == 2


def test_the_key_of_other_arguments_is_refused_and_nothing_runs(tills: Any, till: Tilled) -> None:
    with idempotency_key("k1"):
        tills.charge(100)
        with pytest.raises(IdempotencyKeyReused):
            tills.charge(200)
    assert till.charges() == 1


def test_arguments_are_the_same_whatever_their_order_and_defaults(tills: Any, till: Tilled) -> None:
    with idempotency_key("k1"):
        tills.charge(100, {"a", "b", "c", "d"})
        tills.charge(tags={"d", "c", "b", "a"}, cents=100, pin=None)
    assert till.charges() == 1


def test_secrets_are_arguments_like_any_other(till: Tilled) -> None:
    tills: Any = direct_client(contract_of(Tills), TillService, till.registry)  # type: ignore[arg-type]
    with idempotency_key("k1"):
        tills.charge(100, pin=SecretStr("1234"))
        with pytest.raises(IdempotencyKeyReused):
            tills.charge(100, pin=SecretStr("4321"))


def test_while_the_first_call_runs_a_second_is_refused(till: Tilled) -> None:
    tills: Any = direct_client(contract_of(Tills), TillService, till.registry)  # type: ignore[arg-type]
    seen: list[BaseException] = []

    def again() -> None:
        with idempotency_key("k1"):
            try:
                tills.charge(100)
            except IdempotencyKeyInUse as error:
                seen.append(error)

    MIDDLE.append(again)
    with idempotency_key("k1"):
        tills.charge(100)
    assert [error.headers() for error in seen] == [{"Retry-After": "1"}]  # type: ignore[attr-defined]
    assert till.charges() == 1


def _decline() -> None:
    raise Declined


def test_a_call_that_failed_gives_its_key_back_and_stores_nothing(tills: Any, till: Tilled) -> None:
    MIDDLE.append(_decline)
    with idempotency_key("k1"):
        with pytest.raises(Declined):
            tills.charge(100)
        assert till.charges() == 0
        assert tills.charge(250) == Receipt(number=1, cents=250)  # the key stands for nothing yet


def test_a_key_is_known_for_24_hours(tills: Any, till: Tilled) -> None:
    with idempotency_key("k1"):
        tills.charge(100)
        till.clock.forward(23 * 3600)
        tills.charge(100)
        assert till.charges() == 1
        till.clock.forward(2 * 3600)
        tills.charge(100)
        assert till.charges() == 2


def test_keys_that_are_over_are_deleted_when_another_one_is_claimed(tills: Any, till: Tilled) -> None:
    keys = DatabaseKeys(till.database)
    for hours in (0, 25):
        till.clock.forward(hours * 3600)
        with idempotency_key(f"k{hours}"):
            tills.charge(100)
    assert keys.prune(till.clock.now().timestamp() + 1, 10) == 1


def test_a_call_that_lost_its_claim_is_rolled_back(till: Tilled) -> None:
    """As when a process stands still for longer than the lease, and another one answers meanwhile."""
    tills: Any = direct_client(contract_of(Tills), SlowService, till.registry)  # type: ignore[arg-type]

    def taken_over() -> None:
        till.clock.forward(3600)
        with idempotency_key("k1"):
            tills.charge(100)

    MIDDLE.append(taken_over)
    with idempotency_key("k1"):
        with pytest.raises(IdempotencyKeyInUse, match="taken it over"):
            tills.charge(100)
        assert tills.charge(100).number == 1
    assert till.charges() == 1


class SlowService(TillService):
    def charge(self, cents: int, tags: set[str] = frozenset(), pin: SecretStr | None = None) -> Receipt:  # type: ignore[assignment]
        while MIDDLE:  # before the session writes: SQLite has one writer
            MIDDLE.pop()()
        return super().charge(cents, tags, pin)


def test_a_claim_whose_holder_died_is_taken_over_once_its_lease_is_over(tills: Any, till: Tilled) -> None:
    class Died(BaseException):
        pass

    def die() -> None:
        till.registry.getter(IdempotentCalls)(None).release = lambda claim: None  # type: ignore[arg-type]
        raise Died

    MIDDLE.append(die)
    with use(CallContext(deadline=None)), idempotency_key("k1"):
        with pytest.raises(Died):
            tills.charge(100)
        with pytest.raises(IdempotencyKeyInUse):
            tills.charge(100)
        till.clock.forward(66)
        assert tills.charge(100).number == 1


def test_an_operations_own_key_does_not_go_on_to_the_calls_it_makes(tills: Any) -> None:
    with idempotency_key("k1"):
        assert tills.plain() == "k1"
        assert tills.outer() is None


def test_none_is_an_answer_like_any_other(tills: Any, till: Tilled) -> None:
    with idempotency_key("k1"):
        assert tills.refund(1) is tills.refund(1) is None
    assert till.charges() == 1


def test_a_module_without_database_cannot_keep_keys() -> None:
    class Halls(Contract, module="halls"):
        @post("/halls", idempotent=True)
        def book(self) -> str: ...

    class HallService(Halls):
        def book(self) -> str:
            return "booked"

    with pytest.raises(SetupError, match=r"halls\.book: idempotent=True keeps keys in the module's database") as caught:
        direct_client(contract_of(Halls), HallService, Registry())  # type: ignore[arg-type]
    assert caught.value.hint is not None
    assert "models.py" in caught.value.hint


def test_a_result_that_is_not_said_cannot_be_stored(till: Tilled) -> None:
    class Halls(Contract, module="halls"):
        @post("/halls", idempotent=True)
        def book(self) -> Any: ...

    class HallService(Halls):
        def book(self) -> Any:
            return "booked"

    with pytest.raises(SetupError, match="stores answers"):
        direct_client(contract_of(Halls), HallService, till.registry)  # type: ignore[arg-type]


def test_a_get_has_nothing_to_make_idempotent() -> None:
    with pytest.raises(SetupError, match="a GET reads"):
        get("/things", idempotent=True)


def test_a_call_that_lost_its_claim_and_fails_leaves_the_other_ones_answer_alone(till: Tilled) -> None:
    tills: Any = direct_client(contract_of(Tills), SlowService, till.registry)  # type: ignore[arg-type]

    def taken_over() -> None:
        till.clock.forward(3600)
        with idempotency_key("k1"):
            tills.charge(100)
        _decline()

    MIDDLE.append(taken_over)
    with idempotency_key("k1"):
        with pytest.raises(Declined):
            tills.charge(100)
        assert tills.charge(100).number == 1
    assert till.charges() == 1
