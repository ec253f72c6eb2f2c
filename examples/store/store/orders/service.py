import logging
from typing import Annotated

from pydantic import Field
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from decant import CallContext, Caller, Page, Paging, publish
from decant.context import EMPTY, NOBODY
from decant.errors import AuthenticationError
from decant.idempotency import IdempotencyKeyReused
from decant.ids import new_id
from decant.sagas import start
from store.cart.api import Cart
from store.catalog.api import Catalog, Line
from store.orders.api import (
    EmptyCart,
    NothingToRefund,
    Order,
    OrderCreated,
    Orders,
    OrderStatus,
    PaymentChoice,
    Placed,
    StuckOrder,
    TooLateToCancel,
    UnknownOrder,
)
from store.orders.book import OPEN, OrderBook, to_order
from store.orders.models import ItemRow, OrderRow
from store.orders.sagas import Checkout, CheckoutData, Refund, RefundData
from store.orders.stuck import stuck_orders
from store.payments.api import PaymentMethod

log = logging.getLogger(__name__)
OrderId = Annotated[str, Field(max_length=36)]


class OrderService(Orders):
    def __init__(
        self, db: Session, cart: Cart, catalog: Catalog, caller: Caller = NOBODY, context: CallContext = EMPTY
    ) -> None:
        self.db = db
        self.cart = cart
        self.catalog = catalog
        self.caller = caller
        self.context = context
        self.book = OrderBook(db)

    def checkout(self, choice: PaymentChoice | None = None) -> Placed:
        method = (choice or PaymentChoice()).payment_method
        order = self.place_order(self._user_id(), method, self.context.idempotency_key)
        return Placed(order_id=order.id, total_cents=order.total_cents)

    def place_order(self, user_id: str, payment_method: PaymentMethod = "pm_ok", key: str | None = None) -> Order:
        """Order what is in a user's cart, in one transaction with its event; then empty the cart.

        A cart is ordered once, also by two requests at the same time, whatever keys they have.

        Args:
            user_id: Whose cart.
            payment_method: How it is paid.
            key: Makes a repetition get the same order.

        Raises:
            EmptyCart: When there is nothing to order; nothing is written then.
            IdempotencyKeyReused: When the key was used with another payment method.
        """
        placed = self._placed_before(user_id, payment_method, key)
        if placed is not None:
            return placed
        turn, uncleared = self.book.turn_of(user_id), self.book.uncleared(user_id)
        self.db.commit()  # others can have the connection while other modules are asked
        items = self._items(user_id)
        if uncleared is not None and {(item.product_id, item.qty) for item in items} == uncleared.lines:
            self._clear_cart(uncleared.order_id, user_id)
            items = []
        if not items:
            # Another request with the same key may have placed the order and emptied the cart meanwhile.
            placed = self._placed_before(user_id, payment_method, key)
            if placed is None:
                raise EmptyCart
            return placed
        row = OrderRow(
            id=new_id(),
            user_id=user_id,
            checkout_key=key,
            turn=turn,
            status="pending",
            total_cents=sum(item.qty * item.price_cents for item in items),
            payment_method=payment_method,
            items=items,
        )
        try:
            order = self._write(row)
        except IntegrityError:
            self.db.rollback()
            placed = self._placed_before(user_id, payment_method, key)
            if placed is not None:
                return placed
            if not self.book.is_taken(user_id, turn):
                raise
            raise EmptyCart from None  # another request has ordered this cart meanwhile
        self._clear_cart(order.id, user_id)
        return order

    def list_orders(self, paging: Paging, q: str | None = None) -> Page[Order]:
        return self._page(paging, user_id=self._user_id(), q=q)

    def list_all(self, paging: Paging, status: OrderStatus | None = None) -> Page[Order]:
        return self._page(paging, status=status)

    def list_stuck(self) -> list[StuckOrder]:
        return stuck_orders(self.db)

    def get_order(self, order_id: OrderId) -> Order:
        return to_order(self._own(order_id))

    def cancel(self, order_id: OrderId) -> Order:
        self._own(order_id)
        if not self.book.change(order_id, OrderRow.status.in_(OPEN), cancel_requested=True):
            row = self.book.get(order_id)
            if row.status == "paid":
                raise TooLateToCancel
        return to_order(self.book.get(order_id))

    def refund(self, order_id: OrderId) -> Order:
        wanted = (OrderRow.status == "paid", OrderRow.refund_requested.is_(False))
        if self.book.change(order_id, *wanted, refund_requested=True):
            row = self.book.get(order_id)
            start(self.db, Refund, RefundData(order_id=order_id, user_id=row.user_id, total_cents=row.total_cents))
            return to_order(row)
        row = self.book.get(order_id)
        if not row.refund_requested:
            raise NothingToRefund(order_status=row.status)
        return to_order(row)

    def _placed_before(self, user_id: str, payment_method: str, key: str | None) -> Order | None:
        if key is None:
            return None
        self.db.rollback()  # so that what another request has committed is seen
        row = self.book.placed_with(user_id, key)
        if row is not None and row.payment_method != payment_method:
            raise IdempotencyKeyReused
        placed = to_order(row) if row is not None else None
        if row is not None and not row.cart_cleared:
            self._clear_cart(row.id, user_id)  # before the answer: what is put in after it must stay
        self.db.rollback()  # others can have the connection while other modules are asked
        return placed

    def _items(self, user_id: str) -> list[ItemRow]:
        items = []
        for position, item in enumerate(self.cart.get(user_id).items):
            product = self.catalog.get_product(item.product_id)
            items.append(
                ItemRow(
                    position=position,
                    product_id=product.id,
                    name=product.name,
                    qty=item.qty,
                    price_cents=product.price_cents,
                )
            )
        return items

    def _write(self, row: OrderRow) -> Order:
        self.db.add(row)
        self.db.flush()
        order = to_order(row)
        lines = [Line(product_id=item.product_id, qty=item.qty) for item in order.items]
        fact = {"order_id": order.id, "user_id": row.user_id, "total_cents": order.total_cents}
        publish(self.db, OrderCreated(**fact, items=order.items, payment_method=order.payment_method))
        start(self.db, Checkout, CheckoutData(**fact, method=order.payment_method, lines=lines))
        self.db.commit()
        return order

    def _clear_cart(self, order_id: str, user_id: str) -> None:
        """Empty the cart, and note it: the saga does it where this fails, and nowhere else."""
        self.db.rollback()
        try:
            self.cart.clear(user_id)
            self.book.change(order_id, cart_cleared=True)
            self.db.commit()
        except Exception as error:  # noqa: BLE001 - the order stands, whatever becomes of the cart
            self.db.rollback()
            log.warning("the cart of order %s is emptied later: %s", order_id, error)

    def _page(
        self, paging: Paging, *, user_id: str | None = None, q: str | None = None, status: str | None = None
    ) -> Page[Order]:
        rows = self.book.newest(paging.limit + 1, before=paging.after(str), user_id=user_id, q=q, status=status)
        return paging.page([to_order(row) for row in rows], position=lambda order: order.id)

    def _own(self, order_id: str) -> OrderRow:
        row = self.book.get(order_id)
        if row.user_id != self._user_id() and "admin" not in self.caller.roles:
            raise UnknownOrder(order_id=order_id)
        return row

    def _user_id(self) -> str:
        if self.caller.subject is None:
            raise AuthenticationError("The access token is missing.")
        return self.caller.subject
