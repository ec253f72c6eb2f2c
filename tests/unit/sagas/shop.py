"""A shop's checkout as a saga, with stand-ins for the modules that it calls."""

from collections import Counter
from collections.abc import Callable

from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from decant.context import call_key
from decant.db import ModuleBase, ModuleDatabase
from decant.errors import DomainError, NotFoundError, RemoteCallError, Unavailable
from decant.sagas import Failure, Saga, SagaParticipant, compensated, start, step
from decant.wiring import Registry


class Base(ModuleBase, DeclarativeBase, module="orders"):
    pass


class Order(Base):
    id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(default="pending")
    reason: Mapped[str] = mapped_column(default="")


class Declined(DomainError, code="payments.declined", status=402):
    """The card was declined."""


class Lost(RemoteCallError):
    """The answer of a call that may have run."""

    def __init__(self) -> None:
        super().__init__("No answer came.", may_have_run=True)


class Unreachable(Unavailable):
    def __init__(self) -> None:
        super().__init__("Nobody is there.", may_have_run=False)


Trouble = Callable[[], Exception | None]


class World:
    """The modules that the checkout calls: each effect is applied once per key, as idempotent operations do.

    Attributes:
        effects: How often each effect was applied, by ``<what>:<order>``.
        calls: The calls in order, with their keys.
        before: What a call raises before it has its effect, by name.
        after: What it raises after that.
    """

    def __init__(self) -> None:
        self.effects: Counter[str] = Counter()
        self.calls: list[tuple[str, str | None]] = []
        self.before: dict[str, Trouble] = {}
        self.after: dict[str, Trouble] = {}
        self._known: set[tuple[str, str | None]] = set()

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def call(self, name: str, order_id: str) -> None:
        key = call_key.get()
        self.calls.append((name, key))
        self._raise(self.before, name)
        if (name, key) not in self._known:
            self._known.add((name, key))
            self.effects[f"{name}:{order_id}"] += 1
        self._raise(self.after, name)

    def happened(self, name: str, order_id: str) -> bool:
        return self.effects[f"{name}:{order_id}"] > 0

    @staticmethod
    def _raise(troubles: dict[str, Trouble], name: str) -> None:
        error = troubles[name]() if name in troubles else None
        if error is not None:
            raise error


class CheckoutData(BaseModel):
    order_id: str
    payment_id: str | None = None


class Checkout(Saga[CheckoutData], key="order_id", deadline_s=600):
    def __init__(self, db: Session, world: World) -> None:
        self.db = db
        self.world = world

    @step
    def clear_cart(self, data: CheckoutData) -> None:
        self.world.call("clear-cart", data.order_id)

    @step(deadline_s=30)
    def reserve(self, data: CheckoutData) -> None:
        self.world.call("reserve", data.order_id)
        self._set(data, "reserved")

    @reserve.compensation
    def release(self, data: CheckoutData) -> None:
        if self.world.happened("reserve", data.order_id):
            self.world.call("release", data.order_id)

    @step(deadline_s=60, pivot=True)
    def charge(self, data: CheckoutData) -> None:
        self.world.call("charge", data.order_id)
        data.payment_id = f"pay-{data.order_id}"
        self._set(data, "paid")

    @charge.unknown
    def find_charge(self, data: CheckoutData) -> bool:
        self.world.call("find-charge", data.order_id)
        if not self.world.happened("charge", data.order_id):
            raise NotFoundError("There is no such charge.")
        data.payment_id = f"pay-{data.order_id}"
        self._set(data, "paid")
        return True

    @charge.compensation
    def refund(self, data: CheckoutData) -> None:
        if self.world.happened("charge", data.order_id):
            self.world.call("refund", data.order_id)

    @step(deadline_s=3600)
    def notify(self, data: CheckoutData) -> None:
        self.world.call("notify", data.order_id)

    @compensated
    def cancel(self, data: CheckoutData, failure: Failure) -> None:
        self._set(data, "cancelled", failure.code)

    def _set(self, data: CheckoutData, status: str, reason: str = "") -> None:
        order = self.db.get_one(Order, data.order_id)
        order.status, order.reason = status, reason


def participant(database: ModuleDatabase, world: World) -> SagaParticipant:
    registry = Registry()
    registry.add_value(World, world)
    registry.add_factory(Session, lambda scope: database.session(), close=database.close_session)
    registry.add_translator(database.unavailable)
    return SagaParticipant(database, [Checkout], registry)


def place(database: ModuleDatabase, order_id: str = "o1") -> str:
    """Place an order; return the id of its saga."""
    with database.transaction() as session:
        session.add(Order(id=order_id))
        return start(session, Checkout, CheckoutData(order_id=order_id))


def status_of(database: ModuleDatabase, order_id: str = "o1") -> tuple[str, str]:
    with database.transaction() as session:
        order = session.get_one(Order, order_id)
        return order.status, order.reason
