"""The client of tests: every answer is given as it is, and there is always an end to waiting."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from flask import Flask, Response, redirect, request

from decant.testing import Client
from tests.support.served import serving

app = Flask("shop")


@app.route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def echo() -> dict[str, object]:
    return {
        "method": request.method,
        "type": request.content_type,
        "body": request.get_data(as_text=True),
        "who": request.headers.get("X-Who"),
        "cookie": request.cookies.get("seen"),
    }


@app.get("/away")
def away() -> Response:
    answer: Response = redirect("/echo", 303)  # type: ignore[assignment]
    answer.set_cookie("seen", "yes")
    answer.headers.add("Vary", "Accept")
    answer.headers.add("Vary", "Cookie")
    return answer


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(app) as made:
        yield made


def test_a_body_is_json_a_form_or_what_it_is(url: str) -> None:
    client = Client(url)
    assert client.post("/echo", json={"a": 1}).json()["type"] == "application/json"
    assert client.put("/echo", form={"a": "ä b"}).json()["body"] == "a=%C3%A4+b"
    assert client.patch("/echo", data=b"raw", headers={"Content-Type": "text/plain"}).json() == {
        "method": "PATCH", "type": "text/plain", "body": "raw", "who": None, "cookie": None,
    }  # fmt: skip
    assert client.delete("/echo").json()["method"] == "DELETE"
    assert client.get("/echo").json()["body"] == ""


def test_redirects_are_not_followed_and_cookies_are_sent_again(url: str) -> None:
    client = Client(url)
    answer = client.get("/away")
    assert (answer.status_code, answer.headers["location"], answer.headers.get("VARY")) == (
        303,
        "/echo",
        "Accept, Cookie",
    )
    assert client.get("/echo").json()["cookie"] == "yes"


def test_somebody_elses_client_has_headers_of_its_own_and_no_cookies(url: str) -> None:
    client = Client(url)
    client.get("/away")
    other = client.with_headers({"X-Who": "ada"})
    assert other.get("/echo").json() | {"method": ""} == {
        "method": "", "type": None, "body": "", "who": "ada", "cookie": None,
    }  # fmt: skip
    assert client.get("/echo").json()["who"] is None


def test_any_status_is_an_answer(url: str) -> None:
    answer = Client(url).get("/nowhere")
    assert (answer.status_code, "Not Found" in answer.text) == (404, True)
    assert str(answer).startswith("404 ")


def test_a_server_that_keeps_silent_fails_the_test_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Client(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        with pytest.raises(AssertionError, match=r"GET http.*/x has no answer within 0\.2 s"):
            client.get("/x")


def test_an_address_where_nobody_listens_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="Connection refused"):
        Client("http://127.0.0.1:1").get("/")
