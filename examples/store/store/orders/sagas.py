"""What happens to an order after it is placed: it ends paid, or cancelled with everything taken back."""

from pydantic import BaseModel
from sqlalchemy.orm import Session

from decant import publish
from decant.sagas import Failure, Saga, compensated, step
from store.cart.api import Cart
from store.catalog.api import Catalog, Line, OutOfStock
from store.orders.api import OrderCancelled, OrderPaid, OrderRefunded
from store.orders.book import OPEN, OrderBook
from store.orders.models import OrderRow
from store.orders.reasons import REFUNDED, CancelledByCustomer, NotEnoughLeft, in_words
from store.payments.api import PaymentMethod, Payments

QUARTER_OF_AN_HOUR, DAY, WEEK = 15 * 60.0, 86400.0, 7 * 86400.0


class CheckoutData(BaseModel):
    order_id: str
    user_id: str
    total_cents: int
    method: PaymentMethod
    lines: list[Line]


class Checkout(Saga[CheckoutData], key="order_id", deadline_s=QUARTER_OF_AN_HOUR, compensation_deadline_s=DAY):
    def __init__(self, db: Session, cart: Cart, catalog: Catalog, payments: Payments) -> None:
        self.db = db
        self.book = OrderBook(db)
        self.cart = cart
        self.catalog = catalog
        self.payments = payments

    @step(deadline_s=30)
    def reserve(self, data: CheckoutData) -> None:
        self._still_wanted(data)
        try:
            self.catalog.reserve(data.order_id, data.lines)
        except OutOfStock as error:
            raise self._not_enough(data, error) from error
        self.book.change(data.order_id, OrderRow.status == "pending", status="reserved")

    @reserve.compensation
    def release(self, data: CheckoutData) -> None:
        self.catalog.release(data.order_id)

    @step(deadline_s=10)
    def charge(self, data: CheckoutData) -> None:
        self._still_wanted(data)
        self.payments.charge(data.order_id, data.total_cents, data.method)

    @charge.unknown
    def was_charged(self, data: CheckoutData) -> bool:
        return self.payments.find(data.order_id).status == "captured"

    @charge.compensation
    def refund(self, data: CheckoutData) -> None:
        self.payments.refund(data.order_id)

    @step(pivot=True)
    def confirm(self, data: CheckoutData) -> None:
        wanted = (OrderRow.status.in_(OPEN), OrderRow.cancel_requested.is_(False))
        if not self.book.change(data.order_id, *wanted, status="paid"):
            raise CancelledByCustomer
        publish(self.db, OrderPaid(order_id=data.order_id, user_id=data.user_id, total_cents=data.total_cents))

    @step(deadline_s=DAY)
    def clear_cart(self, data: CheckoutData) -> None:
        """Empty the cart where placing the order did not come to it, unless the customer has changed it since."""
        cleared = self.book.get(data.order_id).cart_cleared
        self.db.rollback()
        if cleared:
            return
        ordered = {(line.product_id, line.qty) for line in data.lines}
        if {(item.product_id, item.qty) for item in self.cart.get(data.user_id).items} == ordered:
            self.cart.clear(data.user_id)
        self.book.change(data.order_id, cart_cleared=True)

    @compensated
    def cancel(self, data: CheckoutData, failure: Failure) -> None:
        reason = in_words(failure)
        self.book.change(data.order_id, OrderRow.status != "cancelled", status="cancelled", reason=reason)
        fact = OrderCancelled(order_id=data.order_id, user_id=data.user_id, total_cents=data.total_cents, reason=reason)
        publish(self.db, fact)

    def _still_wanted(self, data: CheckoutData) -> None:
        wanted = not self.book.get(data.order_id).cancel_requested
        self.db.rollback()  # nothing is held while other modules are asked
        if not wanted:
            raise CancelledByCustomer

    def _not_enough(self, data: CheckoutData, error: OutOfStock) -> NotEnoughLeft:
        names = {item.product_id: item.name for item in self.book.get(data.order_id).items}
        return NotEnoughLeft(product_name=names.get(error.product_id, error.product_id), left=error.left)


class RefundData(BaseModel):
    order_id: str
    user_id: str
    total_cents: int


class Refund(Saga[RefundData], key="order_id"):
    def __init__(self, db: Session, catalog: Catalog, payments: Payments) -> None:
        self.db = db
        self.book = OrderBook(db)
        self.catalog = catalog
        self.payments = payments

    @step(deadline_s=WEEK, pivot=True)
    def pay_back(self, data: RefundData) -> None:
        self.payments.refund(data.order_id)

    @step(deadline_s=WEEK)
    def shelve(self, data: RefundData) -> None:
        self.catalog.release(data.order_id)
        if self.book.change(data.order_id, OrderRow.status == "paid", status="cancelled", reason=REFUNDED):
            fact = OrderRefunded(order_id=data.order_id, user_id=data.user_id, total_cents=data.total_cents)
            publish(self.db, fact)

    @compensated
    def stay_paid(self, data: RefundData, failure: Failure) -> None:
        self.book.change(data.order_id, OrderRow.status == "paid", refund_requested=False)
