"""A Flask application made of a folder of modules, compatible with Flask-MicroServices."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask
from flask.templating import Environment

from decant.modules.errors import InvalidModulePath
from decant.modules.folder import ModuleFolder, load_top_level
from decant.modules.static import send_first
from decant.modules.templates import TemplateSearch, scope_templates

if TYPE_CHECKING:
    from flask import Response


class MicroServicesApp(Flask):
    """A Flask application whose modules are dropped in or out by their names alone.

    Templates are looked for in the running view's own module, then in every other enabled module in
    order, then in the root folder. Static files under ``/static`` are looked for in every enabled
    module in order, then in the root folder.

    Example:
        ``app = MicroServicesApp(__name__)``, then ``app.register_urls(["admin", "forum"])``.
    """

    def __init__(self, import_name: str, *args: Any, **kwargs: Any) -> None:
        self.enabled_modules: list[str] = []
        self._folders: dict[Path, ModuleFolder] = {}
        super().__init__(import_name, *args, **kwargs)

    def register_urls(
        self,
        enabled_modules: Iterable[str],
        path: str | os.PathLike[str] = "modules",
        modules_dir: str | os.PathLike[str] | None = None,
        *,
        top_level: bool = False,
    ) -> None:
        """Import modules from a folder and register the ``blueprint`` of each, in the order given.

        Args:
            enabled_modules: The modules' names in the folder, dotted where nested.
            path: The folder, relative to the application's root.
            modules_dir: Another name for ``path``.
            top_level: Import the modules under their short names, as the plugin did, so that
                ``import admin`` works anywhere. Two applications then share the code of modules of one
                name, and a name that a library has cannot be used. Without it a module reaches its own
                parts by relative imports (``from . import views``); ``import admin`` works while the
                modules are imported, not later.

        Raises:
            TypeError: When the names are one string.
            InvalidModulePath: When the folder does not exist.
            ImportError: When there is no module of a name.
            AttributeError: When a module has no ``blueprint``.
            ValueError: Flask's, for instance when two modules have blueprints of one name.
            AssertionError: Flask's, for instance when two views have one endpoint.
        """
        if isinstance(enabled_modules, str):
            raise TypeError(f"The modules must be a list of names, for instance [{enabled_modules!r}], not a string.")
        folder = self._find_folder(path if modules_dir is None else modules_dir)
        for name in map(str, enabled_modules):
            module = load_top_level(name, folder.path) if top_level else folder.load(name)
            self._enable(name, module)

    def _find_folder(self, path: str | os.PathLike[str]) -> ModuleFolder:
        full_path = Path(os.path.normpath(Path(self.root_path, path)))
        if not full_path.is_dir():
            raise InvalidModulePath(
                f"There is no folder {full_path}, where the modules should be. "
                "Create it, or name the folder relative to the application's root."
            )
        if full_path not in self._folders:
            self._folders[full_path] = ModuleFolder(full_path, self.import_name)
        return self._folders[full_path]

    def _enable(self, name: str, module: ModuleType) -> None:
        blueprint = _blueprint_of(name, module)
        try:
            self.register_blueprint(blueprint)
        except (AssertionError, ValueError) as error:
            if type(error) not in (AssertionError, ValueError):
                raise
            raise type(error)(
                f"The module {name!r} cannot be registered: {error} "
                "Names of modules, and of the urls in one module, must differ, and rules start with a slash."
            ) from error
        self.enabled_modules.append(blueprint.name)

    def create_jinja_environment(self) -> Environment:
        """Make the template environment, with the search order of the modules."""
        environment = super().create_jinja_environment()
        scope_templates(environment, TemplateSearch(self, self.enabled_modules, across=True))
        return environment

    def send_static_file(self, filename: str) -> Response:
        """Answer with a static file of the first enabled module that has it, else of the root folder."""
        owners = [*(self.blueprints[name] for name in self.enabled_modules), self]
        folders = [owner.static_folder for owner in owners if owner.static_folder]
        return send_first(folders, filename, self.get_send_file_max_age(filename))


def _blueprint_of(name: str, module: ModuleType) -> Blueprint:
    blueprint = getattr(module, "blueprint", None)
    if not isinstance(blueprint, Blueprint):
        raise AttributeError(  # noqa: TRY004 - the plugin's exception type
            f"The module {name!r} ({module.__file__}) has no `blueprint`. Write in its __init__.py: "
            f"blueprint = Router.create_blueprint({name!r}, __name__)",
            name="blueprint",
            obj=module,
        )
    return blueprint
