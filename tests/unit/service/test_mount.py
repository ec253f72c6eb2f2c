"""Pages stay where they are written, operations answer below the prefix, in any grouping and beside each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from decant import create_app
from decant.errors import SetupError

Shop = Callable[..., Path]

PAGE_WITH_AN_OPERATIONS_PATH = """
    from flask.typing import ResponseReturnValue

    from decant import operation, url
    from shop.catalog.api import Catalog


    @operation
    def product(catalog: Catalog, product_id: str) -> ResponseReturnValue:
        return f"page of {catalog.get_product(product_id).id}"


    urlpatterns = [url("/products/<product_id>", view_func=product)]
"""


def routes(app: Flask) -> dict[str, str]:
    return {rule.endpoint: rule.rule for rule in app.url_map.iter_rules()}


@pytest.mark.parametrize(("service", "topology"), [("*", "monolith"), ("catalog", "services")])
def test_a_page_and_an_operation_of_one_path_are_both_reached(shop: Shop, service: str, topology: str) -> None:
    config = shop({"catalog/urls.py": PAGE_WITH_AN_OPERATIONS_PATH})
    client = create_app(service, topology, config, environ={}).test_client()
    assert client.get("/products/p1").text == "page of p1"
    assert client.get("/api/products/p1").json == {"id": "p1", "price_cents": 1500}


def test_alone_an_operation_answers_at_its_own_path_and_between_services_too(shop: Shop) -> None:
    found = routes(create_app("catalog", "services", shop(), environ={}))
    assert {rule for rule in found.values() if "products" in rule} == {
        "/api/products/<product_id>",
        "/products/<product_id>",
        "/-/products/<product_id>",
    }


def test_in_one_process_an_operation_has_one_path(shop: Shop) -> None:
    found = routes(create_app(config=shop(), environ={}))
    assert [rule for rule in found.values() if "products" in rule] == ["/api/products/<product_id>"]


def test_without_a_prefix_a_page_and_an_operation_cannot_share_a_path(shop: Shop) -> None:
    config = shop({"catalog/urls.py": PAGE_WITH_AN_OPERATIONS_PATH})
    text = config.read_text().replace('prefix = "/api"\n', "")
    config.write_text(text)
    with pytest.raises(SetupError, match="more than one owner"):
        create_app(config=config, environ={})


@pytest.mark.parametrize("service", ["catalog", "cart", "web"])
def test_a_clash_of_two_modules_is_found_in_whichever_service_starts(shop: Shop, service: str) -> None:
    api = """
        from decant import Contract, get


        class Cart(Contract):
            @get("/products/<key>", public=True)
            def show(self, key: str) -> int: ...
    """
    code = """
        from shop.cart.api import Cart


        class CartService(Cart):
            def show(self, key: str) -> int:
                return 1
    """
    config = shop({"cart/api.py": api, "cart/service.py": code, "web/urls.py": "urlpatterns = []\n"})
    with pytest.raises(SetupError, match="more than one owner"):
        create_app(service, "services", config, environ={})


def test_a_view_and_an_operation_of_one_name_are_told_apart_or_refused(shop: Shop) -> None:
    urls = """
        from decant import url


        def get_product() -> str:
            return "page"


        urlpatterns = [url("/page", view_func=get_product)]
    """
    with pytest.raises(SetupError, match=r"a view and an operation of the same name: catalog\.get_product"):
        create_app(config=shop({"catalog/urls.py": urls}), environ={})
