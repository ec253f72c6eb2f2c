"""Browsing, and filling a cart, over real HTTP: in one process and in several, on every database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests

from tests.acceptance.accounts import Shop, User, problem
from tests.acceptance.store import EVERY_DATABASE, STARTS_S, Store

pytestmark = [pytest.mark.serving, pytest.mark.timeout(STARTS_S), pytest.mark.topologies(*EVERY_DATABASE)]

PRODUCTS, CART, ITEMS = "/api/products", "/api/cart", "/api/cart/items"
FIELDS = {"id", "name", "price_cents", "stock", "description", "category", "art"}
ONE = "/api/cart/items/p1"


class Floor(Shop):
    """The shop's public address, where one can browse and fill a cart."""

    def admin(self) -> str:
        """Return a token of somebody who may change the stock."""
        return self.store.tokens().issue(self.ada.user_id, roles=["admin"])

    def add(self, user: User, product_id: str, qty: int, **kwargs: Any) -> requests.Response:
        return self.ask("POST", ITEMS, token=user.token, json={"product_id": product_id, "qty": qty}, **kwargs)


@pytest.fixture(scope="session")
def shop(store: Store) -> Floor:
    return Floor(store)


# --- browsing ---------------------------------------------------------------------------------------------------------


def test_products_are_listed_in_pages(shop: Floor) -> None:
    answer = shop.ask("GET", PRODUCTS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    body = answer.json()
    assert body.keys() == {"items", "next"}
    assert len(body["items"]) == 20
    assert all(item.keys() == FIELDS for item in body["items"])
    assert {type(item["price_cents"]) for item in body["items"]} == {int}
    rest = shop.ask("GET", f"{PRODUCTS}?cursor={body['next']}").json()
    assert rest["next"] is None
    shown = [item["id"] for item in body["items"] + rest["items"]]
    assert sorted(shown) == sorted(f"p{number}" for number in range(1, 25))
    assert shown[-1] == "p7"  # the one with few left


def test_one_product_has_fewer_than_ten_left(shop: Floor) -> None:
    stock = [item["stock"] for item in shop.ask("GET", f"{PRODUCTS}?limit=100").json()["items"]]
    assert sum(left < 10 for left in stock) == 1
    assert stock[0] >= 10


def test_a_search_and_a_category_narrow_the_list(shop: Floor) -> None:
    def found(query: str) -> list[str]:
        return [item["id"] for item in shop.ask("GET", f"{PRODUCTS}?{query}").json()["items"]]

    assert found("q=cafe+ENAMEL") == ["p19"]
    assert found("q=CAF%C3%89") == ["p19"]
    assert found("q=logbook&category=stationery&limit=1") == ["p9"]
    assert found("category=coffee+%26+tea") == ["p15", "p16", "p17", "p18", "p19"]
    assert found("q=%25") == found("q=_") == found("category=nothing") == []


def test_one_product_has_the_same_fields_and_an_entity_tag(shop: Floor) -> None:
    answer = shop.ask("GET", f"{PRODUCTS}/p1")
    assert answer.status_code == 200
    assert answer.json() == shop.ask("GET", f"{PRODUCTS}?limit=1").json()["items"][0]
    unchanged = shop.ask("GET", f"{PRODUCTS}/p1", headers={"If-None-Match": answer.headers["ETag"]})
    assert (unchanged.status_code, unchanged.text) == (304, "")


@pytest.mark.parametrize("product_id", ["p99", "P1", "p1%20", "%25", "nope/x", "p%C3%AD1"])
def test_an_unknown_product_is_not_there(shop: Floor, product_id: str) -> None:
    answer = shop.ask("GET", f"{PRODUCTS}/{product_id}")
    found = problem(answer, 404)
    assert found["code"] == ("not-found" if "/" in product_id else "catalog.unknown-product")


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=0", {"limit"}),
        ("limit=101&q=" + "x" * 101 + "&category=" + "x" * 41 + "&page=2", {"limit", "q", "category", "page"}),
        ("limit=true", {"limit"}),
        ("q=%00", {"q"}),
    ],
)
def test_every_wrong_part_of_a_query_is_named(shop: Floor, query: str, fields: set[str]) -> None:
    errors = problem(shop.ask("GET", f"{PRODUCTS}?{query}"), 422)["errors"]
    assert {error["field"] for error in errors} == {f"query.{name}" for name in fields}


