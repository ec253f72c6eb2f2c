"""The pages, asked without a browser."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from decant import create_app
from decant.auth.browser.csrf import mask, new_secret
from decant.service import runtime_of

ROOT = Path(__file__).parents[1]
EMAIL, PASSWORD = "ada@example.org", "the sea is calm tonight"
HTML = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def send(client: FlaskClient, path: str, page: str = "", **fields: str) -> TestResponse:
    """Send a form as a browser that has seen its page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page or path).text)
    assert found
    return client.post(path, data={"csrf_token": found[1], **fields}, headers=HTML)


def sign_up(client: FlaskClient) -> None:
    answer = send(client, "/sign-up", name="Ada", email=EMAIL, password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/profile")


def test_somebody_who_is_signed_in_needs_no_form_to_sign_in(client: FlaskClient) -> None:
    sign_up(client)
    for path in ("/sign-in", "/sign-up"):
        assert client.get(f"{path}?next=/profile").location == "/profile"


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up"])
def test_the_way_back_goes_with_the_form(client: FlaskClient, path: str) -> None:
    assert '<input type="hidden" name="next" value="/profile">' in client.get(f"{path}?next=/profile").text
    assert 'name="next"' not in client.get(f"{path}?next=//evil.example").text


def test_spaces_around_an_address_are_not_meant(client: FlaskClient) -> None:
    sign_up(client)
    send(client, "/sign-out", page="/")
    assert send(client, "/sign-in", email=f" {EMAIL} ", password=PASSWORD).location == "/"


def test_what_was_typed_comes_back_escaped(client: FlaskClient) -> None:
    answer = send(client, "/sign-up", name='"><script>', email="<b>", password="secret!")
    assert answer.status_code == 422
    assert "<script>" not in answer.text
    assert "&#34;&gt;&lt;script&gt;" in answer.text
    assert "secret!" not in answer.text


def test_too_many_wrong_passwords_are_told_with_the_time_to_wait(client: FlaskClient) -> None:
    answers = [send(client, "/sign-in", email=EMAIL, password=f"wrong {number}") for number in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "Try again in a minute." in answers[-1].text


def test_what_another_application_stored_stays(client: FlaskClient, app: Flask) -> None:
    sign_up(client)
    token = runtime_of(app).identity.tokens.issue(subject_of(client))
    api = {"Authorization": f"Bearer {token}"}
    stored = {"avatar": "https://pictures.example/ada.png", "preferences": {"theme": {"hue": 7}, "offers": True}}
    assert client.put("/users/profile", json=stored, headers=api).status_code == 200
    page = client.get("/profile").text
    assert "pictures.example" not in page
    send(client, "/profile", bio="Hello")
    profile = client.get("/users/profile", headers=api).json["profile"]
    assert profile["bio"] == "Hello"
    assert profile["avatar"] == stored["avatar"]
    assert profile["preferences"] == {"theme": {"hue": 7}, "offers": False, "order_updates": False}


def subject_of(client: FlaskClient) -> str:
    with client.session_transaction() as session:
        token = session["_token"]
    return client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"}).json["user_id"]


def test_a_picture_that_is_none_of_ours_is_not_taken(client: FlaskClient) -> None:
    sign_up(client)
    send(client, "/profile", bio="", avatar="https://evil.example/x.svg")
    assert "evil.example" not in client.get("/profile").text


def test_the_longest_name_fits_into_the_cookie(client: FlaskClient) -> None:
    name = "".join(chr(0x1F300 + number) for number in range(200))
    answer = send(client, "/sign-up", name=name, email=EMAIL, password=PASSWORD)
    assert answer.status_code == 303
    assert len(answer.headers["Set-Cookie"]) < 4000
    assert client.get("/profile").status_code == 200


def test_a_path_that_leads_nowhere_is_a_page_for_browsers_that_knows_its_user(client: FlaskClient) -> None:
    sign_up(client)
    for path, status in (("/nothing", 404), ("/sign-out", 405)):
        answer = client.get(path, headers=HTML)
        assert (answer.status_code, answer.mimetype) == (status, "text/html")
        assert "Signed in as </span>" in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert {"Accept", "Cookie"} <= set(answer.vary)
    assert answer.headers["Allow"] == "OPTIONS, POST"


@pytest.mark.parametrize(("path", "accept"), [("/api/nothing", "text/html"), ("/nothing", "*/*"), ("/nothing", None)])
def test_programs_and_the_api_get_a_document(client: FlaskClient, path: str, accept: str | None) -> None:
    answer = client.get(path, headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert "Cookie" not in answer.vary


def test_pages_whose_accounts_do_not_answer_say_so_and_keep_the_session(tmp_path: Path) -> None:
    nowhere = {"DECANT_HOME": str(tmp_path), "ACCOUNTS_SERVICE_URL": "http://127.0.0.1:1"}
    app = create_app("web", "accounts", ROOT / "decant.toml", environ=nowhere)
    runtime_of(app).migrate()
    client = app.test_client()
    token = runtime_of(app).identity.tokens.issue("ada")
    with client.session_transaction() as session:
        session["_token"], session["name"] = token, "Ada"
    assert "Good to see you, Ada." in client.get("/").text
    for answer in (client.get("/profile", headers=HTML), send(client, "/sign-out", page="/")):
        assert (answer.status_code, answer.mimetype) == (503, "text/html")
        assert "Not available at the moment" in answer.text
        assert answer.headers["Retry-After"] == "1"
    assert "Good to see you, Ada." in client.get("/").text
    runtime_of(app).stop(1)


def buy(client: FlaskClient, product_id: str = "p1", qty: str = "1") -> TestResponse:
    return send(client, "/cart/items", page=f"/products/{product_id}", product_id=product_id, qty=qty)


def test_what_links_add_to_an_address_breaks_no_page(client: FlaskClient) -> None:
    sign_up(client)
    for path in ("/", "/products/p1", "/cart", "/orders", "/mailbox", "/profile"):
        assert client.get(f"{path}?utm_source=mail").status_code == 200


@pytest.mark.parametrize("path", ["/", "/orders", "/mailbox"])
def test_a_cursor_that_nobody_gave_leads_to_the_first_page(client: FlaskClient, path: str) -> None:
    sign_up(client)
    assert client.get(f"{path}?cursor=made-up").location == path


@pytest.mark.parametrize("q", ["\0", "%", "_", "x" * 500, "<script>", "\u202e", "'"])
def test_anything_can_be_looked_for(client: FlaskClient, q: str) -> None:
    answer = client.get("/", query_string={"q": q, "category": q})
    assert answer.status_code == 200
    assert "<script>" not in answer.text


@pytest.mark.parametrize("qty", ["", "0", "-1", "100", "1.5", "many", "1e1"])
def test_a_quantity_that_is_none_comes_back_with_its_field(client: FlaskClient, qty: str) -> None:
    answer = buy(client, qty=qty)
    assert answer.status_code == 422
    assert "Choose between 1 and 99." in answer.text
    assert "nothing in it yet" in client.get("/cart").text


def test_a_cart_holds_99_of_a_thing_at_most_and_stays_as_it_was(client: FlaskClient) -> None:
    buy(client, qty="98")
    answer = buy(client, qty="2")
    assert (answer.status_code, "99 of a product at most" in answer.text) == (422, True)
    assert 'value="98"' in client.get("/cart").text


def test_a_product_that_is_not_sold_is_a_page_that_says_so(client: FlaskClient) -> None:
    for answer in (client.get("/products/p999", headers=HTML), send(client, "/cart/items", page="/products/p1")):
        assert answer.status_code in (404, 422)
        assert answer.mimetype == "text/html"
    assert "does not sell this" in client.get("/products/p999", headers=HTML).text


def test_a_guests_id_cannot_be_chosen_by_its_guest(client: FlaskClient) -> None:
    buy(client)
    stranger = client.application.test_client()  # type: ignore[union-attr]
    stranger.set_cookie("session", "eyJndWVzdCI6Imd1ZXN0LTEifQ.forged.cookie")
    assert "nothing in it yet" in stranger.get("/cart").text


def test_the_cart_of_a_guest_comes_along_and_stays_with_the_account(client: FlaskClient) -> None:
    buy(client, qty="2")
    sign_up(client)
    assert 'value="2"' in client.get("/cart").text
    send(client, "/sign-out", page="/")
    assert "nothing in it yet" in client.get("/cart").text


@pytest.mark.parametrize("fields", [{}, {"key": "short", "payment_method": "pm_ok"}, {"payment_method": "pm_free"}])
def test_a_checkout_form_that_was_tampered_with_orders_nothing(client: FlaskClient, fields: dict[str, str]) -> None:
    sign_up(client)
    buy(client)
    answer = send(client, "/checkout", **fields)
    assert (answer.status_code, "Choose a card to pay with." in answer.text) == (422, True)
    assert "You have not ordered anything yet" in client.get("/orders").text


def test_the_same_checkout_form_sent_twice_is_one_order_and_another_card_in_it_is_refused(client: FlaskClient) -> None:
    sign_up(client)
    buy(client)
    key = re.search(r'name="key" value="([^"]+)"', client.get("/checkout").text)
    assert key
    first, second = (send(client, "/checkout", "/", key=key[1], payment_method="pm_ok") for _ in range(2))
    assert first.location == second.location
    assert first.location.startswith("/orders/")
    other = send(client, "/checkout", "/", key=key[1], payment_method="pm_declined")
    assert other.location == "/orders"
    assert "ordered already" in client.get("/orders").text


def test_an_empty_cart_cannot_be_checked_out(client: FlaskClient) -> None:
    sign_up(client)
    assert client.get("/checkout").location == "/cart"
    empty = send(client, "/checkout", "/", key="0" * 36, payment_method="pm_ok")
    assert empty.location == "/orders"
    assert "nothing was ordered" in client.get("/orders").text


@pytest.mark.parametrize("path", ["/checkout", "/orders", "/orders/7", "/mailbox", "/admin", "/admin/stock"])
def test_pages_of_an_account_ask_to_sign_in_and_come_back(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers=HTML).location == f"/sign-in?next={path}"


def test_only_an_administrator_sees_the_admin_pages(client: FlaskClient) -> None:
    sign_up(client)
    assert {client.get(path, headers=HTML).status_code for path in ("/admin", "/admin/stock", "/admin/stuck")} == {403}
    assert send(client, "/admin/stock/p1", page="/", stock="0").status_code == 403
    send(client, "/sign-out", page="/")
    send(client, "/sign-in", email="keeper@harbour.example", password="light the lamp")
    assert [client.get(path).status_code for path in ("/admin", "/admin/stock", "/admin/stuck")] == [200] * 3
    send(client, "/admin/stock/p1", page="/admin/stock", stock="-1")
    assert "Nothing was changed." in client.get("/admin/stock").text


def test_nobody_pays_another_sum_than_the_button_said(client: FlaskClient) -> None:
    sign_up(client)
    buy(client)
    fields = dict(re.findall(r'name="(key|total_cents)" value="([^"]+)"', client.get("/checkout").text))
    buy(client)  # in another tab
    answer = send(client, "/checkout", "/cart", **fields, payment_method="pm_ok")
    assert (answer.status_code, "nothing was ordered now" in answer.text) == (409, True)
    assert "You have not ordered anything yet" in client.get("/orders").text
    fields = dict(re.findall(r'name="(key|total_cents)" value="([^"]+)"', answer.text))
    assert send(client, "/checkout", "/cart", **fields, payment_method="pm_ok").status_code == 303


def test_putting_an_order_back_into_the_cart_twice_is_as_good_as_once(client: FlaskClient) -> None:
    sign_up(client)
    buy(client, "p2", qty="2")
    key = re.search(r'name="key" value="([^"]+)"', client.get("/checkout").text)
    assert key
    order = send(client, "/checkout", "/", key=key[1], payment_method="pm_ok").location
    buy(client, "p2", qty="1")
    for _ in range(2):
        assert send(client, f"{order}/again", "/").location == "/cart"
        assert "<span>2 things</span>" in client.get("/cart").text


def test_an_order_that_waits_for_a_person_is_shown_with_what_happened_and_what_to_do(client: FlaskClient) -> None:
    sign_up(client)
    buy(client)
    key = re.search(r'name="key" value="([^"]+)"', client.get("/checkout").text)
    assert key
    order = send(client, "/checkout", "/", key=key[1], payment_method="pm_ok").location
    with runtime_of(client.application).databases["orders"].engine.begin() as connection:
        saga = connection.execute(text("SELECT id FROM orders_saga")).scalar_one()
        connection.execute(text("UPDATE orders_saga SET state = 'parked'"))
    send(client, "/sign-out", page="/")
    send(client, "/sign-in", email="keeper@harbour.example", password="light the lamp")
    page = client.get("/admin/stuck").text
    assert f'href="{order}"' in page
    assert f"decant sagas retry {saga}" in page


class Alone:
    """The pages in a process of their own, every other module at an address where nobody answers."""

    def __init__(self, folder: Path, url: str) -> None:
        names = ("auth", "users", "catalog", "cart", "orders", "payments", "notifications")
        environ = {"DECANT_HOME": str(folder), **{f"{name.upper()}_SERVICE_URL": url for name in names}}
        self.app = create_app("web", "services", ROOT / "decant.toml", environ=environ)
        self.client = self.app.test_client()
        token = runtime_of(self.app).identity.tokens.issue("ada", roles=["admin"])
        with self.client.session_transaction() as session:
            session["_token"], session["_csrf"] = token, new_secret()

    def post(self, path: str, **fields: str) -> TestResponse:
        with self.client.session_transaction() as session:
            token = mask(session["_csrf"])
        return self.client.post(path, data={"csrf_token": token, **fields}, headers=HTML)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    made = Alone(tmp_path, "http://127.0.0.1:1")
    yield made
    runtime_of(made.app).stop(1)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "The shelves cannot be reached"),
        ("/products/p1", "The shelves cannot be reached"),
        ("/cart", "What is in it is kept, and you can look around"),
        ("/checkout", "Your cart cannot be reached"),
        ("/orders", "each is charged once at most"),
        ("/orders/7", "each is charged once at most"),
        ("/mailbox", "No mail is lost"),
        ("/admin", "Orders cannot be reached"),
        ("/admin/stock", "The shelves cannot be reached"),
        ("/profile", "Profiles cannot be reached"),
    ],
)
def test_a_page_whose_module_is_away_says_what_that_means_and_what_still_works(
    alone: Alone, path: str, words: str
) -> None:
    answer = alone.client.get(path, headers=HTML)
    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert words in answer.text
    assert answer.headers["Retry-After"] == "1"
    assert "Traceback" not in answer.text


def test_paying_while_orders_are_away_says_that_nothing_was_charged(alone: Alone) -> None:
    answer = alone.post("/checkout", key="0" * 36, payment_method="pm_ok")
    assert answer.status_code == 503
    assert "charged once at most" in answer.text


def test_a_module_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from store.web import outage

    monkeypatch.setattr(outage, "READING_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        made = Alone(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        answer = made.client.get("/", headers=HTML)
        assert (answer.status_code, time.monotonic() - began < 3) == (503, True)
        assert "The shelves cannot be reached" in answer.text
        runtime_of(made.app).stop(1)
