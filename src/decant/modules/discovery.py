"""Finding the modules of a workspace's package."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterable
from types import ModuleType

from decant.errors import SetupError
from decant.modules.module import Module
from decant.modules.naming import suggest


def load_modules(package: str, names: Iterable[str] | None = None) -> tuple[Module, ...]:
    """Return the modules of a package, importing nothing but the ``__init__`` of each.

    A module is a sub-package whose ``__init__`` has an attribute ``module`` that is a
    :class:`Module` of the same name.

    Args:
        package: The import name of the package that holds the modules, for instance ``shop``.
        names: The modules wanted, in the order wanted; None for all, by name.

    Raises:
        SetupError: For a package or a module that does not exist, one named twice, or a module whose name
            is not its folder's.
        ImportError: When an ``__init__`` cannot be imported: whatever its import raises.
    """
    folders = _sub_packages(_import_package(package))
    if names is None:
        found = (_load(package, folder) for folder in folders)
        return tuple(module for module in found if module is not None)
    wanted = tuple(names)
    twice = [name for name, count in Counter(wanted).items() if count > 1]
    if twice:
        raise SetupError(f"Named more than once: {', '.join(twice)}.", hint="Name each module once.")
    return tuple(_load_named(package, name, folders) for name in wanted)


def _import_package(name: str) -> ModuleType:
    try:
        package = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the package exists, and something that it imports does not
        raise SetupError(
            f"There is no package {name!r}, which should hold the modules.",
            hint="Check `modules` under [workspace] in decant.toml, and that decant runs from the workspace's root.",
        ) from error
    if not hasattr(package, "__path__"):
        raise SetupError(
            f"{name!r} is a file, not a package that could hold modules.",
            hint=f"Make it a folder: {name}/__init__.py.",
        )
    return package


def _sub_packages(package: ModuleType) -> list[str]:
    return sorted(info.name for info in pkgutil.iter_modules(package.__path__) if info.ispkg)


def _load(package: str, folder: str) -> Module | None:
    init = importlib.import_module(f"{package}.{folder}")
    module = getattr(init, "module", None)
    if not isinstance(module, Module):
        return None
    if module.name != folder:
        raise SetupError(
            f"The module in {init.__name__} is named {module.name!r}.",
            hint=f"A workspace's module has its folder's name: write Module(__name__), or rename the folder to "
            f"{module.name!r}.",
        )
    return module


def _load_named(package: str, name: str, folders: list[str]) -> Module:
    if name not in folders:
        raise SetupError(f"There is no module {name!r} in {package!r}.", hint=suggest(name, folders))
    module = _load(package, name)
    if module is None:
        raise SetupError(
            f"{package}.{name} is a package, but no module.",
            hint="Write in its __init__.py: from decant import Module; module = Module(__name__)",
        )
    return module
