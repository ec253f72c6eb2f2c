"""A folder of modules becomes an application: finding, importing and registering them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from flask import Flask

from decant.modules import InvalidModulePath, MicroServicesApp
from tests.unit.modules.conftest import Tree


def test_the_application_is_a_flask_application_and_leaves_the_class_alone(tree: Tree) -> None:
    before = dict(Flask.jinja_options)
    app = MicroServicesApp(__name__, root_path=str(tree.root), static_url_path="/files")

    assert isinstance(app, Flask)
    assert (app.static_url_path, Flask.jinja_options) == ("/files", before)


def test_an_enabled_module_answers_and_its_blueprint_is_registered_as_it_is(tree: Tree) -> None:
    tree.module("shop")
    app = tree.app("shop")

    assert app.test_client().get("/shop/").text == "shop"
    blueprint = app.blueprints["shop"]
    assert sys.modules[blueprint.import_name].blueprint is blueprint


def test_a_module_that_is_not_listed_is_neither_served_nor_imported(tree: Tree) -> None:
    tree.module("shop")
    tree.module("forum", views="\nraise RuntimeError('imported')\n")

    assert tree.app("shop").test_client().get("/forum/").status_code == 404


@pytest.mark.parametrize("path", ["feats", "./feats", "a/../feats"])
def test_the_folder_is_relative_to_the_root_wherever_the_process_runs(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    tree.module("shop", folder="feats")
    monkeypatch.chdir(tmp_path)

    assert tree.app("shop", path=path).test_client().get("/shop/").text == "shop"


def test_the_folder_may_be_absolute(tree: Tree, other_tree: Tree) -> None:
    other_tree.module("shop", folder="feats")

    assert tree.app("shop", path=str(other_tree.root / "feats")).test_client().get("/shop/").text == "shop"


def test_the_folder_may_be_given_by_position_by_path_and_by_modules_dir(tree: Tree) -> None:
    for name in ("one", "two", "three"):
        tree.module(name, folder="feats")
    app = MicroServicesApp("plugin_app", root_path=str(tree.root))
    app.register_urls(["one"], "feats")
    app.register_urls(["two"], path="feats")
    app.register_urls(["three"], modules_dir="feats")

    assert app.enabled_modules == ["one", "two", "three"]


@pytest.mark.parametrize("enabled", [["shop"], []])
def test_a_missing_folder_is_named_with_its_full_path(tree: Tree, enabled: list[str]) -> None:
    app = MicroServicesApp("plugin_app", root_path=str(tree.root))
    with pytest.raises(InvalidModulePath) as caught:
        app.register_urls(enabled, path="nowhere")

    assert str(tree.root / "nowhere") in str(caught.value)
    assert not app.blueprints


def test_a_file_is_no_folder_of_modules(tree: Tree) -> None:
    tree.write("modules", "")

    with pytest.raises(InvalidModulePath):
        tree.app("shop")


def test_no_modules_of_an_existing_folder_change_nothing(tree: Tree) -> None:
    tree.write("modules/__init__.py")

    assert tree.app().blueprints == {}


def test_an_unknown_module_is_an_import_error_with_the_nearest_name(tree: Tree) -> None:
    tree.module("shop")

    with pytest.raises(ImportError, match=r"'shp'.*Did you mean 'shop'\?"):
        tree.app("shp")


@pytest.mark.parametrize("name", ["", ".", ".shop", "shop.", "..modules.shop", "shop/urls", "shop.nothing", "no.shop"])
def test_a_name_that_cannot_be_a_modules_is_an_import_error(tree: Tree, name: str) -> None:
    tree.module("shop")

    with pytest.raises(ImportError):
        tree.app(name)


def test_a_module_without_blueprint_is_an_attribute_error_with_the_cure(tree: Tree) -> None:
    tree.module("shop", init="")

    with pytest.raises(AttributeError, match=r"'shop'.*no `blueprint`.*Router\.create_blueprint"):
        tree.app("shop")


def test_a_blueprint_that_is_none_is_an_attribute_error(tree: Tree) -> None:
    tree.module("shop", init="blueprint = 'shop'")

    with pytest.raises(AttributeError, match="'shop'"):
        tree.app("shop")


@pytest.mark.parametrize(
    ("statement", "error"),
    [("raise ZeroDivisionError('mine')", ZeroDivisionError), ("import not_installed_at_all", ModuleNotFoundError)],
)
def test_an_error_inside_a_module_passes_through_as_it_is(tree: Tree, statement: str, error: type[Exception]) -> None:
    tree.module("shop", init=statement)

    with pytest.raises(error) as caught:
        tree.app("shop")
    assert "There is no module" not in str(caught.value)


def test_modules_before_a_wrong_one_stay_registered(tree: Tree) -> None:
    tree.module("shop")
    app = MicroServicesApp("plugin_app", root_path=str(tree.root))
    with pytest.raises(ImportError):
        app.register_urls(["shop", "nothing"])

    assert app.enabled_modules == ["shop"]


@pytest.mark.parametrize("top_level", [False, True])
@pytest.mark.parametrize("init", [None, "raise ZeroDivisionError"], ids=["works", "fails"])
def test_the_import_path_is_left_as_it_was_found(tree: Tree, init: str | None, top_level: bool) -> None:
    name = f"shop_{tree.root.parent.name}"
    tree.module(name, init=init)
    path, finders = list(sys.path), list(sys.meta_path)
    try:
        tree.app(name, top_level=top_level)
    except ZeroDivisionError:
        assert init

    assert (sys.path, sys.meta_path) == (path, finders)
    _forget(name)


def test_two_calls_add_to_each_other_in_order(tree: Tree) -> None:
    tree.module("one")
    tree.module("two")
    app = tree.app("two")
    app.register_urls(["one"])

    assert list(app.blueprints) == app.enabled_modules == ["two", "one"]


def test_a_nested_module_is_named_with_dots(tree: Tree) -> None:
    tree.module("group/shop")

    assert tree.app("group.shop").test_client().get("/shop/").text == "shop"


def test_two_applications_each_get_their_own_code_for_a_module_of_one_name(tree: Tree, other_tree: Tree) -> None:
    tree.module("shop", views="\ndef home():\n    from . import late\n    return late.TEXT\n")
    other_tree.module("shop", views="\ndef home():\n    from . import late\n    return late.TEXT\n")
    tree.write("modules/shop/late.py", "TEXT = 'first'")
    other_tree.write("modules/shop/late.py", "TEXT = 'second'")
    first, second = tree.app("shop").test_client(), other_tree.app("shop").test_client()

    assert [second.get("/shop/").text, first.get("/shop/").text] == ["second", "first"]


def test_two_applications_on_one_folder_do_not_share_a_modules_state(tree: Tree) -> None:
    tree.module("shop", views="\nseen = []\ndef home():\n    seen.append(1)\n    return str(len(seen))\n")
    first, second = tree.app("shop").test_client(), tree.app("shop").test_client()

    assert [first.get("/shop/").text, first.get("/shop/").text, second.get("/shop/").text] == ["1", "2", "1"]


def test_a_module_may_be_named_like_a_library_and_still_use_the_library(tree: Tree) -> None:
    tree.module("json", views="\nimport json\ndef home():\n    return json.dumps([1])\n")

    assert tree.app("json").test_client().get("/json/").text == "[1]"
    assert sys.modules["json"] is json


def test_a_module_may_import_itself_and_its_siblings_by_short_name(tree: Tree) -> None:
    tree.module("shop", views="\nimport shop.urls\nfrom forum.data import TEXT\ndef home():\n    return TEXT\n")
    tree.write("modules/forum/__init__.py")
    tree.write("modules/forum/data.py", "from . import __name__ as package\nTEXT = 'from the forum'")
    app = tree.app("shop")

    assert app.test_client().get("/shop/").text == "from the forum"
    assert {"shop", "shop.urls", "forum", "forum.data"}.isdisjoint(sys.modules)


def test_a_module_imported_by_short_name_is_the_same_as_by_its_own(tree: Tree) -> None:
    tree.module("shop", views="\nimport shop.views as by_name\nfrom . import views\nassert by_name is views\n")

    assert tree.app("shop").enabled_modules == ["shop"]


def test_a_name_that_no_sibling_has_is_missing_as_everywhere(tree: Tree) -> None:
    tree.module("shop", views="\nimport forum\n")

    with pytest.raises(ModuleNotFoundError, match="'forum'"):
        tree.app("shop")


def test_a_module_clashing_with_an_enabled_one_is_named_with_the_cure(tree: Tree) -> None:
    tree.module("shop")
    tree.module(
        "store", init="from decant.modules import Router\nblueprint = Router.create_blueprint('shop', __name__)"
    )

    with pytest.raises(ValueError, match=r"'store' cannot be registered.*'shop'.*must differ"):
        tree.app("shop", "store")


def test_a_clashing_endpoint_is_named_with_its_module(tree: Tree) -> None:
    tree.module("shop", urls="url('/a', views.home, name='a'), url('/b', views.main, name='a')")

    with pytest.raises(AssertionError, match=r"'shop' cannot be registered.*shop\.a"):
        tree.app("shop")


def test_a_rule_without_slash_is_refused_with_its_module(tree: Tree) -> None:
    tree.module("shop", urls="url('shop', views.home)")

    with pytest.raises(ValueError, match=r"'shop' cannot be registered.*slash"):
        tree.app("shop")


def test_top_level_imports_a_module_under_its_short_name(tree: Tree) -> None:
    name = f"shop_{tree.root.parent.name}"
    tree.module(name, views=f"\ndef home():\n    import {name}.late\n    return {name}.late.TEXT\n")
    tree.write(f"modules/{name}/late.py", "TEXT = 'late'")
    app = tree.app(name, top_level=True)
    try:
        assert app.blueprints[name].import_name == name
        assert app.test_client().get(f"/{name}/").text == "late"
    finally:
        _forget(name)


def test_top_level_refuses_a_name_that_means_something_else(tree: Tree) -> None:
    tree.module("json")

    with pytest.raises(ImportError, match=r"'json' means .* Rename the module"):
        tree.app("json", top_level=True)


def test_top_level_says_which_module_is_unknown(tree: Tree) -> None:
    tree.module("shop")

    with pytest.raises(ImportError, match="There is no module 'shopp_x'"):
        tree.app("shopp_x", top_level=True)


def test_one_string_is_no_list_of_names(tree: Tree) -> None:
    tree.module("shop")
    app = MicroServicesApp("plugin_app", root_path=str(tree.root))

    with pytest.raises(TypeError, match=r"\['shop'\]"):
        app.register_urls("shop")


def test_a_folder_that_was_on_the_import_path_stays_where_it_was(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"shop_{tree.root.parent.name}"
    tree.module(name)
    monkeypatch.syspath_prepend(str(tree.root / "modules"))
    tree.app(name, top_level=True)

    assert sys.path[0] == str(tree.root / "modules")
    _forget(name)


def test_a_module_written_after_the_first_look_is_found(tree: Tree) -> None:
    tree.module("shop")
    app = tree.app("shop")
    tree.module("forum")
    os.utime(tree.root / "modules", (0, 0))
    app.register_urls(["forum"])

    assert app.enabled_modules == ["shop", "forum"]


def _forget(name: str) -> None:
    for known in [known for known in sys.modules if known.partition(".")[0] == name]:
        del sys.modules[known]
