"""Buying over real HTTP: every step, every card, races and repetitions, in one process and in one for each module."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.acceptance.running import named, until
from tests.acceptance.shopping import Customer, Market, fields_of
from tests.acceptance.store import GROUPED, ON_SQLITE, STARTS_S, UNDER_FAULTS, Store

pytestmark = [
    pytest.mark.serving,
    pytest.mark.timeout(STARTS_S),
    pytest.mark.topologies(*ON_SQLITE, GROUPED, *UNDER_FAULTS),
]
LINE = {"product_id": "p1", "qty": 2, "name": "The Harbour Book", "price_cents": 1500}


@pytest.fixture(scope="session")
def shop(store: Store) -> Market:
    return Market(store)


@pytest.fixture
def ada(shop: Market) -> Customer:
    return shop.customer()


# --- browsing ---------------------------------------------------------------------------------------------------------


def test_products_are_listed_in_pages(shop: Market) -> None:
    first = shop.ask("GET", "/api/products?limit=3").json()
    second = shop.ask("GET", f"/api/products?limit=3&cursor={first['next']}").json()
    assert [len(first["items"]), len(second["items"])] == [3, 3]
    assert {"id", "name", "price_cents", "stock"} <= first["items"][0].keys()
    assert not {one["id"] for one in first["items"]} & {one["id"] for one in second["items"]}


def test_products_are_found_by_words(shop: Market) -> None:
    assert [one["name"] for one in shop.ask("GET", "/api/products?q=HARBOUR+book").json()["items"]] == [
        "The Harbour Book"
    ]


def test_one_product_is_shown_and_an_unknown_one_is_not_found(shop: Market) -> None:
    shown = shop.ask("GET", "/api/products/p1").json()
    assert (shown["id"], shown["name"], shown["price_cents"]) == ("p1", "The Harbour Book", 1500)
    fields_of(shop.ask("GET", "/api/products/none"), 404, "catalog.unknown-product")


def test_one_product_has_fewer_than_ten_left(shop: Market) -> None:
    assert [left for left in shop.stock.values() if left < 10] == [7]


# --- the cart ---------------------------------------------------------------------------------------------------------


def test_adding_accumulates_and_answers_with_the_cart(shop: Market, ada: Customer) -> None:
    shop.fill(ada)
    answer = shop.ask("POST", "/api/cart/items", ada, json={"product_id": "p1", "qty": 1})
    assert (answer.status_code, answer.json()) == (200, {"items": [LINE], "total_cents": 3000})
    assert shop.ask("GET", "/api/cart", ada).json() == answer.json()


def test_the_cart_is_changed_and_emptied(shop: Market, ada: Customer) -> None:
    shop.fill(ada)
    changed = shop.ask("PUT", "/api/cart/items/p1", ada, json={"qty": 2})
    assert (changed.status_code, changed.json()["total_cents"]) == (200, 3000)
    emptied = shop.ask("DELETE", "/api/cart/items/p1", ada)
    assert (emptied.status_code, emptied.json()) == (200, {"items": [], "total_cents": 0})


@pytest.mark.parametrize("qty", [0, 100, -1, True, "2", 1.5, None])
def test_a_quantity_is_a_whole_number_from_1_to_99(shop: Market, ada: Customer, qty: object) -> None:
    refused = shop.ask("POST", "/api/cart/items", ada, json={"product_id": "p1", "qty": qty})
    problem = fields_of(refused, 422, "validation")
    assert [error["field"] for error in problem["errors"]] == ["body.qty"]


def test_malformed_json_is_400_and_every_wrong_field_is_named(shop: Market, ada: Customer) -> None:
    headers = {"Content-Type": "application/json"}
    assert shop.ask("POST", "/api/cart/items", ada, data=b"{", headers=headers).status_code == 400
    assert shop.ask("POST", "/api/checkout", ada, data=b"{", headers=headers).status_code == 400
    wrong = shop.ask("POST", "/api/cart/items", ada, json={"product_id": 1, "qty": True, "price": 1})
    named = {error["field"] for error in fields_of(wrong, 422, "validation")["errors"]}
    assert named == {"body.product_id", "body.qty", "body.price"}


def test_an_unknown_product_is_not_put_in_the_cart(shop: Market, ada: Customer) -> None:
    refused = shop.ask("POST", "/api/cart/items", ada, json={"product_id": "none", "qty": 1})
    fields_of(refused, 404, "catalog.unknown-product")


# --- checking out -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "choice", [{}, {"json": {}}, {"json": {"payment_method": "pm_ok"}}], ids=["none", "empty", "ok"]
)
def test_a_checkout_answers_with_the_order_and_it_is_paid(shop: Market, ada: Customer, choice: dict[str, Any]) -> None:
    shop.fill(ada, qty=2)
    answer = shop.ask("POST", "/api/checkout", ada, **choice)
    assert answer.status_code == 201, answer.text
    order_id = answer.json()["order_id"]
    assert answer.headers["Location"] == f"/api/orders/{order_id}"
    assert shop.ask("GET", "/api/cart", ada).json()["items"] == []
    order = shop.ended(ada, order_id)
    assert (order["id"], order["status"], order["total_cents"], order["items"]) == (order_id, "paid", 3000, [LINE])
    assert shop.provider.moved(order_id) == ["captured"]


def test_an_order_goes_from_pending_by_reserved_to_paid(shop: Market, ada: Customer) -> None:
    seen = []
    shop.fill(ada)
    order_id = shop.check_out(ada, "pm_timeout_captured")
    until(lambda: seen.append(shop.order(ada, order_id)["status"]) or seen[-1] == "paid", 30, lambda: f"{seen}")
    assert list(dict.fromkeys(seen)) in (["pending", "reserved", "paid"], ["reserved", "paid"])


@pytest.mark.parametrize(
    ("method", "status", "moved"),
    [
        ("pm_declined", "cancelled", []),
        pytest.param("pm_timeout", "cancelled", [], marks=pytest.mark.slow),  # asks for as long as an answer may come
        ("pm_timeout_captured", "paid", ["captured"]),
        ("pm_twice", "paid", ["captured"]),
    ],
)
def test_every_card_comes_to_its_end(shop: Market, ada: Customer, method: str, status: str, moved: list[str]) -> None:
    shop.fill(ada)
    order = shop.ended(ada, order_id := shop.check_out(ada, method))
    assert (order["status"], shop.provider.moved(order_id)) == (status, moved)
    assert bool(order["reason"]) is (status == "cancelled")


def test_customers_read_in_their_mailbox_how_it_ended(shop: Market, ada: Customer) -> None:
    for method in ("pm_ok", "pm_declined"):
        shop.fill(ada)
        shop.ended(ada, shop.check_out(ada, method))
    mails = until(lambda: two_mails(shop, ada), 10, lambda: shop.ask("GET", "/api/mails", ada).text)
    assert {mail["address"] for mail in mails} == {ada.email}
    assert any("Your card was declined." in mail["text"] for mail in mails)


def two_mails(shop: Market, who: Customer) -> Any:
    mails = shop.ask("GET", "/api/mails", who).json()["items"]
    return mails if len(mails) == 2 else None


def test_an_empty_cart_cannot_be_checked_out(shop: Market, ada: Customer) -> None:
    fields_of(shop.ask("POST", "/api/checkout", ada), 409, "orders.cart-empty")
    assert shop.ask("GET", "/api/orders", ada).json() == {"items": [], "next": None}


@pytest.mark.parametrize("choice", [{"payment_method": "gold"}, {"payment_method": True}, {"card": "pm_ok"}, []])
def test_a_payment_that_is_not_offered_is_refused(shop: Market, ada: Customer, choice: object) -> None:
    shop.fill(ada)
    fields_of(shop.ask("POST", "/api/checkout", ada, json=choice), 422, "validation")


# --- whose order ------------------------------------------------------------------------------------------------------


def test_another_users_order_is_not_there(shop: Market, ada: Customer) -> None:
    shop.fill(ada)
    order_id, bob = shop.check_out(ada), shop.customer()
    for method, path in (("GET", ""), ("POST", "/cancel")):
        fields_of(shop.ask(method, f"/api/orders/{order_id}{path}", bob), 404, "orders.unknown-order")
    assert shop.ask("GET", "/api/orders", bob).json()["items"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/cart"),
        ("POST", "/api/cart/items"),
        ("POST", "/api/checkout"),
        ("GET", "/api/orders"),
        ("GET", "/api/orders/01a1fed2-885a-72c9-b44b-655e8e10e795"),
        ("POST", "/api/orders/01a1fed2-885a-72c9-b44b-655e8e10e795/cancel"),
        ("POST", "/api/orders/01a1fed2-885a-72c9-b44b-655e8e10e795/refund"),
        ("GET", "/api/mails"),
    ],
)
def test_without_a_token_it_is_401(shop: Market, method: str, path: str) -> None:
    answer = shop.ask(method, path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_orders_are_listed_newest_first_and_searched(shop: Market, ada: Customer) -> None:
    placed = []
    for product_id in ("p1", "p2", "p1"):
        shop.fill(ada, product_id)
        placed.append(shop.check_out(ada))
    first = shop.ask("GET", "/api/orders?limit=2", ada).json()
    second = shop.ask("GET", f"/api/orders?limit=2&cursor={first['next']}", ada).json()
    assert [order["id"] for order in first["items"] + second["items"]] == placed[::-1]
    found = shop.ask("GET", "/api/orders?q=tides", ada).json()["items"]
    assert [order["id"] for order in found] == [placed[1]]


def test_an_order_is_xml_for_those_who_ask_for_it(shop: Market, ada: Customer) -> None:
    shop.fill(ada)
    path = f"/api/orders/{shop.check_out(ada)}"
    answer = shop.ask("GET", path, ada, headers={"Accept": "application/xml"})
    assert answer.headers["Content-Type"].startswith("application/xml")
    assert ET.fromstring(answer.content).findtext("total_cents") == "1500"


def test_another_method_is_405_and_says_which_are_allowed(shop: Market, ada: Customer) -> None:
    answer = shop.ask("DELETE", "/api/checkout", ada)
    assert (answer.status_code, answer.headers["Content-Type"]) == (405, "application/problem+json")
    assert "POST" in answer.headers["Allow"]


# --- repetitions and races --------------------------------------------------------------------------------------------


def test_one_key_is_one_order_also_at_once(shop: Market, ada: Customer) -> None:
    shop.fill(ada)
    with ThreadPoolExecutor(12) as pool:
        answers = list(
            pool.map(lambda _: shop.ask("POST", "/api/checkout", ada, headers={"Idempotency-Key": "one"}), range(12))
        )
    done = [answer for answer in answers if answer.status_code not in {409, 425}]
    assert {answer.status_code for answer in done} == {201}
    assert len({answer.text for answer in done}) == 1
    shop.fill(ada)
    assert shop.check_out(ada, **{"Idempotency-Key": "one"}) == done[0].json()["order_id"]
    assert len(shop.ask("GET", "/api/orders", ada).json()["items"]) == 1


def test_a_key_with_another_card_is_refused(shop: Market, ada: Customer) -> None:
    shop.fill(ada)
    shop.check_out(ada, "pm_ok", **{"Idempotency-Key": "two"})
    headers = {"Idempotency-Key": "two"}
    again = shop.ask("POST", "/api/checkout", ada, headers=headers, json={"payment_method": "pm_twice"})
    fields_of(again, 422, "idempotency-key-reused")


def test_exactly_what_is_in_stock_gets_sold(shop: Market) -> None:
    left = shop.ask("GET", "/api/products/p7").json()["stock"]
    customers = [shop.customer() for _ in range(left + 5)]
    for one in customers:
        shop.fill(one, "p7")
    with ThreadPoolExecutor(len(customers)) as pool:
        placed = list(pool.map(shop.check_out, customers))
    ends = [shop.ended(who, order_id) for who, order_id in zip(customers, placed, strict=True)]
    assert sum(order["status"] == "paid" for order in ends) == left
    assert shop.ask("GET", "/api/products/p7").json()["stock"] == 0
    assert all("sold out" in order["reason"] for order in ends if order["status"] == "cancelled")


# --- cancelling and refunds -------------------------------------------------------------------------------------------


def test_an_order_on_its_way_is_cancelled_by_its_customer(shop: Market, ada: Customer) -> None:
    shop.fill(ada)
    order_id = shop.check_out(ada, "pm_timeout")
    assert shop.ask("POST", f"/api/orders/{order_id}/cancel", ada).status_code == 200
    order = shop.ended(ada, order_id)
    assert order["status"] == "cancelled"
    assert order["reason"].startswith("You cancelled this order.")


def test_a_paid_order_is_refunded_by_the_shop_alone(shop: Market, ada: Customer) -> None:
    shop.fill(ada)
    order_id = shop.check_out(ada)
    shop.ended(ada, order_id)
    fields_of(shop.ask("POST", f"/api/orders/{order_id}/cancel", ada), 409, "orders.too-late-to-cancel")
    assert shop.ask("POST", f"/api/orders/{order_id}/refund", ada).status_code == 403
    assert shop.ask("POST", f"/api/orders/{order_id}/refund", shop.admin()).status_code == 200
    until(lambda: shop.order(ada, order_id)["status"] == "cancelled", 20, lambda: f"{shop.order(ada, order_id)}")
    assert shop.provider.moved(order_id) == ["captured", "refunded"]


def test_what_modules_ask_each_other_has_no_public_address(shop: Market, ada: Customer) -> None:
    for method, path in (("PUT", "/api/charges/x"), ("DELETE", "/api/carts/x"), ("PUT", "/api/reservations/x")):
        assert shop.ask(method, path, ada, json={}).status_code == 404


# --- the same in every topology ---------------------------------------------------------------------------------------


def test_every_answer_is_the_same_in_every_topology(shop: Market, ada: Customer, same_everywhere: Any) -> None:
    known, answers = visit(shop, ada)
    for number, (asked, answer) in enumerate(answers):
        same_everywhere(f"{number} {asked}", answer, known=known)


def visit(shop: Market, who: Customer) -> tuple[dict[str, str], list[tuple[str, Any]]]:
    """Buy, and go wrong in every way; return names of what differs by chance, and what was answered."""
    known = {who.user_id: "USER", who.email: "EMAIL"}
    kept = []

    def ask(method: str, path: str, customer: Customer | None = who, **kwargs: Any) -> Any:
        answer = shop.ask(method, path, customer, **kwargs)
        kept.append((f"{method} {path}", answer))
        return answer

    ask("GET", "/api/products?limit=2&q=book")
    ask("GET", "/api/products/none")
    ask("POST", "/api/cart/items", json={"product_id": "p1", "qty": True, "x": 1})
    ask("POST", "/api/cart/items", data=b"{", headers={"Content-Type": "application/json"})
    ask("POST", "/api/cart/items", json={"product_id": "none", "qty": 1})
    ask("POST", "/api/checkout")
    ask("POST", "/api/checkout", None)
    ask("POST", "/api/cart/items", json={"product_id": "p1", "qty": 2})
    ask("GET", "/api/cart", headers={"Accept": "application/xml"})
    shop.ask("PUT", "/api/cart/items/p1", who, json={"qty": 2})
    order_id = shop.check_out(who, "pm_declined")
    order = shop.ended(who, order_id)
    known |= {order_id: "ORDER", order["created_at"]: "TIME"}
    for path in ("", "?limit=0", "?cursor=x", "?nothing=1"):
        ask("GET", f"/api/orders{path}")
    ask("GET", f"/api/orders/{order_id}")
    ask("GET", f"/api/orders/{order_id}", headers={"Accept": "application/xml"})
    ask("POST", f"/api/orders/{order_id}/cancel")
    ask("POST", f"/api/orders/{order_id}/refund")
    ask("GET", "/api/orders/unknown")
    ask("GET", "/api/all-orders")
    ask("DELETE", "/api/checkout")
    ask("PUT", f"/api/orders/{order_id}")
    ask("GET", "/api/orders/a/b/c")
    ask("GET", "/api/mails?limit=101")
    ask("POST", "/payments/callbacks", None, data=b"{}")
    return known, [(named(asked, known), answer) for asked, answer in kept]


def test_in_the_end_the_books_add_up(shop: Market) -> None:
    assert shop.settled_faults() == []
