"""The cart's page, for guests and users alike."""

from flask import flash, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from decant import operation
from decant.errors import RemoteCallError
from store.cart.api import Cart, CartContents, NewItem, Qty, TooMany
from store.catalog.api import Catalog, Product, UnknownProduct
from store.web import basket
from store.web.forms import Form
from store.web.shelf import product_page

WORDS = {"qty": "Choose between 1 and 99."}


@operation
def show(cart: Cart, catalog: Catalog) -> ResponseReturnValue:
    found = basket.contents(cart)
    return render_template("web/cart.html", cart=found, products=products_of(found, catalog))


def products_of(found: CartContents, catalog: Catalog) -> dict[str, Product]:
    """Return what the catalogue knows about the things in a cart; nothing while it is away."""
    try:
        return {one.id: one for one in catalog.get_products([item.product_id for item in found.items])}
    except RemoteCallError:
        return {}


@operation
def add(cart: Cart, catalog: Catalog) -> ResponseReturnValue:
    product_id, form = request.form.get("product_id", ""), Form({"qty": request.form.get("qty", "1").strip()})
    item = form.take(NewItem, WORDS, product_id=product_id)
    if item is None:
        return product_page(catalog, product_id, form), 422
    left = catalog.get_product(product_id).stock
    if left < item.qty:
        form.errors["qty"] = f"Only {left} are left; choose fewer." if left > 1 else "Choose one: no more are left."
        return product_page(catalog, product_id, form), 409
    try:
        basket.move_in(cart)
        found = basket.counted(cart.add_to(basket.new_owner(), item))
    except TooMany as error:
        form.errors["qty"] = error.detail
        return product_page(catalog, product_id, form), 422
    name = next((one.name for one in found.items if one.product_id == product_id), "It")
    flash(f"{name} is in your cart.", "success")
    return redirect("/cart", 303)


@operation
def change(cart: Cart, product_id: str) -> ResponseReturnValue:
    whose, typed = basket.new_owner(), request.form.get("qty", "").strip()
    try:
        if "remove" in request.form or typed == "0":
            basket.counted(cart.remove_from(whose, product_id))
            flash("It is out of your cart.", "success")
        else:
            qty = Form({"qty": typed}).take(Qty, WORDS)
            if qty is None:
                flash("Nothing was changed: a cart holds between 1 and 99 of a thing.", "danger")
            else:
                basket.counted(cart.change_in(whose, product_id, qty))
                flash("Your cart is up to date.", "success")
    except UnknownProduct:
        session.pop(basket.COUNT, None)
        flash("It is not in your cart any more.", "info")
    return redirect("/cart", 303)
