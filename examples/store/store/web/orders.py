"""A user's orders, and what they can still do about one."""

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from decant import Paging, operation
from decant.auth import require_user
from decant.http.paging import CursorError
from store.cart.api import Cart, Qty
from store.catalog.api import UnknownProduct
from store.orders.api import Orders, TooLateToCancel
from store.web import basket
from store.web.tracking import told

PER_PAGE = 10


@operation(guard=require_user)
def history(orders: Orders) -> ResponseReturnValue:
    try:
        page = orders.list_orders(Paging(limit=PER_PAGE, cursor=request.args.get("cursor") or None))
    except CursorError:
        return redirect("/orders", 303)
    return render_template("web/orders.html", page=page)


@operation(guard=require_user)
def show(orders: Orders, order_id: str) -> ResponseReturnValue:
    return render_template("web/order.html", **told(orders.get_order(order_id)))


@operation(guard=require_user)
def cancel(orders: Orders, order_id: str) -> ResponseReturnValue:
    try:
        order = orders.cancel(order_id)
    except TooLateToCancel:
        flash("It is paid already, so it was not cancelled. The shop can refund it.", "info")
    else:
        if order.status != "cancelled":
            flash("We are cancelling it. If anything was taken, it is paid back first.", "info")
    return redirect(f"/orders/{order_id}", 303)


@operation(guard=require_user)
def again(orders: Orders, cart: Cart, order_id: str) -> ResponseReturnValue:
    """See to it that the cart holds what was ordered, as far as the shop still sells it: twice is as good as once."""
    ordered, whose, left_out = orders.get_order(order_id).items, basket.new_owner(), []
    held = {item.product_id: item.qty for item in basket.contents(cart).items}
    for item in ordered:
        try:
            if held.get(item.product_id, 0) < item.qty:
                basket.counted(cart.change_in(whose, item.product_id, Qty(qty=item.qty)))
        except UnknownProduct:
            left_out.append(item.name)
    if left_out:
        flash(f"Not put back: {', '.join(left_out)}.", "info")
    flash("Your cart holds these things again.", "success")
    return redirect("/cart", 303)
