"""A module: a package that owns one bounded context, and is a blueprint to Flask."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, Unpack

import click
from flask import Flask, current_app, request
from flask.cli import AppGroup

from decant.context import Guard, current
from decant.errors import SetupError
from decant.modules.naming import check_module_name, suggest
from decant.modules.routing import Router, Url
from decant.modules.static import send_first, shared_folder
from decant.wiring import DECLARATION, Close, Factory

if TYPE_CHECKING:
    from flask import Response

PARTS = ("api", "models", "service", "urls", "views", "handlers", "sagas", "settings", "commands", "seed", "faults")
"""The sub-modules that are found by name."""

FOLDERS = ("migrations", "templates", "static", "tests")
"""The folders that are found by name."""

Part = str | ModuleType
"""A sub-module, or its import name; a leading dot means inside the module's package."""


class Parts(TypedDict, total=False):
    """The conventional sub-modules and folders, each where it is not at its conventional place."""

    api: Part
    models: Part
    service: Part
    urls: Part
    views: Part
    handlers: Part
    sagas: Part
    settings: Part
    commands: Part
    seed: Part
    faults: Part
    migrations: str | Path
    templates: str | Path
    static: str | Path
    tests: str | Path


class Provided(NamedTuple):
    """A type that a module's services may ask for, and how it is made."""

    kind: Any
    factory: Factory
    close: Close | None


class Module(Router):
    """A package that owns one bounded context: its contract, routes, tables, templates and commands.

    Sub-modules (:data:`PARTS`) and folders (:data:`FOLDERS`) are found by name when they are first
    asked for; what does not exist is not imported, and a broken import is raised as it is. A module
    that runs in another process is never loaded: only its ``__init__`` and ``api`` are imported.

    Args:
        import_name: The package's ``__name__``.
        name: The module's name, by default the last part of ``import_name``.
        urlpatterns: The route table, instead of the one in ``urls``.
        contract: The contract class, instead of the one found in ``api``.
        guard: Decides who may call the module's views and its public operations, those that name a guard of their own
            left out. Static files are for everybody.
        **parts: Sub-modules and folders that are somewhere else, by their conventional names.

    Raises:
        SetupError: For a name that cannot be used, an unknown part, or a folder that does not exist.

    Example:
        ``module = Module(__name__)`` in ``shop/catalog/__init__.py``.
    """

    def __init__(
        self,
        import_name: str,
        name: str | None = None,
        *,
        urlpatterns: Sequence[Url] | None = None,
        contract: type | None = None,
        guard: Guard | None = None,
        **parts: Unpack[Parts],
    ) -> None:
        name = check_module_name(name if name is not None else import_name.rpartition(".")[2])
        root = _package_folder(import_name)
        explicit = _check_parts(name, dict(parts))
        folders = {folder: _folder(root, folder, explicit.get(folder)) for folder in FOLDERS}
        super().__init__(
            name,
            import_name,
            root_path=str(root),
            template_folder=folders["templates"],
            static_folder=folders["static"],
            static_url_path=f"/static_{name}",
        )
        self.contract = contract
        self.guard = guard
        if guard is not None:
            self.before_request(self._ask_guard)
        self.migrations = folders["migrations"]
        self.tests = folders["tests"]
        self.cli = ModuleGroup(self)
        self._urlpatterns = urlpatterns
        self._explicit = explicit
        self._found: dict[str, ModuleType | None] = {}
        self._provided: dict[Any, Provided] = {}
        self._loaded = False

    def submodule(self, name: str) -> ModuleType | None:
        """Return a conventional sub-module, imported when it is first asked for, or None where there is none.

        Args:
            name: One of :data:`PARTS`.

        Raises:
            SetupError: For a name that is no convention.
            ImportError: When the sub-module exists and cannot be imported: whatever its import raises.
        """
        if name not in PARTS:
            raise SetupError(f"{name!r} is no conventional sub-module.", hint=suggest(name, PARTS))
        if name not in self._found:
            self._found[name] = self._import(name)
        return self._found[name]

    def _import(self, name: str) -> ModuleType | None:
        explicit = self._explicit.get(name)
        if isinstance(explicit, ModuleType):
            return explicit
        if explicit is not None:
            return importlib.import_module(explicit, self.import_name)
        full_name = f"{self.import_name}.{name}"
        try:
            return importlib.import_module(full_name)
        except ModuleNotFoundError as error:
            if error.name != full_name:  # it exists, and something that it imports does not
                raise
            return None

    def load(self) -> None:
        """Import the views and register the route table, once. Only for a module that runs in this process.

        Registering the module on an application does it too.

        Raises:
            SetupError: When ``urls`` has no ``urlpatterns``.
        """
        if self._loaded:
            return
        self.submodule("views")  # routes may also be declared there, with @module.get(…)
        self.register_urls(self._route_table())
        self._loaded = True

    def _route_table(self) -> Sequence[Url]:
        if self._urlpatterns is not None:
            return self._urlpatterns
        urls = self.submodule("urls")
        if urls is None:
            return ()
        if not hasattr(urls, "urlpatterns"):
            raise SetupError(
                f"{urls.__name__} has no `urlpatterns`.",
                hint="Write `urlpatterns = [url(…), …]` in it, or remove the file.",
            )
        table: Sequence[Url] = urls.urlpatterns
        return table

    def register(self, app: Flask, options: dict[str, Any]) -> None:  # type: ignore[override]
        """Load the module and register it; called by ``app.register_blueprint(module)``."""
        self.load()
        super().register(app, options)
        # Flask adds a group only when it has commands already; ours imports them when one is called.
        if self.has("commands"):
            app.cli.add_command(self.cli)

    def _ask_guard(self) -> None:
        """Ask the guard before a plain view. Operations ask by themselves, where a service has bound them."""
        if self.guard is None or request.endpoint == f"{self.name}.static" or _is_answered_by_flask(request.url_rule):
            return
        declared = _declaration_of(current_app.view_functions.get(request.endpoint or ""), request.method)
        if declared is None:
            self.guard(current.get().caller)
        elif "decant" not in current_app.extensions:
            (declared.guard or self.guard)(current.get().caller)

    def has(self, name: str) -> bool:
        """Return whether a conventional sub-module exists, without importing it."""
        if name in self._explicit or self._found.get(name) is not None:
            return True
        try:
            return importlib.util.find_spec(f"{self.import_name}.{name}") is not None
        except ModuleNotFoundError:  # the module is a single file, not a package
            return False

    def provide(self, kind: Any, factory: Factory, *, close: Close | None = None) -> None:
        """Let this module's services ask for one more type.

        Args:
            kind: The type that constructor parameters are annotated with.
            factory: Makes the value, at most once per call; gets the call's scope.
            close: Ends its use; gets the value and whether the call succeeded.

        Raises:
            SetupError: When the type is provided already.
        """
        if kind in self._provided:
            raise SetupError(f"The module {self.name!r} provides {kind!r} twice.", hint="Remove one provide().")
        self._provided[kind] = Provided(kind, factory, close)

    @property
    def provided(self) -> tuple[Provided, ...]:
        """The types given to :meth:`provide`, in order."""
        return tuple(self._provided.values())

    def send_static_file(self, filename: str) -> Response:
        """Answer with a file of the module's own static folder, else of the workspace's."""
        own = [self.static_folder] if self.static_folder else []
        max_age = self.get_send_file_max_age(filename)
        return send_first([*own, *shared_folder(current_app)], filename, max_age)

    def __repr__(self) -> str:
        return f"<Module {self.name!r} of {self.import_name}>"


