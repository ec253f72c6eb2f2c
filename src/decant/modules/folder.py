"""Importing the modules of a folder for one application, without a name that anything else could have."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from decant.modules.naming import suggest


class ModuleFolder:
    """A folder of modules as one application sees it.

    The modules are imported below a package made for this application, so that two applications with
    modules of the same name each have their own code, and a module may be named like a library.

    Args:
        path: The folder.
        owner: The application's import name; it shows in the modules' ``__name__``.
    """

    def __init__(self, path: Path, owner: str) -> None:
        self.path = path
        self.package = _make_package(path, owner)

    def load(self, name: str) -> ModuleType:
        """Import a module by its name in the folder, dotted where it is nested.

        Raises:
            ModuleNotFoundError: When the folder has no such module. Whatever its import raises passes through.
        """
        importlib.invalidate_caches()
        if not all(name.split(".")) or not self._has(name):
            raise unknown_module(name, self.path)
        with self._siblings_by_short_name():
            return importlib.import_module(f"{self.package}.{name}")

    def _has(self, name: str) -> bool:
        full_name = f"{self.package}.{name}"
        try:
            return importlib.util.find_spec(full_name) is not None
        except ModuleNotFoundError as error:
            missing = f"{error.name}."
            if missing.startswith(f"{self.package}.") and f"{full_name}.".startswith(missing):
                return False
            raise

    @contextmanager
    def _siblings_by_short_name(self) -> Iterator[None]:
        """Let a module import its siblings, and itself, as ``import admin`` while it is imported."""
        finder = _SiblingFinder(self.package)
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)
            for name in finder.aliases:
                sys.modules.pop(name, None)


def load_top_level(name: str, folder: Path) -> ModuleType:
    """Import a module of the folder under its short name, as the plugin did.

    Raises:
        ModuleNotFoundError: When there is no such module.
        ImportError: When the name means something else in this process.
    """
    importlib.invalidate_caches()
    added = str(folder) not in sys.path
    if added:
        sys.path.append(str(folder))
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            raise unknown_module(name, folder) from error
        raise
    finally:
        if added:
            sys.path.remove(str(folder))
    if folder.resolve() not in Path(module.__file__ or "").resolve().parents:
        raise ImportError(
            f"The name {name!r} means {module!r} in this process, not the module in {folder}. "
            "Rename the module, or leave out top_level=True.",
            name=name,
        )
    return module


def unknown_module(name: str, folder: Path) -> ModuleNotFoundError:
    """Return the error for a module that a folder does not have."""
    return ModuleNotFoundError(
        f"There is no module {name!r} in {folder}. {suggest(name, _names_in(folder))}", name=name, path=str(folder)
    )


def _names_in(folder: Path) -> Iterator[str]:
    for entry in folder.iterdir():
        if (entry / "__init__.py").is_file() or (entry.suffix == ".py" and entry.stem != "__init__"):
            yield entry.stem


def _make_package(path: Path, owner: str) -> str:
    """Put an empty package over the folder into ``sys.modules`` and return its name, which nothing else has."""
    stem = re.sub(r"\W", "_", f"{owner}__{path.name}")
    names = itertools.chain([stem], (f"{stem}_{number}" for number in itertools.count(2)))
    name = next(name for name in names if name not in sys.modules)
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(path)]
    sys.modules[name] = importlib.util.module_from_spec(spec)
    return name


class _SiblingFinder(MetaPathFinder):
    """Finds ``admin.views`` as ``<package>.admin.views`` where ``admin`` means nothing else."""

    def __init__(self, package: str) -> None:
        self.aliases: set[str] = set()
        self._package = package

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the import system's signature
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        root = fullname.partition(".")[0]
        if root == self._package or (root not in self.aliases and self._means_something_else(root)):
            return None
        real_name = f"{self._package}.{fullname}"
        try:
            module = importlib.import_module(real_name)
        except ModuleNotFoundError as error:
            if error.name == real_name:
                return None
            raise
        self.aliases.add(fullname)
        return ModuleSpec(fullname, _AliasLoader(module), is_package=hasattr(module, "__path__"))

    def _means_something_else(self, root: str) -> bool:
        return any(finder.find_spec(root, None) for finder in sys.meta_path if finder is not self)


class _AliasLoader(Loader):
    """Gives out a module that is imported already, and leaves it as it was."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 - the import system's signature
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