def test_a_cursor_that_nobody_gave_out_leads_nowhere(shop: Floor) -> None:
    problem(shop.ask("GET", f"{PRODUCTS}?cursor=nonsense"), 404)


def test_only_an_admin_changes_the_stock(shop: Floor) -> None:
    path = f"{PRODUCTS}/p2/stock"
    before = shop.ask("GET", f"{PRODUCTS}/p2").json()
    assert shop.ask("PUT", path, json={"stock": 1}).status_code == 401
    problem(shop.ask("PUT", path, json={"stock": 1}, token=shop.ada.token), 403)
    admin = shop.admin()
    for wrong in (-1, True, "1", None, 10**9):
        errors = problem(shop.ask("PUT", path, json={"stock": wrong}, token=admin), 422)["errors"]
        assert [error["field"] for error in errors] == ["body.stock"]
    assert shop.ask("PUT", path, json={"stock": 5}, token=admin).json() == before | {"stock": 5}
    assert shop.ask("PUT", path, json={"stock": before["stock"]}, token=admin).json() == before
    problem(shop.ask("PUT", f"{PRODUCTS}/p99/stock", json={"stock": 1}, token=admin), 404)


# --- the cart ---------------------------------------------------------------------------------------------------------


def test_a_new_user_has_an_empty_cart(shop: Floor) -> None:
    answer = shop.ask("GET", CART, token=shop.user().token)
    assert (answer.status_code, answer.json()) == (200, {"items": [], "total_cents": 0})
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_cart_is_filled_seen_and_changed(shop: Floor) -> None:
    user = shop.user()
    assert shop.add(user, "p1", 2).status_code == 200
    assert shop.add(user, "p9", 1).status_code == 200
    added = shop.add(user, "p1", 3)
    book = {"product_id": "p1", "qty": 5, "name": "The Harbour Book", "price_cents": 1500}
    logbook = {"product_id": "p9", "qty": 1, "name": "Logbook, Lined", "price_cents": 750}
    expected = {"items": [book, logbook], "total_cents": 8250}
    assert (added.status_code, added.json()) == (200, expected)
    assert shop.ask("GET", CART, token=user.token).json() == expected
    changed = shop.ask("PUT", ONE, token=user.token, json={"qty": 1})
    assert (changed.status_code, changed.json()) == (200, {"items": [book | {"qty": 1}, logbook], "total_cents": 2250})
    for _ in range(2):
        removed = shop.ask("DELETE", ONE, token=user.token)
        assert (removed.status_code, removed.json()) == (200, {"items": [logbook], "total_cents": 750})


def test_nobody_sees_another_users_cart(shop: Floor) -> None:
    ada, eve = shop.user(), shop.user()
    shop.add(ada, "p1", 1)
    assert shop.ask("GET", CART, token=eve.token).json()["items"] == []
    problem(shop.ask("GET", f"/api/carts/{ada.user_id}", token=eve.token), 404)


def test_adding_over_ninety_nine_in_all_is_refused_and_named(shop: Floor) -> None:
    user = shop.user()
    assert shop.add(user, "p1", 99).status_code == 200
    errors = problem(shop.add(user, "p1", 1), 422)["errors"]
    assert [error["field"] for error in errors] == ["body.qty"]
    assert shop.ask("GET", CART, token=user.token).json()["items"][0]["qty"] == 99


