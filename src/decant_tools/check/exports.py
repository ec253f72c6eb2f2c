"""What a package offers: ``__all__`` says exactly what its ``__init__`` binds."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from decant_tools.check.imports import parse
from decant_tools.check.violations import Violation


def export_violations(root: Path, packages: Sequence[str]) -> list[Violation]:
    """Return every difference between ``__all__`` and the public names, over all packages below ``root``."""
    files = sorted(file for package in packages for file in (root / package).rglob("__init__.py"))
    return [found for file in files for found in _differences(parse(file), file.relative_to(root).as_posix())]


def _differences(tree: ast.Module, path: str) -> Iterator[Violation]:
    bound = {name: line for name, line in _bound(tree.body) if not name.startswith("_")}
    line, exported = _exported(tree)
    for name in sorted(exported - bound.keys()):
        yield Violation(path, line, "export-unbound", f"__all__ names {name}, and nothing here is called so")
    for name in sorted(bound.keys() - exported):
        yield Violation(path, bound[name], "export-hidden", f"{name} is public and missing in __all__")


def _exported(tree: ast.Module) -> tuple[int, set[str]]:
    for node in tree.body:
        value = _assigned(node, "__all__")
        if value is not None:
            return node.lineno, set(ast.literal_eval(value))
    return 0, set()


def _assigned(node: ast.stmt, name: str) -> ast.expr | None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
    return node.value if named and isinstance(node, ast.Assign | ast.AnnAssign) else None


def _bound(body: Sequence[ast.stmt]) -> Iterator[tuple[str, int]]:
    """Yield the names that from-imports, definitions and assignments bind."""
    lazy = any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in body)
    for node in body:
        if isinstance(node, ast.If) and lazy and _is_type_checking(node.test):
            yield from _bound(node.body)
        else:
            yield from ((name, node.lineno) for name in _names(node, lazy=lazy))


def _names(node: ast.stmt, *, lazy: bool) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.ImportFrom) and not _is_tool(node, lazy=lazy):
        yield from (alias.asname or alias.name for alias in node.names)
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _is_tool(node: ast.ImportFrom, *, lazy: bool) -> bool:
    """Tell what an ``__init__`` imports for its own use: future features, and a lazy one's machinery."""
    return node.module == "__future__" or (lazy and node.module in {"importlib", "typing"})


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )
