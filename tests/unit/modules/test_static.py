"""Static files of modules that may part."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from flask import Flask, url_for

from decant.errors import SetupError
from decant.modules import ForeignEndpointError, Module, install_endpoint_guard, install_static
from tests.unit.modules.conftest import Workspace, get


@pytest.fixture
def modules(workspace: Workspace) -> list[Module]:
    """The modules catalog and orders, each with both.css and a file of its own name; web without static files."""
    for name in ("catalog", "orders", "web"):
        workspace.module(name, views=f"from . import module\n@module.get('/{name}')\ndef home(): return ''\n")
    for name in ("catalog", "orders"):
        workspace.write(f"{name}/static/both.css", name)
        workspace.write(f"{name}/static/{name}.css", name)
    return [importlib.import_module(f"{workspace.package}.{name}").module for name in ("catalog", "orders", "web")]


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared_static"
    folder.mkdir()
    (folder / "both.css").write_text("shared")
    (folder / "shared.css").write_text("shared")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


def make(modules: list[Module], shared: Path | None, root: Path, guarded: bool = False) -> Flask:
    app = Flask("shop_app", root_path=str(root), static_folder="static" if (root / "static").exists() else None)
    install_static(app, shared)
    if guarded:
        install_endpoint_guard(app, modules, elsewhere=["payments"])
    for module in modules:
        app.register_blueprint(module)
    return app


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/static_catalog/both.css", "catalog"),
        ("/static_orders/both.css", "orders"),
        ("/static_catalog/shared.css", "shared"),
        ("/static/both.css", "shared"),
        ("/static/shared.css", "shared"),
    ],
)
def test_a_modules_own_file_goes_before_the_shared_one(
    modules: list[Module], shared: Path, tmp_path: Path, path: str, text: str
) -> None:
    assert get(make(modules, shared, tmp_path), path) == (200, text)


@pytest.mark.parametrize(
    "path",
    [
        "/static_catalog/orders.css",
        "/static/catalog.css",
        "/static_web/shared.css",
        "/static/../secret.txt",
        "/static_catalog/..%2f..%2fsecret.txt",
    ],
)
def test_other_modules_files_and_what_lies_outside_are_not_found(
    modules: list[Module], shared: Path, tmp_path: Path, path: str
) -> None:
    assert get(make(modules, shared, tmp_path), path)[0] == 404


def test_an_existing_applications_own_files_go_before_the_shared_ones(
    modules: list[Module], shared: Path, tmp_path: Path
) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static/both.css").write_text("application")
    app = make(modules, shared, tmp_path)

    assert [get(app, f"/static/{name}.css")[1] for name in ("both", "shared")] == ["application", "shared"]


def test_without_a_shared_folder_modules_have_their_own_files(modules: list[Module], tmp_path: Path) -> None:
    app = make(modules, None, tmp_path)

    assert get(app, "/static_catalog/catalog.css") == (200, "catalog")
    assert get(app, "/static/shared.css")[0] == 404


@pytest.mark.parametrize(
    ("endpoint", "values", "path"),
    [
        ("catalog.home", {}, "/catalog"),
        (".home", {}, "/catalog"),
        (".static", {"filename": "catalog.css"}, "/static_catalog/catalog.css"),
        (".static", {"filename": "shared.css"}, "/static_catalog/shared.css"),
        (".static", {"filename": "nothing.css"}, "/static_catalog/nothing.css"),
        ("static", {"filename": "shared.css"}, "/static/shared.css"),
    ],
)
def test_a_module_links_to_itself_and_to_shared_files(
    modules: list[Module], shared: Path, tmp_path: Path, endpoint: str, values: dict[str, str], path: str
) -> None:
    with make(modules, shared, tmp_path, guarded=True).test_request_context("/catalog"):
        assert url_for(endpoint, **values) == path


@pytest.mark.parametrize(
    ("endpoint", "values", "owner"),
    [
        ("orders.home", {}, "orders"),
        ("orders.static", {"filename": "orders.css"}, "orders"),
        (".static", {"filename": "orders.css"}, "orders"),
        ("static", {"filename": "orders.css"}, "orders"),
        ("payments.home", {}, "payments"),
    ],
)
def test_a_link_to_another_module_names_both_and_the_cure(
    modules: list[Module], shared: Path, tmp_path: Path, endpoint: str, values: dict[str, str], owner: str
) -> None:
    with (
        make(modules, shared, tmp_path, guarded=True).test_request_context("/catalog"),
        pytest.raises(SetupError) as caught,
    ):
        url_for(endpoint, **values)

    assert isinstance(caught.value, ForeignEndpointError)
    assert caught.value.detail.startswith("The module 'catalog' links to ")
    assert caught.value.detail.endswith(f"belongs to the module '{owner}'.")
    assert caught.value.hint
    assert "once they run apart" in caught.value.hint


def test_code_outside_every_module_may_link_to_the_modules_here(
    modules: list[Module], shared: Path, tmp_path: Path
) -> None:
    with make(modules, shared, tmp_path, guarded=True).test_request_context("/"):
        assert [url_for("orders.home"), url_for("catalog.home")] == ["/orders", "/catalog"]


def test_code_outside_every_module_cannot_link_to_a_module_elsewhere(
    modules: list[Module], shared: Path, tmp_path: Path
) -> None:
    app = make(modules, shared, tmp_path, guarded=True)
    with app.test_request_context("/"), pytest.raises(ForeignEndpointError, match="Code outside every module links"):
        url_for("payments.home")


def test_a_link_to_an_unknown_view_stays_flasks_error(modules: list[Module], shared: Path, tmp_path: Path) -> None:
    from werkzeug.routing import BuildError

    app = make(modules, shared, tmp_path, guarded=True)
    with app.test_request_context("/catalog"), pytest.raises(BuildError, match=r"catalog\.nothing"):
        url_for("catalog.nothing")
