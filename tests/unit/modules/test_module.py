"""A package that owns one bounded context: its parts are found by name, lazily."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from flask import Flask

from decant.errors import SetupError
from decant.modules import Module, Router
from decant.wiring import Scope
from tests.unit.modules.conftest import Workspace, get

URLS = "from decant.modules import url\n\nurlpatterns = [url('/items', lambda: 'items', name='items')]\n"


def module_of(workspace: Workspace, name: str) -> Module:
    module: Module = importlib.import_module(f"{workspace.package}.{name}").module
    return module


@pytest.fixture
def catalog(workspace: Workspace) -> Module:
    """A module with nothing but its `__init__`; tests write parts before they ask for them."""
    workspace.module("catalog")
    return module_of(workspace, "catalog")


def test_a_module_is_a_router_named_after_its_package(catalog: Module, workspace: Workspace) -> None:
    assert isinstance(catalog, Router)
    assert (catalog.name, catalog.import_name) == ("catalog", f"{workspace.package}.catalog")
    assert catalog.root_path == str(workspace.root / workspace.package / "catalog")


def test_making_a_module_imports_none_of_its_parts(workspace: Workspace) -> None:
    workspace.module("catalog", urls="raise RuntimeError", api="raise RuntimeError", commands="raise RuntimeError")
    module_of(workspace, "catalog")

    assert workspace.imported() == {"catalog"}


def test_a_part_is_imported_when_it_is_asked_for_and_only_then(workspace: Workspace) -> None:
    workspace.module("catalog", models="TABLES = []", api="")
    models = module_of(workspace, "catalog").submodule("models")

    assert models is not None
    assert models.TABLES == []
    assert workspace.imported() == {"catalog", "catalog.models"}


@pytest.mark.parametrize(
    "part", ["api", "models", "service", "urls", "views", "handlers", "sagas", "settings", "commands", "seed", "faults"]
)
def test_a_part_that_does_not_exist_is_none(catalog: Module, part: str) -> None:
    assert catalog.submodule(part) is None


@pytest.mark.parametrize(
    "text",
    [
        "import not_installed_at_all",
        "from .missing import x",
        "from . import missing",
        "raise ModuleNotFoundError('x')",
    ],
)
def test_a_broken_import_is_an_error_and_never_a_missing_part(workspace: Workspace, text: str) -> None:
    workspace.module("catalog", models=text)

    with pytest.raises(ImportError):
        module_of(workspace, "catalog").submodule("models")


def test_a_broken_import_stays_an_error_when_asked_again(workspace: Workspace) -> None:
    workspace.module("catalog", models="raise ZeroDivisionError")
    catalog = module_of(workspace, "catalog")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            catalog.submodule("models")


def test_a_part_that_is_no_convention_is_refused_with_the_nearest(catalog: Module) -> None:
    with pytest.raises(SetupError, match=r"'model' is no conventional.*\nDid you mean 'models'"):
        catalog.submodule("model")


@pytest.mark.parametrize("spelling", [".tables", "{package}.catalog.tables"])
def test_a_part_may_be_named_explicitly(workspace: Workspace, spelling: str) -> None:
    workspace.module("catalog", tables="TABLES = ['elsewhere']")
    module_of(workspace, "catalog")
    module = Module(f"{workspace.package}.catalog", models=spelling.format(package=workspace.package))
    models = module.submodule("models")

    assert models is not None
    assert models.TABLES == ["elsewhere"]


def test_a_part_may_be_a_module_object(catalog: Module) -> None:
    import types

    handlers = types.ModuleType("handlers")

    assert Module(catalog.import_name, handlers=handlers).submodule("handlers") is handlers


def test_an_explicit_part_that_does_not_exist_is_an_error(catalog: Module) -> None:
    with pytest.raises(ModuleNotFoundError):
        Module(catalog.import_name, models=".nowhere").submodule("models")


def test_an_unknown_part_is_refused_with_the_nearest(catalog: Module) -> None:
    with pytest.raises(SetupError, match=r"no part 'handler'.*\nDid you mean 'handlers'"):
        Module(catalog.import_name, handler=".x")  # type: ignore[call-arg]


def test_folders_are_found_where_they_exist(workspace: Workspace) -> None:
    workspace.module("catalog")
    for folder in ("migrations", "templates", "static", "tests"):
        workspace.write(f"catalog/{folder}/x.txt")
    catalog = module_of(workspace, "catalog")
    root = workspace.root / workspace.package / "catalog"

    assert (catalog.migrations, catalog.tests) == (root / "migrations", root / "tests")
    assert (catalog.template_folder, catalog.static_folder) == (root / "templates", str(root / "static"))


def test_folders_that_do_not_exist_are_none(catalog: Module) -> None:
    assert (catalog.migrations, catalog.tests, catalog.template_folder, catalog.static_folder) == (None,) * 4


def test_an_explicit_folder_is_relative_to_the_package(workspace: Workspace, catalog: Module) -> None:
    versions = workspace.write("catalog/db/versions/x.py").parent

    assert Module(catalog.import_name, migrations="db/versions").migrations == versions


def test_an_explicit_folder_must_exist(catalog: Module) -> None:
    with pytest.raises(SetupError, match=r"migrations folder .*nowhere does not exist"):
        Module(catalog.import_name, migrations="nowhere")


@pytest.mark.parametrize("import_name", ["no_such_package_at_all", "no_such_package_at_all.catalog"])
def test_an_import_name_that_does_not_exist_is_refused(import_name: str) -> None:
    with pytest.raises(SetupError, match=r"Module\(__name__\)"):
        Module(import_name, "catalog")


def test_registering_a_module_loads_its_route_table(workspace: Workspace) -> None:
    workspace.module("catalog", urls=URLS)
    app = Flask(__name__)
    app.register_blueprint(module_of(workspace, "catalog"))

    assert get(app, "/items") == (200, "items")


def test_loading_twice_registers_once(workspace: Workspace) -> None:
    workspace.module("catalog", urls=URLS)
    catalog = module_of(workspace, "catalog")
    catalog.load()
    catalog.load()

    assert len(catalog.deferred_functions) == 1


def test_one_module_can_be_registered_on_two_applications(workspace: Workspace) -> None:
    workspace.module("catalog", urls=URLS)
    for app in (Flask(__name__), Flask(__name__)):
        app.register_blueprint(module_of(workspace, "catalog"))

        assert get(app, "/items") == (200, "items")


def test_routes_may_be_declared_on_the_views(workspace: Workspace) -> None:
    workspace.module("catalog", views="from . import module\n@module.get('/a')\ndef a(): return 'declared'\n")
    app = Flask(__name__)
    app.register_blueprint(module_of(workspace, "catalog"))

    assert get(app, "/a") == (200, "declared")


def test_an_explicit_route_table_goes_before_the_one_in_urls(workspace: Workspace) -> None:
    workspace.module("catalog", urls="raise RuntimeError('imported')")
    module_of(workspace, "catalog")
    Module(f"{workspace.package}.catalog", urlpatterns=[]).load()

    assert "catalog.urls" not in workspace.imported()


def test_a_urls_file_without_urlpatterns_is_refused(workspace: Workspace) -> None:
    workspace.module("catalog", urls="url_patterns = []")

    with pytest.raises(SetupError, match=r"catalog\.urls has no `urlpatterns`"):
        module_of(workspace, "catalog").load()


def test_a_module_with_no_routes_loads(catalog: Module) -> None:
    catalog.load()

    assert catalog.deferred_functions == []


def test_what_a_module_provides_is_listed_in_order(catalog: Module) -> None:
    def make(scope: Scope) -> Any:
        return None

    def close(value: Any, succeeded: bool) -> None:
        return None

    catalog.provide(int, make)
    catalog.provide(str, make, close=close)

    assert catalog.provided == ((int, make, None), (str, make, close))


def test_a_type_is_provided_once(catalog: Module) -> None:
    catalog.provide(int, lambda scope: 1)

    with pytest.raises(SetupError, match=r"'catalog' provides .*int.* twice"):
        catalog.provide(int, lambda scope: 2)


def test_a_contract_may_be_given_explicitly(catalog: Module) -> None:
    class Catalog:
        pass

    assert Module(catalog.import_name, contract=Catalog).contract is Catalog


COMMANDS = """
import click
from flask import current_app
from . import module

