"""Copies the orders of the old application, those that are not here yet."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.copying import rows_of
from portal.orders.models import OrderRow


def seed(db: Session) -> None:
    here = set(db.scalars(select(OrderRow.id)))
    db.add_all(OrderRow(**row) for row in rows_of("orders") if row["id"] not in here)