BAD: list[tuple[str, str, Any, set[str]]] = [
    ("POST", ITEMS, {}, {"product_id", "qty"}),
    ("POST", ITEMS, {"product_id": 1, "qty": True, "price_cents": 1}, {"product_id", "qty", "price_cents"}),
    ("POST", ITEMS, {"product_id": "p1", "qty": 0}, {"qty"}),
    ("POST", ITEMS, {"product_id": "p1", "qty": 100}, {"qty"}),
    ("POST", ITEMS, {"product_id": "p1", "qty": -1}, {"qty"}),
    ("POST", ITEMS, {"product_id": "p1", "qty": "1"}, {"qty"}),
    ("POST", ITEMS, {"product_id": "p1", "qty": 1.5}, {"qty"}),
    ("POST", ITEMS, {"product_id": "p1", "qty": None}, {"qty"}),
    ("POST", ITEMS, {"product_id": "p1\u0000", "qty": 1}, {"product_id"}),
    ("PUT", ONE, {}, {"qty"}),
    ("PUT", ONE, {"qty": True, "product_id": "p2"}, {"qty", "product_id"}),
    ("PUT", ONE, {"qty": 0}, {"qty"}),
    ("PUT", ONE, {"qty": 10**30}, {"qty"}),
]


@pytest.mark.parametrize(("method", "path", "body", "fields"), BAD)
def test_every_bad_field_is_named(shop: Floor, method: str, path: str, body: Any, fields: set[str]) -> None:
    errors = problem(shop.ask(method, path, json=body, token=shop.ada.token), 422)["errors"]
    assert {error["field"] for error in errors} == {f"body.{name}" for name in fields}


@pytest.mark.parametrize(("method", "path"), [("POST", ITEMS), ("PUT", ONE)])
@pytest.mark.parametrize("data", [b"{not json", b"", b'{"qty": NaN}', b'{"qty": 1'])
def test_malformed_json_is_no_validation_error(shop: Floor, method: str, path: str, data: bytes) -> None:
    problem(shop.ask(method, path, data=data, token=shop.ada.token), 400)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", ITEMS, {"product_id": "p99", "qty": 1}),
        ("POST", ITEMS, {"product_id": "P1", "qty": 1}),
        ("PUT", "/api/cart/items/p99", {"qty": 1}),
        ("DELETE", "/api/cart/items/p99", None),
    ],
)
def test_an_unknown_product_comes_into_no_cart(shop: Floor, method: str, path: str, body: Any) -> None:
    answer = shop.ask(method, path, json=body, token=shop.ada.token)
    assert problem(answer, 404)["code"] == "catalog.unknown-product"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", CART), ("POST", ITEMS), ("PUT", ONE), ("DELETE", ONE), ("PUT", f"{PRODUCTS}/p1/stock")]
)
def test_without_a_token_nothing_is_shown_or_changed(shop: Floor, method: str, path: str) -> None:
    answer = shop.ask(method, path, data=b"{not json" if method in ("POST", "PUT") else None)
    problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_simultaneous_additions_all_count(shop: Floor) -> None:
    user = shop.user()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: shop.add(user, f"p{1 + number % 2}", 1), range(12)))
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    items = shop.ask("GET", CART, token=user.token).json()["items"]
    assert {item["product_id"]: item["qty"] for item in items} == {"p1": 6, "p2": 6}


def test_a_click_that_comes_twice_with_its_key_adds_once(shop: Floor) -> None:
    user = shop.user()
    key = {"Idempotency-Key": "one-click"}
    answers = [shop.add(user, "p1", 2, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json() == shop.ask("GET", CART, token=user.token).json()
    problem(shop.add(user, "p1", 3, headers=key), 422)


# --- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", PRODUCTS, "GET, HEAD, OPTIONS"),
        ("DELETE", f"{PRODUCTS}/p1", "GET, HEAD, OPTIONS"),
        ("GET", f"{PRODUCTS}/p1/stock", "OPTIONS, PUT"),
        ("POST", CART, "GET, HEAD, OPTIONS"),
        ("GET", ITEMS, "OPTIONS, POST"),
        ("PATCH", ONE, "DELETE, OPTIONS, PUT"),
    ],
)
def test_another_method_is_told_which_are_allowed(shop: Floor, method: str, path: str, allow: str) -> None:
    answer = shop.ask(method, path, token=shop.ada.token)
    problem(answer, 405)
    assert answer.headers["Allow"] == allow


