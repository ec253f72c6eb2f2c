"""The documentation page as it is served: from the package, under a strict policy, and escaped."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from decant.http.docs import install_docs
from tests.support.library_api import create_library


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_library().test_client()


def page_of(document: dict[str, Any]) -> str:
    app = Flask("shop")
    install_docs(app, lambda: document)
    return app.test_client().get("/docs").text


def test_the_policy_allows_only_what_the_page_brings(client: FlaskClient) -> None:
    policy = client.get("/docs").headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:" in policy
    assert "unsafe" not in policy


def test_nothing_is_inline_and_nothing_is_fetched_from_elsewhere(client: FlaskClient) -> None:
    html = client.get("/docs").text
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html)
    assert all(address.startswith(("/", "#")) for address in re.findall(r'(?:src|href|action)="([^"]*)"', html))


def test_every_operation_is_there_without_javascript(client: FlaskClient) -> None:
    html = client.get("/docs").text
    assert html.count("<article") == 13
    assert "Add a book" in html


def test_search_works_on_the_server(client: FlaskClient) -> None:
    html = client.get("/docs?q=remove+book").text
    assert html.count("<article") == 1
    assert "Nothing matches" in client.get("/docs?q=unicorn").text


def test_assets_are_kept_for_a_year_under_their_hash(client: FlaskClient) -> None:
    address = re.search(r'href="(/docs/assets/docs\.css[^"]*)"', client.get("/docs").text)
    assert address is not None
    response = client.get(address[1])
    assert response.content_type == "text/css; charset=utf-8"
    assert response.cache_control.max_age == 365 * 24 * 3600
    assert client.get(address[1], headers={"If-None-Match": response.headers["ETag"]}).status_code == 304
    assert client.get("/docs/assets/docs.css").cache_control.max_age == 0


@pytest.mark.parametrize("name", ["nothing.js", "..%2fviews.py", "__init__.py"])
def test_other_files_of_the_package_are_not_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/docs/assets/{name}").status_code == 404


def test_what_a_document_says_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    operation = {
        "summary": evil,
        "description": evil,
        "tags": [evil],
        "parameters": [{"name": evil, "in": "query", "description": evil, "schema": {"enum": [evil]}}],
        "responses": {"200": {"description": evil}},
    }
    html = page_of({"info": {"title": evil, "description": evil}, "paths": {f"/{evil}": {"get": operation}}})
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_an_empty_document_is_a_page_too() -> None:
    assert "No operations yet" in page_of({"info": {}, "paths": {}})


def test_links_stay_below_the_address_that_the_application_is_mounted_at(client: FlaskClient) -> None:
    html = client.get("/docs", environ_overrides={"SCRIPT_NAME": "/shop"}).text
    assert 'href="/shop/docs/assets/docs.css' in html
    assert 'href="/shop/openapi.json"' in html