class ModuleGroup(AppGroup):
    """The commands of one module; its ``commands`` sub-module is imported when they are first asked for.

    Commands are declared there with ``@module.cli.command("seed")``.
    """

    def __init__(self, module: Module) -> None:
        super().__init__(module.name, help=f"Commands of the module {module.name}.")
        self._module = module

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._module.submodule("commands")
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        self._module.submodule("commands")
        return super().get_command(ctx, cmd_name)


def _is_answered_by_flask(rule: Any) -> bool:
    """Return whether the request only asks for methods, as browsers do without credentials; no view sees that."""
    return request.method == "OPTIONS" and rule.provide_automatic_options


def _declaration_of(view: Any, method: str) -> Any:
    """Return what ``@operation`` or a contract said about the function behind a view; None for a plain one."""
    kind = getattr(view, "view_class", None)
    if kind is not None:
        view = getattr(kind, method.lower(), None) or (getattr(kind, "get", None) if method == "HEAD" else None)
    return getattr(inspect.unwrap(view), DECLARATION, None) if callable(view) else None


def _package_folder(import_name: str) -> Path:
    """Return where a package's files are. Flask would quietly take the working directory for an unknown one."""
    module = sys.modules.get(import_name)
    origin = getattr(module, "__file__", None) if module is not None else _find_origin(import_name)
    if not origin:
        raise SetupError(
            f"Module({import_name!r}): there is no Python file of that name.",
            hint="Write `module = Module(__name__)` in the package's __init__.py.",
        )
    return Path(origin).resolve().parent


def _find_origin(import_name: str) -> str | None:
    try:
        spec = importlib.util.find_spec(import_name)
    except ModuleNotFoundError:  # its parent does not exist either
        return None
    return spec.origin if spec is not None else None


def _check_parts(module: str, parts: dict[str, Any]) -> dict[str, Any]:
    known = (*PARTS, *FOLDERS, "urlpatterns", "contract")
    for name in parts:
        if name not in known:
            raise SetupError(f"The module {module!r} has no part {name!r}.", hint=suggest(name, known))
    return parts


def _folder(root: Path, name: str, explicit: str | Path | None) -> Path | None:
    """Return a conventional folder that exists, or the explicit one."""
    folder = root / (explicit if explicit is not None else name)
    if folder.is_dir():
        return folder
    if explicit is not None:
        raise SetupError(f"The {name} folder {folder} does not exist.", hint=f"Create it, or leave out {name}=.")
    return None
