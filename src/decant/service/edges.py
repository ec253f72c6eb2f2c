"""Which module calls which: the edges that are local in one topology and remote in another."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType
from typing import Any

from decant.contracts import ContractInfo
from decant.http.declare import declaration_of
from decant.modules import Module
from decant.service.wire import service_classes
from decant.wiring import resolve_hints


def edges(modules: Iterable[Module]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return which of the modules asks for which other's contracts, and where: ``service``, ``views``, ….

    Seen is what is injected by type: in constructors of services and sagas, in typed views and in event handlers.

    Raises:
        SetupError: For an annotation that cannot be found at run time.
        ImportError: For a module that cannot be imported.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for module in modules:
        for where, asking in _asking(module).items():
            for called in sorted({name for function in asking for name in _asked(function)} - {module.name}):
                found.setdefault((module.name, called), []).append(where)
    return {edge: tuple(where) for edge, where in found.items()}


def _asking(module: Module) -> Mapping[str, Iterable[Callable[..., Any]]]:
    """Return the functions of a module that something is injected into, by where they stand."""
    from decant.events import handlers_in
    from decant.sagas import sagas_in

    return {
        "service": [kind.__init__ for kind in service_classes(module)],
        "views": list(_typed_views(module)),
        "handlers": [handler for part in ("handlers", "sagas") for handler in handlers_in(module.submodule(part))],
        "sagas": [saga.__init__ for saga in sagas_in(module.submodule("sagas"))],
    }


def _typed_views(module: Module) -> Iterator[Callable[..., Any]]:
    for part in ("urls", "views"):
        code = module.submodule(part)
        for entry in getattr(code, "urlpatterns", ()):
            yield from _operations(getattr(entry, "view_func", None))
        for value in () if code is None else vars(code).values():
            yield from _operations(value)


def _operations(view: Any) -> Iterator[Callable[..., Any]]:
    """Yield a view's functions that are typed: itself, or the methods of its class."""
    if not isinstance(view, FunctionType | type):  # a proxy such as ``request`` must not even be looked into
        return
    kind = getattr(view, "view_class", view)
    methods = inspect.getmembers(kind, inspect.isfunction) if isinstance(kind, type) else []
    for function in (view, *(method for _, method in methods)):
        if inspect.isfunction(function) and declaration_of(function) is not None:
            yield function


def _asked(function: Callable[..., Any]) -> Iterator[str]:
    if function is object.__init__:
        return
    for kind in resolve_hints(function, getattr(function, "__qualname__", repr(function))).values():
        info = getattr(kind, "__contract__", None)
        if isinstance(info, ContractInfo):
            yield info.module
