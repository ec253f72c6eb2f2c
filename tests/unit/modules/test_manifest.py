"""Which module answers which path, and that no two answer the same."""

from __future__ import annotations

import importlib

import pytest
from flask import Blueprint, Flask
from hypothesis import given
from hypothesis import strategies as st

from decant.errors import SetupError
from decant.modules import Module, Route, check_clashes, manifest
from tests.unit.modules.conftest import Workspace

URLS = """
from decant.modules import url

def show(item_id): return ""
def save(): return ""

urlpatterns = [
    url("/items/<int:item_id>", show),
    url("/items", save, methods=["GET", "POST"]),
    url("/probe", save, name="probe", methods=["HEAD"]),
]
"""


@pytest.fixture
def catalog(workspace: Workspace) -> Module:
    workspace.module("catalog", urls=URLS)
    module: Module = importlib.import_module(f"{workspace.package}.catalog").module
    return module


ROUTES = (
    Route("GET", "/items", "catalog.save", "catalog", True),
    Route("POST", "/items", "catalog.save", "catalog", True),
    Route("GET", "/items/<int:item_id>", "catalog.show", "catalog", True),
    Route("HEAD", "/probe", "catalog.probe", "catalog", True),
)


def test_a_module_lists_its_views_with_the_methods_that_they_declare(catalog: Module) -> None:
    assert manifest(catalog) == ROUTES


def test_an_application_lists_the_views_of_its_modules_only(catalog: Module) -> None:
    app = Flask(__name__)
    app.add_url_rule("/own", view_func=lambda: "", endpoint="own")
    foreign = Blueprint("foreign", __name__)
    foreign.add_url_rule("/foreign", view_func=lambda: "", endpoint="view")
    app.register_blueprint(foreign)
    app.register_blueprint(catalog)

    assert manifest(app) == ROUTES


def test_endpoints_for_other_services_only_are_not_public(catalog: Module) -> None:
    routes = manifest(catalog, private={"catalog.show"})

    assert {route.endpoint: route.public for route in routes} == {
        "catalog.save": True,
        "catalog.show": False,
        "catalog.probe": True,
    }


def test_a_modules_own_blueprints_and_static_files_are_its_routes(workspace: Workspace) -> None:
    workspace.module("catalog", views="from flask import Blueprint\nfrom . import module\n"
                     "inner = Blueprint('inner', __name__, url_prefix='/inner')\n"
                     "inner.add_url_rule('/a', 'a', lambda: '')\nmodule.register_blueprint(inner)\n")  # fmt: skip
    workspace.write("catalog/static/a.css")
    catalog = importlib.import_module(f"{workspace.package}.catalog").module

    assert [(route.rule, route.endpoint, route.module) for route in manifest(catalog)] == [
        ("/inner/a", "catalog.inner.a", "catalog"),
        ("/static_catalog/<path:filename>", "catalog.static", "catalog"),
    ]


def test_a_view_that_answers_options_itself_declares_it(workspace: Workspace) -> None:
    workspace.module("catalog", views="from . import module\n@module.route('/a', methods=['OPTIONS'])\ndef a(): ...\n")
    catalog = importlib.import_module(f"{workspace.package}.catalog").module

    assert manifest(catalog) == (Route("OPTIONS", "/a", "catalog.a", "catalog", True),)


def route(rule: str, module: str, method: str = "GET") -> Route:
    return Route(method, rule, f"{module}.view", module)


def test_paths_and_methods_with_one_owner_each_are_fine() -> None:
    check_clashes([route("/a", "one"), route("/a", "two", "POST"), route("/b", "two"), route("/a/", "three")])


def test_a_route_that_is_listed_twice_does_not_clash_with_itself() -> None:
    check_clashes([route("/a", "one"), route("/a", "one")])


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("/a", "/a"),
        ("/a/<x>", "/a/<y>"),
        ("/a/<x>", "/a/<string:y>"),
        ("/a/<int:x>/b/<path:p>", "/a/<int:y>/b/<path:q>"),
        ("/<any(a, b):x>", "/<any(a,b):y>"),
        ("/<int(min=1):x>", "/<int(min=1):y>"),
    ],
)
def test_one_path_with_two_owners_clashes_whatever_its_variables_are_called(one: str, two: str) -> None:
    with pytest.raises(SetupError) as caught:
        check_clashes([route(one, "one"), route(two, "two")])

    assert caught.value.detail == (
        f"GET {one} has more than one owner: 'one' (one.view, {one}) and 'two' (two.view, {two})."
    )


@pytest.mark.parametrize(
    ("one", "two"),
    [("/a/<x>", "/a/<int:x>"), ("/<any(a,b):x>", "/<any(a,c):x>"), ("/<int:x>", "/<int(min=1):x>"), ("/x", "/<x>")],
)
def test_different_converters_are_different_paths(one: str, two: str) -> None:
    check_clashes([route(one, "one"), route(two, "two")])


def test_two_views_of_one_module_clash_too() -> None:
    with pytest.raises(SetupError, match=r"catalog\.a.* and .*catalog\.b"):
        check_clashes([Route("GET", "/x", "catalog.a", "catalog"), Route("GET", "/x", "catalog.b", "catalog")])


def test_every_clash_is_listed_with_all_its_owners() -> None:
    with pytest.raises(SetupError) as caught:
        check_clashes([route(rule, owner) for owner in ("one", "two", "three") for rule in ("/a", "/b")])

    first, second = caught.value.detail.splitlines()
    assert first.startswith("GET /a")
    assert second.startswith("GET /b")
    assert all(f"'{owner}'" in line for line in (first, second) for owner in ("one", "two", "three"))


segments = st.sampled_from(["a", "b", "<x>", "<int:y>", "<z>"])
rules = st.lists(segments, max_size=3).map(lambda parts: "/" + "/".join(parts))


@given(st.lists(st.tuples(rules, st.sampled_from(["GET", "POST"])), max_size=6))
def test_a_clash_is_found_exactly_where_two_owners_have_one_shape(entries: list[tuple[str, str]]) -> None:
    routes = [route(rule, f"m{number}", method) for number, (rule, method) in enumerate(entries)]
    shapes = [(method, rule.replace("<z>", "<x>")) for rule, method in entries]
    clash = len(set(shapes)) < len(shapes)
    if clash:
        with pytest.raises(SetupError):
            check_clashes(routes)
    else:
        check_clashes(routes)
