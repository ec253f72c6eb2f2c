"""The catalogue, and a page for each product."""

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from decant import Paging, operation
from decant.http.paging import CursorError
from store.catalog.api import Catalog
from store.web.forms import Form

PER_PAGE = 12


@operation
def shelf(catalog: Catalog) -> ResponseReturnValue:
    q, category, cursor = asked("q"), asked("category"), request.args.get("cursor") or None
    try:
        page = catalog.list_products(Paging(limit=PER_PAGE, cursor=cursor), q or None, category or None)
    except CursorError:
        return redirect("/", 303)
    return render_template(
        "web/shelf.html", page=page, q=q, category=category, cursor=cursor, categories=catalog.list_categories()
    )


def asked(name: str) -> str:
    """Return what somebody looks for, as far as it can be looked for."""
    text = "".join(character for character in request.args.get(name, "") if character.isprintable())
    return text.strip()[:40]


@operation
def product(catalog: Catalog, product_id: str) -> ResponseReturnValue:
    return product_page(catalog, product_id, Form({"qty": "1"}))


def product_page(catalog: Catalog, product_id: str, form: Form) -> str:
    return render_template("web/product.html", product=catalog.get_product(product_id), form=form)
