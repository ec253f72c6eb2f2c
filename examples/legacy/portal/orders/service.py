from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.orders.api import NewOrder, Order, Orders, UnknownOrder
from portal.orders.models import OrderRow
from portal.users.api import Users


class OrderService(Orders):
    def __init__(self, db: Session, users: Users) -> None:
        self.db = db
        self.users = users

    def orders_of(self, user_id: int) -> list[Order]:
        rows = self.db.scalars(select(OrderRow).where(OrderRow.user_id == user_id).order_by(OrderRow.id))
        return [to_order(row) for row in rows]

    def get_order(self, order_id: int) -> Order:
        row = self.db.get(OrderRow, order_id)
        if row is None:
            raise UnknownOrder(order_id=order_id)
        return to_order(row)

    def add_order(self, order: NewOrder) -> Order:
        self.users.get_user(order.user_id)
        row = OrderRow(user_id=order.user_id, item=order.item)
        self.db.add(row)
        self.db.flush()
        return to_order(row)


def to_order(row: OrderRow) -> Order:
    return Order(id=row.id, user_id=row.user_id, item=row.item)
