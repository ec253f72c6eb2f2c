"""Write a modular monolith in Flask; decant it into services without changing its code.

These are the names of a user's first hour; each part's own package has the rest. They are imported when
they are first used (PEP 562), so ``import decant`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decant.context import CallContext, Caller
    from decant.contracts import Contract
    from decant.errors import DomainError, NotFoundError, RemoteCallError, ValidationError
    from decant.events import Event, on, publish
    from decant.http import Header, Page, Paging, Query, delete, get, operation, patch, post, put
    from decant.kit import Kit
    from decant.modules import (
        InvalidModulePath,
        InvalidURLFunction,
        InvalidURLName,
        InvalidURLPattern,
        InvalidURLRule,
        MicroServicesApp,
        Module,
        Router,
        UnspecifiedURLMethods,
        url,
    )
    from decant.service import create_app, init_app

_HOME = {
    "decant.context": ("CallContext", "Caller"),
    "decant.contracts": ("Contract",),
    "decant.errors": ("DomainError", "NotFoundError", "RemoteCallError", "ValidationError"),
    "decant.events": ("Event", "on", "publish"),
    "decant.http": (
        "Header", "Page", "Paging", "Query", "delete", "get", "operation", "patch", "post", "put",
    ),
    "decant.kit": ("Kit",),
    "decant.modules": (
        "InvalidModulePath", "InvalidURLFunction", "InvalidURLName", "InvalidURLPattern", "InvalidURLRule",
        "MicroServicesApp", "Module", "Router", "UnspecifiedURLMethods", "url",
    ),
    "decant.service": ("create_app", "init_app"),
}  # fmt: skip
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "CallContext",
    "Caller",
    "Contract",
    "DomainError",
    "Event",
    "Header",
    "InvalidModulePath",
    "InvalidURLFunction",
    "InvalidURLName",
    "InvalidURLPattern",
    "InvalidURLRule",
    "Kit",
    "MicroServicesApp",
    "Module",
    "NotFoundError",
    "Page",
    "Paging",
    "Query",
    "RemoteCallError",
    "Router",
    "UnspecifiedURLMethods",
    "ValidationError",
    "create_app",
    "delete",
    "get",
    "init_app",
    "on",
    "operation",
    "patch",
    "post",
    "publish",
    "put",
    "url",
]


def __getattr__(name: str) -> Any:
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module 'decant' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