@pytest.mark.parametrize(
    "path",
    ["/api/products-by-id?ids=p1", "/api/reservations/x", "/api/carts/x", "/api/carts/x/items", "/api/cart/nowhere"],
)
def test_what_is_for_modules_has_no_public_address(shop: Floor, path: str) -> None:
    for method in ("GET", "PUT", "POST", "DELETE"):
        problem(shop.ask(method, path, token=shop.admin()), 404)


def test_answers_and_problems_come_as_xml_for_whoever_asks_for_it(shop: Floor) -> None:
    accept = {"Accept": "application/xml"}
    user = shop.user()
    shop.add(user, "p15", 2)
    for path in (PRODUCTS, f"{PRODUCTS}/p15", CART):
        answer = shop.ask("GET", path, headers=accept, token=user.token)
        assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, "application/xml")
        assert "1250" in {element.text for element in ET.fromstring(answer.content).iter("price_cents")}
        assert "<name>Harbour Roast, 500 g</name>" in answer.text
    unknown = shop.ask("GET", f"{PRODUCTS}/p99", headers=accept)
    assert unknown.headers["Content-Type"].partition(";")[0] == "application/problem+xml"
    assert ET.fromstring(unknown.content).findtext("{*}code") == "catalog.unknown-product"


def test_the_public_operations_are_described(shop: Floor) -> None:
    paths = shop.ask("GET", "/openapi.json").json()["paths"]
    described = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert {
        "GET /api/products", "GET /api/products/{product_id}", "PUT /api/products/{product_id}/stock",
        "GET /api/categories", "GET /api/cart", "POST /api/cart/items", "PUT /api/cart/items/{product_id}",
        "DELETE /api/cart/items/{product_id}",
    } <= described  # fmt: skip
    assert not [path for path in described if "reservations" in path or "carts" in path or "by-id" in path]


def test_the_migrations_make_what_the_models_say(shop: Floor) -> None:
    shop.running.commands.run("db", "check")


def test_nothing_was_answered_by_a_traceback(shop: Floor) -> None:
    assert [line for line in shop.running.log(limit=0).splitlines() if "Traceback" in line] == []


def test_a_visit_is_answered_alike_in_every_topology(shop: Floor, same_everywhere: Any) -> None:
    assert shop.compare(visit, same_everywhere) == {200, 304, 400, 401, 403, 404, 405, 422}


def visit(shop: Floor) -> None:
    """Do everything once, well and badly, with somebody who has just signed up."""
    kept, shop.kept = shop.kept, None
    user = shop.user()
    shop.kept = kept
    shop.know(user)
    tag = shop.ask("GET", f"{PRODUCTS}/p1").headers["ETag"]
    shop.ask("GET", f"{PRODUCTS}/p1", headers={"If-None-Match": tag})
    page = shop.ask("GET", f"{PRODUCTS}?limit=7&q=e").json()
    shop.ask("GET", f"{PRODUCTS}?limit=7&q=e&cursor={page['next']}")
    for path in (f"{PRODUCTS}?limit=0", f"{PRODUCTS}?cursor=x", f"{PRODUCTS}/p99", "/api/categories", CART):
        shop.ask("GET", path)
    shop.ask("PUT", f"{PRODUCTS}/p1/stock", json={"stock": 1}, token=user.token)
    for method, path, body in (
        ("GET", CART, None), ("POST", ITEMS, {"product_id": "p1", "qty": 2}), ("POST", ITEMS, {"qty": True}),
        ("POST", ITEMS, {"product_id": "p1", "qty": 98}), ("POST", ITEMS, {"product_id": "p99", "qty": 1}),
        ("PUT", "/api/cart/items/p7", {"qty": 9}), ("GET", CART, None), ("DELETE", ONE, None), ("PATCH", ONE, None),
    ):  # fmt: skip
        shop.ask(method, path, token=user.token, json=body)
    shop.ask("POST", ITEMS, token=user.token, data=b"{")
