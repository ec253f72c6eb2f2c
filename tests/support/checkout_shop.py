"""A workspace whose orders are placed, charged and confirmed by a saga, written to a folder for commands and services."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

FILES = {
    "decant.toml": """
        [workspace]
        name = "PACKAGE"
        modules = "PACKAGE"
    """,
    "PACKAGE/__init__.py": "",
    "PACKAGE/payments/__init__.py": "from decant import Module\n\nmodule = Module(__name__)\n",
    "PACKAGE/payments/api.py": """
        from decant import Contract, DomainError, get, post


        class Declined(DomainError, code="payments.declined", status=402):
            '''The card was declined.'''


        class Payments(Contract):
            @post("/charges", idempotent="natural")
            def charge(self, order_id: str, method: str) -> str: ...

            @post("/refunds", idempotent="natural")
            def refund(self, order_id: str) -> None: ...

            @get("/charges")
            def charges(self) -> list[str]: ...
    """,
    "PACKAGE/payments/service.py": """
        from PACKAGE.payments.api import Declined, Payments

        CHARGED: dict[str, str] = {}


        class PaymentService(Payments):
            def charge(self, order_id: str, method: str) -> str:
                if method == "declined":
                    raise Declined
                return CHARGED.setdefault(order_id, f"pay-{order_id}")

            def refund(self, order_id: str) -> None:
                CHARGED.pop(order_id, None)

            def charges(self) -> list[str]:
                return list(CHARGED)
    """,
    "PACKAGE/orders/__init__.py": "from decant import Module\n\nmodule = Module(__name__)\n",
    "PACKAGE/orders/api.py": """
        from decant import Contract, Event, get, post


        class OrderCreated(Event, type="orders.created", key="order_id"):
            order_id: str
            method: str


        class Orders(Contract):
            @post("/orders", public=True)
            def place(self, order_id: str, method: str) -> None: ...

            @get("/orders/<order_id>", public=True)
            def status(self, order_id: str) -> str: ...
    """,
    "PACKAGE/orders/models.py": """
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

        from decant.db import ModuleBase


        class Base(ModuleBase, DeclarativeBase, module="orders"):
            pass


        class Order(Base):
            id: Mapped[str] = mapped_column(primary_key=True)
            status: Mapped[str]
    """,
    "PACKAGE/orders/service.py": """
        from sqlalchemy.orm import Session

        from decant import publish
        from PACKAGE.orders.api import OrderCreated, Orders
        from PACKAGE.orders.models import Order


        class OrderService(Orders):
            def __init__(self, db: Session) -> None:
                self.db = db

            def place(self, order_id: str, method: str) -> None:
                self.db.add(Order(id=order_id, status="pending"))
                publish(self.db, OrderCreated(order_id=order_id, method=method))

            def status(self, order_id: str) -> str:
                return self.db.get_one(Order, order_id).status
    """,
    "PACKAGE/orders/sagas.py": """
        from pydantic import BaseModel
        from sqlalchemy.orm import Session

        from decant import on
        from decant.sagas import Failure, Saga, compensated, start, step
        from PACKAGE.orders.api import OrderCreated
        from PACKAGE.orders.models import Order
        from PACKAGE.payments.api import Payments


        class CheckoutData(BaseModel):
            order_id: str
            method: str
            payment_id: str | None = None


        class Checkout(Saga[CheckoutData], key="order_id"):
            def __init__(self, db: Session, payments: Payments) -> None:
                self.db = db
                self.payments = payments

            @step(deadline_s=20)
            def charge(self, data: CheckoutData) -> None:
                data.payment_id = self.payments.charge(data.order_id, data.method)

            @charge.compensation
            def refund(self, data: CheckoutData) -> None:
                self.payments.refund(data.order_id)

            @step(pivot=True)
            def confirm(self, data: CheckoutData) -> None:
                self.db.get_one(Order, data.order_id).status = "paid"

            @step
            def notify(self, data: CheckoutData) -> None:
                if data.method == "unlucky":
                    raise RuntimeError("The printer is out of paper.")

            @compensated
            def cancel(self, data: CheckoutData, failure: Failure) -> None:
                self.db.get_one(Order, data.order_id).status = f"cancelled: {failure.code}"


        @on(OrderCreated)
        def begin_checkout(event: OrderCreated, db: Session) -> None:
            start(db, Checkout, CheckoutData(order_id=event.order_id, method=event.method))
    """,
}


def write_checkout_shop(root: Path, package: str) -> Path:
    """Write the workspace's files and return the path of its ``decant.toml``.

    Args:
        root: Where.
        package: The name of the package; another one for each test, because imported code stays.
    """
    for name, text in FILES.items():
        path = root / name.replace("PACKAGE", package)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n").replace("PACKAGE", package))
    return root / "decant.toml"
