"""Which settings classes belong to a module: the same answer for a service and for ``decant config``."""

from __future__ import annotations

from types import ModuleType

from decant.settings import PARTS, ModuleUrls, Settings, classes_in, entries_of


def code(name: str, *classes: type[Settings]) -> ModuleType:
    made = ModuleType(name)
    made.__dict__.update({cls.__name__: cls for cls in classes})
    return made


def settings_class(name: str, module: str) -> type[Settings]:
    return type(name, (Settings,), {"__module__": module})


def test_a_file_or_a_package_of_settings_has_its_own_classes_and_no_imported_ones() -> None:
    own = settings_class("Own", "shop.cart.settings")
    below = settings_class("Below", "shop.cart.settings.limits")
    near = settings_class("Near", "shop.cart.settings_of_others")
    assert classes_in(code("shop.cart.settings", own, below, near, Settings)) == [own, below]
    assert classes_in(None) == []


def test_the_entries_are_the_toolkits_parts_and_each_modules_address_and_classes() -> None:
    own = settings_class("Own", "shop.cart.settings")
    entries = entries_of({"cart": code("shop.cart.settings", own), "web": None})
    assert entries == [*PARTS.items(), ("cart", ModuleUrls), ("cart", own), ("web", ModuleUrls)]
