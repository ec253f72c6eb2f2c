"""What other modules and the public may ask about products, and how orders keep stock for themselves."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from decant import Contract, DomainError, Page, Paging, delete, get, put
from decant.auth import require_roles

MOST_STOCK = 1_000_000
Qty = Annotated[int, Field(ge=1, le=99)]
Stock = Annotated[int, Field(ge=0, le=MOST_STOCK)]
Search = Annotated[str, Field(max_length=100)]
Category = Annotated[str, Field(max_length=40)]


class Product(BaseModel):
    id: str
    name: str
    price_cents: int
    stock: int
    description: str = ""
    category: str = ""
    art: str = ""


class Line(BaseModel):
    product_id: str
    qty: Qty


class Reservation(BaseModel):
    """What an order keeps for itself; the stock is less by it."""

    order_id: str
    lines: list[Line]


class UnknownProduct(DomainError, code="catalog.unknown-product", status=404):
    """There is no product {product_id}."""

    product_id: str


class OutOfStock(DomainError, code="catalog.out-of-stock", status=409):
    """There are only {left} left of {product_id}."""

    product_id: str
    left: int


class ReservationReleased(DomainError, code="catalog.reservation-released", status=409):
    """The stock of order {order_id} was released: nothing can be reserved for it any more."""

    order_id: str


class ReservationDiffers(DomainError, code="catalog.reservation-differs", status=409):
    """Other lines are reserved for order {order_id} already."""

    order_id: str


class Catalog(Contract):
    @get("/products", public=True)
    def list_products(self, paging: Paging, q: Search | None = None, category: Category | None = None) -> Page[Product]:
        """List the products that have every word of ``q`` in their name or description, those in stock first."""
        ...

    @get("/products/<product_id>", public=True, etag=True)
    def get_product(self, product_id: str) -> Product:
        """Show one product."""
        ...

    @put("/products/<product_id>/stock", public=True, guard=require_roles("admin"), idempotent="natural")
    def set_stock(self, product_id: str, stock: Stock) -> Product:
        """Say how many of a product are there to be sold."""
        ...

    @get("/categories", public=True)
    def list_categories(self) -> list[str]:
        """List the categories that products are in."""
        ...

    @get("/products-by-id")
    def get_products(self, ids: list[str]) -> list[Product]:
        """Return products in the order of their ids; those that are unknown are left out."""
        ...

    @put("/reservations/<order_id>", idempotent="natural")
    def reserve(self, order_id: str, lines: Annotated[list[Line], Field(min_length=1)]) -> Reservation:
        """Keep stock for an order: all lines, or none."""
        ...

    @delete("/reservations/<order_id>", idempotent="natural")
    def release(self, order_id: str) -> None:
        """Put an order's stock back, once; from then on nothing can be reserved for it, were it never so late."""
        ...