@module.cli.command("seed")
@click.argument("count", type=int)
def seed(count):
    "Write sample data."
    click.echo(f"{count} into {current_app.name}")
"""


def test_a_modules_commands_are_flask_commands_under_its_name(workspace: Workspace) -> None:
    workspace.module("catalog", commands=COMMANDS)
    app = Flask("shop_app")
    app.register_blueprint(module_of(workspace, "catalog"))

    assert app.test_cli_runner().invoke(args=["catalog", "seed", "3"]).output == "3 into shop_app\n"


def test_commands_are_imported_when_they_are_first_asked_for(workspace: Workspace) -> None:
    workspace.module("catalog", commands=COMMANDS)
    catalog = module_of(workspace, "catalog")
    app = Flask(__name__)
    app.register_blueprint(catalog)
    before = workspace.imported()
    listed = app.test_cli_runner().invoke(args=["catalog", "--help"]).output

    assert "catalog.commands" not in before
    assert "Write sample data." in listed


def test_a_module_without_commands_adds_none(catalog: Module) -> None:
    app = Flask(__name__)
    app.register_blueprint(catalog)

    assert "catalog" not in app.cli.commands


def test_a_single_file_can_be_a_module(workspace: Workspace) -> None:
    workspace.write("flat.py", "from decant.modules import Module, url\n"
                               "module = Module(__name__, urlpatterns=[url('/flat', lambda: 'flat', name='f')])\n")  # fmt: skip
    flat = module_of(workspace, "flat")
    app = Flask(__name__)
    app.register_blueprint(flat)

    assert get(app, "/flat") == (200, "flat")
    assert (flat.submodule("models"), flat.has("commands")) == (None, False)
