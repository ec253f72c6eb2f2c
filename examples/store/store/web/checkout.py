"""Ordering what is in the cart: one order for one form, however often it is sent."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import get_args

from flask import flash, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from werkzeug import Response

from decant import operation
from decant.auth import require_user
from decant.context import deadline, idempotency_key
from decant.errors import RemoteCallError
from decant.idempotency import IdempotencyKeyInUse, IdempotencyKeyReused
from decant.ids import new_id
from store.cart.api import Cart
from store.catalog.api import Catalog
from store.orders.api import EmptyCart, Orders, PaymentChoice
from store.payments.api import PaymentMethod
from store.web import basket
from store.web.cart import products_of

CARDS = {
    "pm_ok": ("A good card", "The payment goes through."),
    "pm_declined": ("A card without money", "The bank declines it. The order is cancelled, and nothing is taken."),
    "pm_timeout": (
        "A bank that does not answer",
        "Nothing is taken. We ask until that is certain, then cancel the order.",
    ),
    "pm_timeout_captured": (
        "A bank that answers too late",
        "The money is taken, but the answer is lost. We ask instead of charging again, so you pay once.",
    ),
    "pm_twice": ("A bank that says it twice", "The payment is reported two times. You pay once."),
}
"""The test cards, each with what will happen."""

UNSURE = (
    "We could not learn whether your order was taken. Press the button again: this page orders once and charges once, "
    "however often you press."
)
CHANGED = (
    "Your cart or a price has changed since this page was shown, so nothing was ordered now. Look at the sum, and pay "
    "if it is right."
)
NOT_SENT = "Orders cannot be taken at the moment. Nothing was ordered and nothing was charged. Try again in a moment."
_key = re.compile(r"[0-9a-f-]{36}").fullmatch


@operation(guard=require_user)
def show(cart: Cart, catalog: Catalog) -> ResponseReturnValue:
    return page(cart, catalog, new_id())


@operation(guard=require_user)
def pay(cart: Cart, catalog: Catalog, orders: Orders) -> ResponseReturnValue:
    key, method = request.form.get("key", ""), request.form.get("payment_method", "")
    if not _key(key) or method not in get_args(PaymentMethod):
        return page(cart, catalog, new_id(), problem="Choose a card to pay with."), 422
    if has_changed(cart):
        return page(cart, catalog, new_id(), method, CHANGED), 409
    try:
        with idempotency_key(key):
            placed = orders.checkout(PaymentChoice.model_validate({"payment_method": method}))
    except EmptyCart:
        flash("Your cart is empty, so nothing was ordered. Your orders are listed here.", "info")
        return redirect("/orders", 303)
    except IdempotencyKeyReused:
        flash("This page has ordered already, so nothing was ordered again. Your orders are listed here.", "info")
        return redirect("/orders", 303)
    except IdempotencyKeyInUse:
        flash("Your order is being taken, once. It is listed here in a moment.", "info")
        return redirect("/orders", 303)
    except RemoteCallError as error:
        return page_again(cart, catalog, key, method, error), 503, {"Retry-After": "1"}
    session[basket.COUNT] = 0
    return redirect(f"/orders/{placed.order_id}", 303)


def has_changed(cart: Cart) -> bool:
    """Return whether the button said another sum than the cart has now; an empty one may just have been ordered."""
    said = request.form.get("total_cents")
    if said is None:
        return False
    with suppress(RemoteCallError), deadline(basket.PATIENCE_S):  # whether it can be ordered, the orders tell
        found = basket.contents(cart)
        return bool(found.items) and said != str(found.total_cents)
    return False


def page_again(cart: Cart, catalog: Catalog, key: str, method: str, error: RemoteCallError) -> str | Response:
    """Return the page with the same key; where the cart is away too, the error tells of the order."""
    try:
        return page(cart, catalog, key, method, UNSURE if error.may_have_run else NOT_SENT)
    except RemoteCallError:
        raise error from None


def page(cart: Cart, catalog: Catalog, key: str, method: str = "pm_ok", problem: str = "") -> str | Response:
    """Return the page; its key makes all that is sent from it one order."""
    found = basket.contents(cart)
    if not found.items and not problem:
        flash("Your cart is empty: put something in before you check out.", "info")
        return redirect("/cart", 303)
    products = products_of(found, catalog)
    short = [item for item in found.items if item.product_id in products and products[item.product_id].stock < item.qty]
    return render_template(
        "web/checkout.html",
        cart=found, products=products, short=short, cards=CARDS, key=key, method=method, problem=problem,
    )  # fmt: skip
