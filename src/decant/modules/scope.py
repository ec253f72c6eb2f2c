"""Which module's code is running: the running view's, unless a block says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flask import has_request_context, request

_explicit: ContextVar[str | None] = ContextVar("decant_module_scope", default=None)


def current_scope() -> str | None:
    """Return the name of the blueprint whose code runs, dotted where nested, or None outside every blueprint."""
    explicit = _explicit.get()
    if explicit is not None:
        return explicit
    return request.blueprint if has_request_context() else None


@contextmanager
def use_scope(name: str) -> Iterator[None]:
    """Run a block as code of the named module: in a job or a command, where no view runs."""
    token = _explicit.set(name)
    try:
        yield
    finally:
        _explicit.reset(token)


def owner_of(scope: str | None) -> str | None:
    """Return the outermost blueprint of a dotted name: the module that a nested blueprint belongs to."""
    return scope.partition(".")[0] if scope else None
