"""Blueprints that take a route table."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from flask import Blueprint, Flask

from decant.modules import InvalidURLName, InvalidURLPattern, Router, current_scope, url


def view() -> str:
    return "seen"


def other_view() -> str:
    return "other"


@pytest.fixture
def router() -> Router:
    return Router.create_blueprint("shop", __name__)


def test_create_blueprint_gives_a_blueprint_with_the_conventional_folders(router: Router) -> None:
    assert isinstance(router, Blueprint)
    assert (router.name, router.import_name, router.url_prefix) == ("shop", __name__, None)
    assert (router.static_url_path, router.template_folder) == ("/static_shop", "templates")
    assert router.static_folder is not None
    assert router.static_folder.endswith("/static")


def test_create_blueprint_keeps_a_subclass() -> None:
    class Special(Router):
        pass

    assert type(Special.create_blueprint("shop", __name__)) is Special


def test_each_url_waits_for_registration_as_one_deferred_call(router: Router) -> None:
    router.register_urls([url("/a", view), url("/b", other_view)])

    assert len(router.deferred_functions) == 2


@pytest.mark.parametrize("entry", ["/x", None, ("/x", None, view, ["GET"]), {"rule": "/x"}, view], ids=repr)
def test_an_entry_that_url_did_not_make_is_refused(router: Router, entry: Any) -> None:
    with pytest.raises(InvalidURLPattern, match="shop"):
        router.register_urls([entry])


@pytest.mark.parametrize("table", [None, "/x", {"/x": view}], ids=repr)
def test_a_table_that_is_no_list_of_urls_is_refused(router: Router, table: Any) -> None:
    with pytest.raises(InvalidURLPattern):
        router.register_urls(table)


def test_the_message_shows_the_entry_that_is_wrong(router: Router) -> None:
    with pytest.raises(InvalidURLPattern, match="'not a pattern'"):
        router.register_urls(["not a pattern"])  # type: ignore[list-item]


def test_entries_before_a_wrong_one_stay(router: Router) -> None:
    with pytest.raises(InvalidURLPattern):
        router.register_urls([url("/a", view), "/b"])  # type: ignore[list-item]

    assert len(router.deferred_functions) == 1


def test_a_dotted_name_is_refused(router: Router) -> None:
    with pytest.raises((AssertionError, ValueError)):
        router.register_urls([url("/a", view, name="shop.a")])


def test_one_name_for_two_views_is_refused_when_registered(router: Router) -> None:
    router.register_urls([url("/a", view, name="a"), url("/b", other_view, name="a")])

    with pytest.raises((AssertionError, ValueError)):
        Flask(__name__).register_blueprint(router)


def test_a_view_without_a_name_of_its_own_must_be_given_one(router: Router) -> None:
    nameless = functools.partial(view)
    router.register_urls([url("/a", nameless, name="a")])

    with pytest.raises(InvalidURLName, match="/b"):
        router.register_urls([url("/b", nameless)])


def test_blank_methods_are_left_out_when_registered(router: Router) -> None:
    router.register_urls([url("/a", view, methods=["POST", ""])])
    app = Flask(__name__)
    app.register_blueprint(router)

    [rule] = [rule for rule in app.url_map.iter_rules() if rule.endpoint == "shop.view"]
    assert rule.methods == {"POST", "OPTIONS"}


def test_a_scope_says_whose_code_runs_and_ends_with_its_block(router: Router) -> None:
    with router.scope():
        inside = current_scope()

    assert (inside, current_scope()) == ("shop", None)


def test_a_scope_inside_a_request_goes_before_the_running_view(router: Router) -> None:
    with Flask(__name__).test_request_context("/"), router.scope():
        assert current_scope() == "shop"


def test_rendering_needs_an_application(router: Router) -> None:
    with pytest.raises(RuntimeError, match="application context"):
        router.render("mail.txt")
