"""Templates of modules that may part: a module's own, the shared ones, never another module's."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, render_template
from jinja2 import TemplateNotFound

from decant.errors import SetupError
from decant.modules import ForeignTemplateError, Module, install_templates, use_scope
from tests.unit.modules.conftest import Workspace, get

VIEWS = """
from flask import render_template, render_template_string
from . import module

@module.get("/{name}/<path:template>")
def show(template):
    return render_template(template)

@module.get("/{name}-text")
def text():
    return render_template_string("{{% include ['nothing.html', 'orders.html', 'shared.html'] %}}"
                                  "{{% include 'orders.html' ignore missing %}}")
"""

Make = Callable[..., Flask]


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared_templates"
    folder.mkdir()
    for name in ("shared.html", "main.html"):
        (folder / name).write_text("shared")
    return folder


@pytest.fixture
def make(workspace: Workspace, shared: Path, tmp_path: Path) -> Make:
    """An application with the modules catalog and orders; each has main.html and one of its own name."""
    for name in ("catalog", "orders"):
        workspace.module(name, views=VIEWS.format(name=name))
        workspace.write(f"{name}/templates/main.html", name)
        workspace.write(f"{name}/templates/{name}.html", f"{name}'s own")

    def make_app(strict: bool = False, app: Flask | None = None) -> Flask:
        app = app or Flask("shop_app", root_path=str(tmp_path / "app"))
        modules: list[Module] = [
            importlib.import_module(f"{workspace.package}.{name}").module for name in ("catalog", "orders")
        ]
        install_templates(app, modules, shared, strict=strict)
        for module in modules:
            app.register_blueprint(module)
        app.testing = True
        return app

    return make_app


def test_each_module_gets_its_own_template_in_any_order_of_requests(make: Make) -> None:
    app = make()

    assert [get(app, f"/{name}/main.html")[1] for name in ("orders", "catalog", "orders")] == [
        "orders",
        "catalog",
        "orders",
    ]


def test_what_a_module_lacks_comes_from_the_shared_folder(make: Make) -> None:
    assert get(make(), "/catalog/shared.html") == (200, "shared")


@pytest.mark.parametrize("strict", [False, True])
def test_another_modules_template_is_not_found(make: Make, strict: bool) -> None:
    with pytest.raises(TemplateNotFound):
        get(make(strict), "/catalog/orders.html")


def test_in_strict_mode_the_error_names_both_modules_and_the_cure(make: Make) -> None:
    with pytest.raises(SetupError) as caught:
        get(make(strict=True), "/catalog/orders.html")

    assert isinstance(caught.value, ForeignTemplateError)
    assert caught.value.detail == (
        "The module 'catalog' asks for the template 'orders.html', which belongs to the module 'orders'."
    )
    assert "shared templates/ folder" in str(caught.value)
    assert (caught.value.name, caught.value.templates) == ("orders.html", ["orders.html"])


def test_in_strict_mode_code_outside_every_module_is_told_too(make: Make) -> None:
    with make(strict=True).app_context(), pytest.raises(ForeignTemplateError, match="Code outside every module"):
        render_template("orders.html")


def test_in_strict_mode_a_template_that_nobody_has_is_just_not_found(make: Make) -> None:
    with pytest.raises(TemplateNotFound) as caught:
        get(make(strict=True), "/catalog/nothing.html")

    assert not isinstance(caught.value, SetupError)


@pytest.mark.parametrize("strict", [False, True])
def test_alternatives_and_ignore_missing_answer_as_they_do_apart(make: Make, strict: bool) -> None:
    assert get(make(strict), "/catalog-text") == (200, "shared")


def test_a_module_renders_its_own_template_outside_a_request(make: Make, workspace: Workspace) -> None:
    app = make()
    orders = importlib.import_module(f"{workspace.package}.orders").module

    with app.app_context():
        assert (orders.render("main.html"), render_template("main.html")) == ("orders", "shared")


def test_a_module_that_is_not_registered_here_has_no_templates_here() -> None:
    app = Flask("bare_app")
    install_templates(app, [Module("decant.modules", "orders")])

    with app.app_context(), use_scope("orders"), pytest.raises(TemplateNotFound):
        render_template("main.html")


def test_a_module_renders_its_own_template_inside_another_modules_request(make: Make, workspace: Workspace) -> None:
    app = make()
    orders = importlib.import_module(f"{workspace.package}.orders").module

    with app.test_request_context("/catalog/main.html"):
        assert [orders.render("main.html"), render_template("main.html")] == ["orders", "catalog"]


def test_an_application_that_has_filters_already_keeps_them(make: Make, workspace: Workspace, tmp_path: Path) -> None:
    app = Flask("existing", root_path=str(tmp_path / "app"))
    app.template_filter("shout")(str.upper)
    workspace.write("catalog/templates/filtered.html", "{{ 'quiet' | shout }}")

    assert get(make(app=app), "/catalog/filtered.html") == (200, "QUIET")


def test_an_existing_applications_own_templates_are_found_last(make: Make, tmp_path: Path) -> None:
    (tmp_path / "app/templates").mkdir(parents=True)
    (tmp_path / "app/templates/layout.html").write_text("layout")
    (tmp_path / "app/templates/main.html").write_text("application")
    app = make()

    assert [get(app, f"/catalog/{name}.html")[1] for name in ("layout", "main", "shared")] == [
        "layout",
        "catalog",
        "shared",
    ]


def test_installing_again_replaces_what_was_installed(make: Make, shared: Path) -> None:
    app = make()
    install_templates(app, [], shared)

    assert get(app, "/catalog/main.html") == (200, "shared")


def test_without_a_shared_folder_a_module_still_has_its_own(workspace: Workspace) -> None:
    workspace.module("catalog", views=VIEWS.format(name="catalog"))
    workspace.write("catalog/templates/main.html", "own")
    module = importlib.import_module(f"{workspace.package}.catalog").module
    app = Flask(__name__)
    install_templates(app, [module])
    app.register_blueprint(module)

    assert get(app, "/catalog/main.html") == (200, "own")
