"""Templates: which folder answers for a name, seen from the module whose code runs.

Jinja keeps compiled templates by (loader, name). An environment therefore gets one loader per scope
instead of one that decides anew: a template that was found for one module never answers for another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from flask import Flask
from jinja2 import BaseLoader, Environment, FileSystemLoader, TemplateNotFound

from decant.modules.errors import ForeignTemplateError
from decant.modules.module import Module
from decant.modules.scope import current_scope, owner_of

Place = tuple[str, BaseLoader]
"""Who owns a folder of templates, in words, and the loader that reads it."""

Found = tuple[str, str | None, Callable[[], bool] | None]


class TemplateSearch:
    """The order in which folders are searched, for every scope of one application.

    The order is: the running view's blueprint, its module and what is nested in it; with ``across`` every
    other module in order; the shared folder; the application's own; blueprints that belong to no module,
    in Flask's order.

    Args:
        app: The application.
        modules: The names of its modules, in order; read anew at each search.
        across: Whether a module's templates answer for the other modules too.
        shared: A folder that belongs to every module.
        strict: Whether to say so when the template that is missing belongs to another module.
    """

    def __init__(
        self, app: Flask, modules: Sequence[str], *, across: bool = False, shared: Path | None = None,
        strict: bool = False,
    ) -> None:  # fmt: skip
        self._app = app
        self._modules = modules
        self._across = across
        self._shared = FileSystemLoader(shared) if shared is not None else None
        self._strict = strict
        self._loaders: dict[str | None, ScopedLoader] = {}

    def loader(self) -> BaseLoader:
        """Return the loader for the code that runs now; always the same one for a scope."""
        scope = current_scope()
        if owner_of(scope) not in self._modules:
            scope = None
        known = self._loaders.get(scope)
        return known if known is not None else self._loaders.setdefault(scope, ScopedLoader(self, scope))

    def find(self, environment: Environment, template: str, scope: str | None) -> Found:
        """Return a template's source as seen from a scope.

        Raises:
            TemplateNotFound: When no folder that the scope may see has it.
            ForeignTemplateError: In strict mode, when another module has it.
        """
        explain = self._app.config["EXPLAIN_TEMPLATE_LOADING"]
        for place, loader in self.places(scope):
            found = _try(loader, environment, template)
            if explain:
                self._app.logger.info("Template %r: %s in %s", template, "found" if found else "not found", place)
            if found is not None:
                return found
        if self._strict:
            self._refuse_foreign(environment, template, owner_of(scope))
        raise TemplateNotFound(template)

    def places(self, scope: str | None) -> Iterator[Place]:
        """Yield the folders that a scope may see, in order."""
        owner = owner_of(scope)
        if scope is not None and owner is not None:
            nearest = [name for name in _ancestors(scope) if name in self._app.blueprints]
            yield from self._folders_of(dict.fromkeys([*nearest, *self._blueprints_of(owner)]))
        if self._across:
            for name in self._modules:
                if name != owner:
                    yield from self._folders_of(self._blueprints_of(name))
        if self._shared is not None:
            yield "the shared folder", self._shared
        if self._app.jinja_loader is not None:
            yield "the application's folder", self._app.jinja_loader
        yield from self._folders_of(name for name in self._app.blueprints if owner_of(name) not in self._modules)

    def _blueprints_of(self, module: str) -> list[str]:
        """Return the module and the blueprints that are nested in it."""
        return [name for name in self._app.blueprints if owner_of(name) == module]

    def _folders_of(self, blueprints: Iterable[str]) -> Iterator[Place]:
        for name in blueprints:
            loader = self._app.blueprints[name].jinja_loader
            if loader is not None:
                yield f"the blueprint {name!r}", loader

    def _refuse_foreign(self, environment: Environment, template: str, asker: str | None) -> None:
        for owner in self._modules:  # the asker's own folders were searched already
            folders = self._folders_of(self._blueprints_of(owner))
            if any(_try(loader, environment, template) for _, loader in folders):
                raise ForeignTemplateError(template, asker, owner)


class ScopedLoader(BaseLoader):
    """What one scope sees of an application's templates."""

    def __init__(self, search: TemplateSearch, scope: str | None) -> None:
        self._search = search
        self._scope = scope

    def get_source(self, environment: Environment, template: str) -> Found:
        return self._search.find(environment, template, self._scope)

    def list_templates(self) -> list[str]:
        return sorted({name for _, loader in self._search.places(self._scope) for name in loader.list_templates()})


class _ScopedLookup:
    """Makes ``environment.loader`` the loader of the code that runs."""

    search: TemplateSearch

    @property
    def loader(self) -> BaseLoader | None:
        own: BaseLoader | None = self.__dict__.get("own_loader")
        return own if own is not None else self.search.loader()

    @loader.setter
    def loader(self, loader: BaseLoader | None) -> None:  # an overlay, or an extension that brings its own
        self.__dict__["own_loader"] = loader


def scope_templates(environment: Environment, search: TemplateSearch) -> None:
    """Let an environment look templates up in the scope of the module whose code runs.

    The environment stays the same object, because it may hold an application's filters and extensions
    already.
    """
    vars(environment)["search"] = search
    vars(environment).pop("loader", None)
    kind = type(environment)
    if not issubclass(kind, _ScopedLookup):
        environment.__class__ = type(f"Scoped{kind.__name__}", (_ScopedLookup, kind), {})


def install_templates(
    app: Flask, modules: Sequence[Module], shared: Path | None = None, *, strict: bool = False
) -> None:
    """Give each module its own view of the templates: its folder, then the shared one, never another module's.

    A later call replaces an earlier one, so it takes all the modules of the application.

    Args:
        app: A plain Flask application.
        modules: The modules that run in it.
        shared: The workspace's ``templates/`` folder, which every service ships with.
        strict: Raise :class:`ForeignTemplateError` where only another module has the template.
    """
    names = [module.name for module in modules]
    scope_templates(app.jinja_env, TemplateSearch(app, names, shared=shared, strict=strict))


def _try(loader: BaseLoader, environment: Environment, template: str) -> Found | None:
    try:
        return loader.get_source(environment, template)
    except TemplateNotFound:
        return None


def _ancestors(scope: str) -> Iterator[str]:
    """Yield ``a.b``, then ``a``."""
    while scope:
        yield scope
        scope = scope.rpartition(".")[0]
