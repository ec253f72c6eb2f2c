"""Routes of a MicroServicesApp: names, methods and rules are Flask's, namespaced by module."""

from __future__ import annotations

import pytest
from flask import url_for

from tests.unit.modules.conftest import Tree


@pytest.mark.parametrize(
    ("entry", "endpoint"),
    [("url('/a', views.helper, name='home')", "adm.home"), ("url('/a', views.helper)", "adm.helper")],
)
def test_an_endpoint_is_the_modules_name_and_the_urls_or_the_views(tree: Tree, entry: str, endpoint: str) -> None:
    tree.module("adm", urls=entry, views="\ndef helper(): return 'helped'\n")
    with tree.app("adm").test_request_context():
        assert url_for(endpoint) == "/a"


def test_two_modules_may_use_the_same_name(tree: Tree) -> None:
    tree.module("adm")
    tree.module("forum")
    with tree.app("adm", "forum").test_request_context():
        assert [url_for("adm.home"), url_for("forum.home")] == ["/adm/", "/forum/"]


def test_methods_that_were_not_named_are_refused_and_head_and_options_come_by_themselves(tree: Tree) -> None:
    tree.module("shop")
    client = tree.app("shop").test_client()

    assert client.post("/shop/").status_code == 405
    assert client.head("/shop/").status_code == 200
    assert set(client.options("/shop/").headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_methods_are_taken_in_any_case(tree: Tree) -> None:
    tree.module("shop", urls="url('/a', views.home, methods=['post', 'PUT'])")
    client = tree.app("shop").test_client()

    assert [client.post("/a").status_code, client.put("/a").status_code, client.get("/a").status_code] == [
        200,
        200,
        405,
    ]


def test_converters_work_and_do_not_match_other_text(tree: Tree) -> None:
    tree.module("shop", urls="url('/a/<int:n>', views.double)", views="\ndef double(n): return str(2 * n)\n")
    client = tree.app("shop").test_client()

    assert [client.get("/a/4").text, client.get("/a/four").status_code] == ["8", 404]


def test_rules_are_absolute_and_a_missing_slash_redirects(tree: Tree) -> None:
    tree.module("shop", urls="url('/elsewhere/deep/', views.home)")
    client = tree.app("shop").test_client()

    assert client.get("/elsewhere/deep/").text == "shop"
    assert client.get("/elsewhere/deep").status_code in (301, 308)


def test_of_two_modules_with_one_rule_the_first_answers(tree: Tree) -> None:
    tree.module("one", urls="url('/same', views.home)")
    tree.module("two", urls="url('/same', views.home)")

    assert tree.app("two", "one").test_client().get("/same").text == "two"


def test_class_views_work(tree: Tree) -> None:
    view = "\nfrom flask.views import MethodView\nclass Shop(MethodView):\n    def get(self): return 'a class'\n"
    tree.module("shop", urls="url('/a', views.Shop.as_view('klass'))", views=view)
    app = tree.app("shop")

    assert app.test_client().get("/a").text == "a class"
    assert "shop.klass" in app.view_functions
