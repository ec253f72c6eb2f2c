"""While the catalogue is away: what needs it says so at once, the rest goes on, and all is whole when it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest
import requests

from decant.testing import RunningTopology
from tests.acceptance.running import until
from tests.acceptance.shopping import Customer, Market
from tests.acceptance.store import STARTS_S, Store
from tests.acceptance.visitor import Visitor

pytestmark = [pytest.mark.serving, pytest.mark.timeout(STARTS_S), pytest.mark.topologies("services")]
BEYOND_S = 1.0
"""What an answer may take beyond its deadline: here nothing has to be waited for, so it may take this and no more."""
CART, ITEMS, ONE = "/api/cart", "/api/cart/items", "/api/cart/items/p1"


@pytest.fixture(scope="module")
def shop(store: Store) -> Market:
    if "catalog" not in store.running.urls:
        pytest.skip("The catalogue has no process of its own.")
    return Market(store)


@pytest.fixture
def ada(shop: Market) -> Customer:
    return shop.customer()


@pytest.fixture
def visitor(store: Store) -> Visitor:
    """Somebody with a browser who has looked around before."""
    made = Visitor(store.running.edge)
    made.sign_up()
    made.send("/cart/items", page="/products/p1", product_id="p1", qty="1")
    return made


@pytest.fixture
def away(shop: Market, ada: Customer, visitor: Visitor, topology: RunningTopology) -> Iterator[None]:
    shop.fill(ada, qty=2)
    topology.stop("catalog")
    try:
        yield
    finally:
        topology.start("catalog")
        back = lambda: shop.ask("GET", "/api/products/p1").status_code == 200  # noqa: E731
        until(back, 15, lambda: "the catalogue never came back")


def at_once(ask: Callable[[], requests.Response]) -> requests.Response:
    """Return an answer, once it came in time."""
    began = monotonic()
    answer = ask()
    assert monotonic() - began < BEYOND_S, answer.text
    return answer


def test_what_needs_the_catalogue_is_a_503_at_once_that_says_when_to_come_again(
    shop: Market, ada: Customer, away: None
) -> None:
    asked: list[tuple[str, str, Any]] = [
        ("GET", "/api/products", None), ("GET", "/api/products/p1", None), ("GET", CART, None),
        ("POST", ITEMS, {"product_id": "p1", "qty": 1}), ("DELETE", ONE, None), ("POST", "/api/checkout", {}),
    ]  # fmt: skip
    for method, path, body in asked:
        answer = at_once(lambda: shop.ask(method, path, ada, json=body))  # noqa: B023
        assert answer.status_code == 503, (path, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.json()["code"] in {"unavailable", "circuit-open", "service-unavailable"}, answer.text
        assert "not available" in answer.json()["detail"] or "catalog" in answer.json()["detail"], answer.text


def test_what_does_not_need_it_goes_on(shop: Market, ada: Customer, away: None) -> None:
    assert at_once(lambda: shop.ask("GET", "/api/auth/me", ada)).status_code == 200
    assert at_once(lambda: shop.ask("GET", "/api/orders", ada)).json()["items"] == []
    assert shop.customer() != ada


def test_browsing_says_clearly_what_is_wrong(visitor: Visitor, away: None) -> None:
    for path in ("/", "/products/p1", "/cart", "/checkout"):
        answer = at_once(lambda: visitor.get(path))  # noqa: B023
        assert answer.status_code in {200, 503}, (path, answer.text)
        assert answer.headers["Content-Type"].startswith("text/html"), path
        assert (
            "cannot be reached" in answer.text or "not available" in answer.text or "try again" in answer.text.lower()
        )
        assert "Traceback" not in answer.text


def test_pages_without_products_go_on(visitor: Visitor, away: None) -> None:
    assert at_once(lambda: visitor.get("/orders")).status_code == 200
    assert at_once(lambda: visitor.get("/profile")).status_code == 200


def test_health_names_it(shop: Market, topology: RunningTopology, away: None) -> None:
    services = at_once(lambda: shop.ask("GET", "/health")).json()["services"]
    assert (services["catalog"], services["orders"]) == (False, True)


def test_a_cart_is_whole_when_it_is_back_and_is_sold(shop: Market, ada: Customer, topology: RunningTopology) -> None:
    shop.fill(ada, qty=2)
    whole = shop.ask("GET", CART, ada).json()
    topology.stop("catalog")
    assert shop.ask("GET", CART, ada).status_code == 503
    topology.start("catalog")
    until(lambda: shop.ask("GET", CART, ada).status_code == 200, 15, lambda: "the cart never came back")
    assert shop.ask("GET", CART, ada).json() == whole
    assert shop.ended(ada, shop.check_out(ada))["status"] == "paid"
