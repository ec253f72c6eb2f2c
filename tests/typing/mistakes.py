"""Mistakes that a type checker must report: each ignore below is itself checked, an unused one is an error."""

from __future__ import annotations

from tests.typing.shop_api import Catalog, Line, OutOfStock, Product, Reservation


class Forgetful(Catalog):
    def get_product(self, product_id: str) -> Product:
        raise OutOfStock(product_id=1, left=0)  # type: ignore[arg-type]


class Changed(Catalog):
    def get_product(self, product_id: int) -> Product:  # type: ignore[override]
        raise OutOfStock("p1", 1)  # type: ignore[call-arg]

    def reserve(self, order_id: str, lines: list[Line]) -> Reservation:
        return Reservation(order_id=order_id)


def use(catalog: Catalog) -> None:
    Forgetful()  # type: ignore[abstract]
    catalog.get_product(7)  # type: ignore[arg-type]
