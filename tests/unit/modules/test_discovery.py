"""Finding the modules of a workspace's package."""

from __future__ import annotations

import pytest

from decant.errors import SetupError
from decant.modules import load_modules
from tests.unit.modules.conftest import Workspace


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    workspace.module("orders", api="raise RuntimeError", models="raise RuntimeError")
    workspace.module("catalog")
    workspace.write("tools/__init__.py")
    workspace.write("plain.py", "module = 'a file'")
    workspace.write("folder/readme.txt")
    return workspace


def names(shop: Workspace, *wanted: str) -> list[str]:
    return [module.name for module in load_modules(shop.package, wanted or None)]


def test_all_modules_are_found_by_name_and_other_packages_left_out(shop: Workspace) -> None:
    assert names(shop) == ["catalog", "orders"]


def test_nothing_but_the_init_of_each_is_imported(shop: Workspace) -> None:
    load_modules(shop.package)

    assert shop.imported() == {"catalog", "orders", "tools"}


def test_named_modules_come_in_the_order_named_and_nothing_else_is_imported(shop: Workspace) -> None:
    assert names(shop, "orders") == ["orders"]
    assert shop.imported() == {"orders"}


def test_an_unknown_module_is_refused_with_the_nearest(shop: Workspace) -> None:
    with pytest.raises(SetupError, match=r"no module 'catalogue' in .*\nDid you mean 'catalog'"):
        names(shop, "catalogue")


def test_no_names_are_no_modules(shop: Workspace) -> None:
    assert load_modules(shop.package, []) == ()


def test_a_module_named_twice_is_refused(shop: Workspace) -> None:
    with pytest.raises(SetupError, match="more than once: orders"):
        names(shop, "orders", "catalog", "orders")


def test_a_package_that_is_no_module_is_refused_when_named(shop: Workspace) -> None:
    with pytest.raises(SetupError, match=r"tools is a package, but no module.\n.*Module\(__name__\)"):
        names(shop, "tools")


def test_a_module_must_have_its_folders_name(shop: Workspace) -> None:
    shop.write("billing/__init__.py", "from decant.modules import Module\nmodule = Module(__name__, 'invoices')")

    with pytest.raises(SetupError, match=r"billing is named 'invoices'"):
        names(shop)


def test_an_error_in_an_init_is_raised_as_it_is(shop: Workspace) -> None:
    shop.write("broken/__init__.py", "import not_installed_at_all")

    with pytest.raises(ModuleNotFoundError, match="not_installed_at_all"):
        names(shop, "broken")


@pytest.mark.parametrize("package", ["no_such_package", "no_such_package.below"])
def test_a_missing_package_is_refused_with_what_to_check(package: str) -> None:
    with pytest.raises(SetupError, match=r"(?s)no package .*decant\.toml"):
        load_modules(package)


def test_a_package_that_imports_something_missing_is_not_called_missing(shop: Workspace) -> None:
    shop.write("__init__.py", "import not_installed_at_all")

    with pytest.raises(ModuleNotFoundError, match="not_installed_at_all"):
        load_modules(shop.package)


def test_a_file_cannot_hold_modules(shop: Workspace) -> None:
    with pytest.raises(SetupError, match="is a file, not a package"):
        load_modules(f"{shop.package}.plain")
