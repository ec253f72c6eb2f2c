from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from sqlalchemy import case, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from decant import Page, Paging
from store.catalog import faults
from store.catalog.api import (
    Catalog,
    Line,
    OutOfStock,
    Product,
    Reservation,
    ReservationDiffers,
    ReservationReleased,
    UnknownProduct,
)
from store.catalog.models import ProductRow, ReservationRow, ReservedRow, folded

WELL_STOCKED = 10
SHELF = case((ProductRow.stock >= WELL_STOCKED, 0), (ProductRow.stock > 0, 1), else_=2)
Place = tuple[Annotated[int, Field(ge=0, le=2)], Annotated[int, Field(ge=0, lt=2**31)]]


class CatalogService(Catalog):
    def __init__(self, db: Session) -> None:
        faults.wait_if_slow()
        self.db = db

    def list_products(self, paging: Paging, q: str | None = None, category: str | None = None) -> Page[Product]:
        query = select(ProductRow)
        for word in folded(q or "").split():
            query = query.where(ProductRow.words.contains(word, autoescape=True))
        if category:
            query = query.where(ProductRow.category == category)
        after: Place | None = paging.after(Place)
        if after is not None:
            query = query.where(tuple_(SHELF, ProductRow.position) > tuple_(*after))
        rows = self.db.scalars(query.order_by(SHELF, ProductRow.position).limit(paging.limit + 1)).all()
        page = paging.page(rows, position=lambda row: (shelf(row), row.position))
        return Page(items=[to_product(row) for row in page.items], next=page.next)

    def get_product(self, product_id: str) -> Product:
        return to_product(self._product(product_id))

    def set_stock(self, product_id: str, stock: int) -> Product:
        row = self._product(product_id, lock=True)
        row.stock = stock
        return to_product(row)

    def list_categories(self) -> list[str]:
        first = select(ProductRow.category).distinct().order_by(ProductRow.category)
        return list(self.db.scalars(first))

    def get_products(self, ids: list[str]) -> list[Product]:
        rows = self.db.scalars(select(ProductRow).where(ProductRow.id.in_(ids))) if ids else ()
        found = {row.id: to_product(row) for row in rows}
        return [found[product_id] for product_id in dict.fromkeys(ids) if product_id in found]

    def reserve(self, order_id: str, lines: list[Line]) -> Reservation:
        wanted = quantities(lines)
        if not self._begin(order_id, released=False):
            return self._reserved_before(order_id, wanted)
        if faults.last_item.on:
            raise OutOfStock(product_id=lines[0].product_id, left=0)
        for product_id, qty in wanted.items():
            self._take(product_id, qty)
        self.db.add_all(ReservedRow(order_id=order_id, product_id=key, qty=qty) for key, qty in wanted.items())
        return to_reservation(order_id, wanted)

    def release(self, order_id: str) -> None:
        if self._begin(order_id, released=True):
            return  # a tombstone: there was nothing to release yet
        reservation = self.db.get_one(ReservationRow, order_id, populate_existing=True, with_for_update=True)
        if reservation.released:
            return
        reservation.released = True
        for line in self._lines(order_id):
            given_back = update(ProductRow).where(ProductRow.id == line.product_id)
            self.db.execute(given_back.values(stock=ProductRow.stock + line.qty))

    def _product(self, product_id: str, *, lock: bool = False) -> ProductRow:
        row = self.db.get(ProductRow, product_id, populate_existing=lock, with_for_update=lock or None)
        if row is None or row.id != product_id:  # MariaDB takes no notice of spaces at the end
            raise UnknownProduct(product_id=product_id)
        return row

    def _begin(self, order_id: str, *, released: bool) -> bool:
        """Write an order's reservation down; False when there is one already. Of two that do so at once, one waits."""
        known = self.db.get(ReservationRow, order_id) is not None
        self.db.commit()  # what follows must see what others have committed by then
        if known:
            return False
        try:
            with self.db.begin_nested():
                self.db.add(ReservationRow(order_id=order_id, released=released))
        except IntegrityError:
            return False
        return True

    def _reserved_before(self, order_id: str, wanted: dict[str, int]) -> Reservation:
        reservation = self.db.get_one(ReservationRow, order_id, populate_existing=True, with_for_update={"read": True})
        if reservation.released:
            raise ReservationReleased(order_id=order_id)
        if {line.product_id: line.qty for line in self._lines(order_id)} != wanted:
            raise ReservationDiffers(order_id=order_id)
        return to_reservation(order_id, wanted)

    def _lines(self, order_id: str) -> Sequence[ReservedRow]:
        query = select(ReservedRow).where(ReservedRow.order_id == order_id).order_by(ReservedRow.product_id)
        return self.db.scalars(query).all()

    def _take(self, product_id: str, qty: int) -> None:
        """Take a quantity off the shelf in one statement, so that no other one comes between looking and taking."""
        taken = update(ProductRow).where(ProductRow.id == product_id, ProductRow.stock >= qty)
        if self.db.execute(taken.values(stock=ProductRow.stock - qty)).rowcount == 0:  # type: ignore[attr-defined]
            raise OutOfStock(product_id=product_id, left=self._product(product_id, lock=True).stock)


def quantities(lines: Sequence[Line]) -> dict[str, int]:
    """Return how many of each product: in the order of ids, in which everybody locks, so that no two wait in a ring."""
    counted: Counter[str] = Counter()
    for line in lines:
        counted[line.product_id] += line.qty
    return dict(sorted(counted.items()))


def shelf(row: ProductRow) -> int:
    """Return what the database makes of :data:`SHELF`."""
    return 0 if row.stock >= WELL_STOCKED else 1 if row.stock > 0 else 2


def to_product(row: ProductRow) -> Product:
    return Product(
        id=row.id,
        name=row.name,
        price_cents=row.price_cents,
        stock=row.stock,
        description=row.description,
        category=row.category,
        art=row.art,
    )


def to_reservation(order_id: str, wanted: dict[str, int]) -> Reservation:
    return Reservation(order_id=order_id, lines=[Line(product_id=key, qty=qty) for key, qty in wanted.items()])
