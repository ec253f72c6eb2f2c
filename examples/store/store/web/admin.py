"""For the people of the shop: everybody's orders, refunds and stock."""

from __future__ import annotations

from typing import get_args

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from decant import Paging, operation
from decant.auth import require_roles
from decant.http.paging import CursorError
from store.catalog.api import Catalog, Stock
from store.orders.api import NothingToRefund, Orders, OrderStatus
from store.web.forms import Form

PER_PAGE = 20
WORDS = {"stock": "Say how many are there: 0 or more."}
admins = require_roles("admin")


class Counted(BaseModel):
    stock: Stock


@operation(guard=admins)
def orders(orders: Orders) -> ResponseReturnValue:
    status = next((one for one in get_args(OrderStatus) if one == request.args.get("status")), None)
    try:
        page = orders.list_all(Paging(limit=PER_PAGE, cursor=request.args.get("cursor") or None), status)
    except CursorError:
        return redirect("/admin", 303)
    return render_template("web/admin-orders.html", page=page, status=status, statuses=get_args(OrderStatus))


@operation(guard=admins)
def refund(orders: Orders, order_id: str) -> ResponseReturnValue:
    try:
        orders.refund(order_id)
    except NothingToRefund as error:
        flash(error.detail, "info")
    else:
        flash("It is being paid back, once; then it is cancelled and its things are on the shelf again.", "success")
    return redirect("/admin", 303)


@operation(guard=admins)
def stock(catalog: Catalog) -> ResponseReturnValue:
    try:
        page = catalog.list_products(Paging(limit=PER_PAGE, cursor=request.args.get("cursor") or None))
    except CursorError:
        return redirect("/admin/stock", 303)
    return render_template("web/admin-stock.html", page=page)


@operation(guard=admins)
def set_stock(catalog: Catalog, product_id: str) -> ResponseReturnValue:
    form = Form({"stock": request.form.get("stock", "").strip()})
    counted = form.take(Counted, WORDS)
    if counted is None:
        flash(f"Nothing was changed. {WORDS['stock']}", "danger")
    else:
        product = catalog.set_stock(product_id, counted.stock)
        flash(f"{product.name}: {product.stock} are there now.", "success")
    return redirect("/admin/stock", 303)


@operation(guard=admins)
def stuck(orders: Orders) -> ResponseReturnValue:
    return render_template("web/admin-stuck.html", stuck=orders.list_stuck())
