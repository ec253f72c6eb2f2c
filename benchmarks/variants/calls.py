"""A call between modules, against the plain method call that it stands for."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Callable
from itertools import count
from typing import Any

from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.orm import Session

from decant.clock import SystemClock
from decant.context import CallContext, current, idempotency_key
from decant.contracts import Contract, contract_of, direct_client, strict_client
from decant.db import DatabaseKeys, ModuleDatabase, create_infrastructure
from decant.http import get, post
from decant.idempotency import IdempotentCalls
from decant.observe.tracing import spans
from decant.wiring import Registry

Call = Callable[[], object]


class Product(BaseModel):
    id: str
    name: str
    price_cents: int
    stock: int


class Line(BaseModel):
    product_id: str
    qty: int


PRODUCT = Product(id="p1", name="Book", price_cents=1500, stock=10)
LINES = [Line(product_id=f"p{n}", qty=n) for n in (1, 2, 3)]


class Catalog(Contract, module="catalog"):
    @get("/products/<product_id>")
    def get_product(self, product_id: str) -> Product: ...

    @post("/reservations")
    def reserve(self, order_id: str, lines: list[Line]) -> Product: ...


class Orders(Contract, module="orders"):
    @post("/orders", idempotent=True)
    def order(self, product_id: str, lines: list[Line]) -> Product: ...

    @post("/careless-orders")
    def order_carelessly(self, product_id: str, lines: list[Line]) -> Product: ...


class OrderService(Orders):
    def __init__(self, db: Session) -> None:
        self.db = db

    def order(self, product_id: str, lines: list[Line]) -> Product:
        self.db.execute(INSERT)
        return PRODUCT

    def order_carelessly(self, product_id: str, lines: list[Line]) -> Product:
        self.db.execute(INSERT)
        return PRODUCT


class CatalogService(Catalog):
    def get_product(self, product_id: str) -> Product:
        return PRODUCT

    def reserve(self, order_id: str, lines: list[Line]) -> Product:
        return PRODUCT


class StoredCatalog(CatalogService):
    def __init__(self, db: Session) -> None:
        self.db = db


class ReadCatalog(StoredCatalog):
    def get_product(self, product_id: str) -> Product:
        self.db.execute(SELECT)
        return PRODUCT


SELECT = text("SELECT 1")
INSERT = text("INSERT INTO orders_order (id) VALUES (NULL)")


def _discard(batch: Any) -> None:
    """An exporter: spans are recorded and handed over, as in production."""


def _client(
    make: Callable[..., Any], service: type[Contract] = CatalogService, registry: Registry | None = None
) -> Any:
    spans.add_exporter(_discard)
    spans.start()
    current.set(CallContext(trace_id="a" * 32, span_id="b" * 16))
    return make(contract_of(Catalog), service, registry or Registry())


def _stored() -> Registry:
    database = ModuleDatabase("catalog", "sqlite://")
    registry = Registry()
    registry.add_factory(Session, lambda scope: database.session(), close=database.close_session)
    return registry


def method() -> Call:
    call = CatalogService().get_product
    return lambda: call("p1")


def direct() -> Call:
    call = _client(direct_client).get_product
    return lambda: call("p1")


def direct_unused_session() -> Call:
    call = _client(direct_client, StoredCatalog, _stored()).get_product
    return lambda: call("p1")


def session_by_hand() -> Call:
    """One statement in a session that is reused: what the work itself costs."""
    database = ModuleDatabase("catalog", "sqlite://")

    def call() -> Product:
        session = database.session()
        session.execute(SELECT)
        database.close_session(session, True)
        return PRODUCT

    return call


def direct_used_session() -> Call:
    call = _client(direct_client, ReadCatalog, _stored()).get_product
    return lambda: call("p1")


def _orders() -> Any:
    """A module whose operations write a row, in a file: each commit is a commit."""
    folder = tempfile.TemporaryDirectory(prefix="decant-")
    atexit.register(folder.cleanup)
    database = ModuleDatabase("orders", f"sqlite:///{folder.name}/orders.sqlite3")
    with database.engine.begin() as connection:
        create_infrastructure(connection, "orders")
        connection.execute(text("CREATE TABLE orders_order (id INTEGER PRIMARY KEY)"))
    registry = Registry()
    registry.add_factory(Session, lambda scope: database.session(), close=database.close_session)
    registry.add_value(IdempotentCalls, IdempotentCalls(DatabaseKeys(database), SystemClock()))
    current.set(CallContext(trace_id="a" * 32, span_id="b" * 16))
    return direct_client(contract_of(Orders), OrderService, registry)  # type: ignore[arg-type]


def write_careless() -> Call:
    order = _orders().order_carelessly
    return lambda: order("p1", LINES)


def write_without_key() -> Call:
    order = _orders().order
    return lambda: order("p1", LINES)


def write_with_key() -> Call:
    order, number = _orders().order, count()

    def call() -> object:
        with idempotency_key(f"order-{next(number)}"):
            return order("p1", LINES)

    return call


def write_again_with_key() -> Call:
    order = _orders().order

    def call() -> object:
        with idempotency_key("order-1"):
            return order("p1", LINES)

    return call


def strict() -> Call:
    call = _client(strict_client).get_product
    return lambda: call("p1")


def reserve_method() -> Call:
    call = CatalogService().reserve
    return lambda: call("o1", LINES)


def reserve_strict() -> Call:
    call = _client(strict_client).reserve
    return lambda: call("o1", LINES)
