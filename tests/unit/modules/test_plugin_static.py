"""Static files of a MicroServicesApp."""

from __future__ import annotations

import pytest
from flask import Blueprint, url_for

from decant.modules import MicroServicesApp
from tests.unit.modules.conftest import Tree, get


@pytest.fixture
def app(tree: Tree) -> MicroServicesApp:
    """Files named after who should win; `common` has one of each."""
    tree.files("static", {"root.txt": "root", "both.txt": "root", "common.txt": "root"})
    tree.module("one", static={"one.txt": "one", "both.txt": "one", "common.txt": "one", "deep/er/a.txt": "deep"})
    tree.module("two", static={"two.txt": "two", "common.txt": "two"})
    tree.module("bare")
    tree.write("secret.txt", "secret")
    tree.write("modules/one/secret.txt", "secret")
    return tree.app("bare", "two", "one")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/static/root.txt", "root"),
        ("/static/one.txt", "one"),
        ("/static/both.txt", "one"),
        ("/static/common.txt", "two"),
        ("/static/deep/er/a.txt", "deep"),
        ("/static_one/one.txt", "one"),
        ("/static_one/common.txt", "one"),
        ("/static_two/common.txt", "two"),
    ],
)
def test_a_file_is_taken_from_the_first_folder_that_has_it(app: MicroServicesApp, path: str, text: str) -> None:
    assert get(app, path) == (200, text)


@pytest.mark.parametrize(
    "path",
    [
        "/static/nothing.txt",
        "/static/deep",
        "/static/../secret.txt",
        "/static/..%2fsecret.txt",
        "/static/deep/../../secret.txt",
        "/static//etc/passwd",
        "/static_one/../secret.txt",
        "/static_one/root.txt",
        "/static_one/two.txt",
        "/static_bare/root.txt",
    ],
)
def test_what_no_folder_has_or_what_lies_outside_is_not_found(app: MicroServicesApp, path: str) -> None:
    assert get(app, path)[0] == 404


def test_links_to_static_files_are_flasks(app: MicroServicesApp) -> None:
    with app.test_request_context():
        assert url_for("static", filename="a.txt") == "/static/a.txt"
        assert url_for("one.static", filename="a.txt") == "/static_one/a.txt"


def test_a_blueprint_without_static_folder_does_no_harm(app: MicroServicesApp) -> None:
    app.register_blueprint(Blueprint("foreign", __name__))

    assert get(app, "/static/root.txt") == (200, "root")


def test_a_module_whose_blueprint_has_no_static_folder_does_no_harm(app: MicroServicesApp, tree: Tree) -> None:
    tree.module("plain", init="from flask import Blueprint\nblueprint = Blueprint('plain', __name__)")
    app.register_urls(["plain"])

    assert get(app, "/static/root.txt") == (200, "root")


def test_an_application_without_static_folder_still_has_its_modules_own(tree: Tree) -> None:
    tree.module("one", static={"a.txt": "one"})
    app = MicroServicesApp("plugin_app", root_path=str(tree.root), static_folder=None)
    app.register_urls(["one"])

    assert get(app, "/static_one/a.txt") == (200, "one")
    assert get(app, "/static/a.txt")[0] == 404


def test_a_module_with_a_contract_keeps_its_static_folder_to_itself_too(app: MicroServicesApp, tree: Tree) -> None:
    init = "from decant.modules import Module\nblueprint = Module(__name__)"
    tree.module("typed", init=init, urls="url('/typed', views.home)", static={"typed.txt": "typed"})
    app.register_urls(["typed"])

    assert [get(app, path) for path in ("/typed", "/static_typed/typed.txt", "/static/typed.txt")] == [
        (200, "typed"),
        (200, "typed"),
        (200, "typed"),
    ]
    assert get(app, "/static_typed/root.txt")[0] == 404


def test_send_static_file_answers_by_itself(app: MicroServicesApp) -> None:
    with app.test_request_context(), app.send_static_file("both.txt") as response:
        response.direct_passthrough = False
        assert response.get_data(as_text=True) == "one"
