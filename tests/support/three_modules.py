"""A workspace of three modules without tables, as somebody writes it on the first day."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

FILES = {
    "decant.toml": """
        [workspace]
        name = "shop"
        modules = "shop"
        prefix = "/api"
        topology = "monolith"

        [topologies.monolith]
        shop = ["*"]

        [topologies.services]
        "*" = "each"
    """,
    "shop/__init__.py": "",
    "shop/catalog/__init__.py": "from decant import Module\n\nmodule = Module(__name__)\n",
    "shop/catalog/api.py": """
        from pydantic import BaseModel

        from decant import Contract, get


        class Product(BaseModel):
            id: str
            price_cents: int


        class Catalog(Contract):
            @get("/products/<product_id>", public=True)
            def get_product(self, product_id: str) -> Product: ...

            @get("/stock")
            def stock(self) -> int: ...
    """,
    "shop/catalog/service.py": """
        from shop.catalog.api import Catalog, Product


        class CatalogService(Catalog):
            def get_product(self, product_id: str) -> Product:
                return Product(id=product_id, price_cents=1500)

            def stock(self) -> int:
                return 3
    """,
    "shop/cart/__init__.py": "from decant import Module\n\nmodule = Module(__name__)\n",
    "shop/cart/api.py": """
        from decant import Contract, get
        from shop.catalog.api import Product


        class Cart(Contract):
            @get("/cart", public=True)
            def show(self) -> list[Product]: ...
    """,
    "shop/cart/service.py": """
        from shop.cart.api import Cart
        from shop.catalog.api import Catalog, Product


        class CartService(Cart):
            def __init__(self, catalog: Catalog) -> None:
                self.catalog = catalog

            def show(self) -> list[Product]:
                return [self.catalog.get_product(f"p{number}") for number in range(self.catalog.stock())]
    """,
    "shop/web/__init__.py": "from decant import Module\n\nmodule = Module(__name__)\n",
    "shop/web/urls.py": """
        from flask.typing import ResponseReturnValue

        from decant import operation, url
        from shop.cart.api import Cart


        @operation
        def home(cart: Cart) -> ResponseReturnValue:
            return f"{len(cart.show())} things"


        urlpatterns = [url("/", view_func=home)]
    """,
}


def write_shop(root: Path, changed: Mapping[str, str] | None = None) -> Path:
    """Write the workspace and return its folder.

    Args:
        root: Where.
        changed: Other contents for a file below ``shop/``, or a file more.
    """
    files = FILES | {f"shop/{name}": text for name, text in (changed or {}).items()}
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"))
    return root
