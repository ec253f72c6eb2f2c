"""Strict mode for links: a module links to its own views and files, and to shared files, only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.security import safe_join

from decant.modules.errors import ForeignEndpointError
from decant.modules.module import Module
from decant.modules.scope import current_scope, owner_of
from decant.modules.static import root_folders, shared_folder

_LINK_HINT = "It would not exist once they run apart. Write the path itself, or ask {owner!r} through its contract."
_FILE_HINT = "It would be missing once they run apart. Move it to the workspace's shared static/ folder, or copy it."


def install_endpoint_guard(app: Flask, modules: Sequence[Module], elsewhere: Collection[str] = ()) -> None:
    """Refuse ``url_for`` to an endpoint or a static file of another module.

    Code outside every module, a test for instance, may link to the modules that run here.

    Args:
        app: A plain Flask application.
        modules: The modules that run in it.
        elsewhere: The names of the workspace's other modules.
    """
    guard = _EndpointGuard(app, modules, elsewhere)
    app.url_defaults(guard.check)
    app.url_build_error_handlers.append(guard.explain)


class _EndpointGuard:
    def __init__(self, app: Flask, modules: Sequence[Module], elsewhere: Collection[str]) -> None:
        self._app = app
        self._modules = {module.name: module for module in modules}
        self._names = {*self._modules, *elsewhere}

    def check(self, endpoint: str, values: dict[str, Any]) -> None:
        """Look at a link before it is built."""
        owner, _, view = endpoint.partition(".")
        asker = owner_of(current_scope())
        if view and asker in self._modules and asker != owner and owner in self._names:
            raise self._refusal(endpoint, asker, owner)
        if view in ("", "static") and isinstance(values.get("filename"), str):
            self._check_file(owner if view else None, endpoint, values["filename"])

    def explain(self, error: Exception, endpoint: str, values: dict[str, Any]) -> str:  # noqa: ARG002 - Flask's
        """Say what a link that cannot be built means, where it is to a module that runs elsewhere."""
        owner, _, view = endpoint.partition(".")
        if view and owner in self._names - set(self._modules):
            raise self._refusal(endpoint, owner_of(current_scope()), owner) from error
        raise error

    def _refusal(self, endpoint: str, asker: str | None, owner: str) -> ForeignEndpointError:
        hint = _LINK_HINT.format(owner=owner)
        return ForeignEndpointError(f"the endpoint {endpoint!r}", asker, owner, hint=hint)

    def _check_file(self, owner: str | None, endpoint: str, filename: str) -> None:
        if endpoint not in ("static", f"{owner}.static"):
            return
        if _exists(filename, self._folders_of(owner)):
            return
        for name, module in self._modules.items():
            if name != owner and module.static_folder and _exists(filename, [module.static_folder]):
                target = f"the static file {filename!r}"
                raise ForeignEndpointError(target, owner_of(current_scope()), name, hint=_FILE_HINT)

    def _folders_of(self, owner: str | None) -> list[str | Path]:
        """Return where a static endpoint looks: a module's, or the root's."""
        if owner is None:
            return root_folders(self._app)
        module = self._modules.get(owner)
        own = [module.static_folder] if module is not None and module.static_folder else []
        return [*own, *shared_folder(self._app)]


def _exists(filename: str, folders: Iterable[str | Path]) -> bool:
    paths = (safe_join(str(folder), filename) for folder in folders)
    return any(path is not None and Path(path).is_file() for path in paths)
