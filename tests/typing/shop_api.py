"""The contract that the documentation begins with: checked by mypy and pyright, never run."""

from __future__ import annotations

from typing import assert_type

from pydantic import BaseModel

from decant import Contract, DomainError, get, post


class Line(BaseModel):
    product_id: str
    qty: int


class Product(BaseModel):
    id: str
    name: str
    price_cents: int
    stock: int


class Reservation(BaseModel):
    order_id: str


class OutOfStock(DomainError, code="catalog.out-of-stock", status=409):
    product_id: str
    left: int


class Catalog(Contract):
    @get("/products/<product_id>", public=True)
    def get_product(self, product_id: str) -> Product: ...

    @post("/reservations", idempotent="natural")
    def reserve(self, order_id: str, lines: list[Line]) -> Reservation: ...


class CatalogService(Catalog):
    def get_product(self, product_id: str) -> Product:
        raise OutOfStock(product_id=product_id, left=0)

    def reserve(self, order_id: str, lines: list[Line]) -> Reservation:
        return Reservation(order_id=order_id)


def use(catalog: Catalog, error: OutOfStock) -> None:
    assert_type(catalog.get_product("p1"), Product)
    assert_type(catalog.reserve("o1", [Line(product_id="p1", qty=1)]), Reservation)
    assert_type(error.left, int)
    use(CatalogService(), OutOfStock(product_id="p1", left=2))
