"""A plugin for mypy: a contract's operations are abstract.

With it the plain ``...`` bodies of a contract are clean, and a service that forgets an operation is
reported where it is made. Switch it on in ``pyproject.toml``::

    [tool.mypy]
    plugins = ["decant.mypy_plugin"]
"""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import IS_ABSTRACT, CallExpr, Decorator, Expression, MemberExpr, NameExpr
from mypy.plugin import ClassDefContext, Plugin

CONTRACT = "decant.contracts.contract.Contract"
MAPPINGS = frozenset({"get", "post", "put", "patch", "delete"})


class DecantPlugin(Plugin):
    """Marks the operations of classes that derive straight from ``Contract``."""

    def get_base_class_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        return _mark_operations if fullname in (CONTRACT, "decant.Contract") else None


def _mark_operations(context: ClassDefContext) -> None:
    for statement in context.cls.defs.body:
        if isinstance(statement, Decorator) and any(map(_is_mapping, statement.original_decorators)):
            statement.func.abstract_status = IS_ABSTRACT


def _is_mapping(decorator: Expression) -> bool:
    if not isinstance(decorator, CallExpr) or not isinstance(decorator.callee, NameExpr | MemberExpr):
        return False
    return decorator.callee.name in MAPPINGS


def plugin(version: str) -> type[Plugin]:  # noqa: ARG001 - mypy's signature
    """Return the plugin; mypy's own entry point."""
    return DecantPlugin
