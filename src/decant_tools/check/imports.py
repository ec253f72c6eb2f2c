"""Which module imports which, read from the sources; nothing is executed.

Imports inside functions and under ``TYPE_CHECKING`` count like all others: a dependency is one,
whenever it is loaded.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from decant.errors import CommandError


@dataclass(frozen=True, slots=True, order=True)
class Import:
    """One import statement's use of one module.

    Args:
        importer: The module that imports, dotted.
        imported: The module that is imported, dotted.
        path: The importer's file, relative to the graph's root.
        line: The statement's line.
    """

    importer: str
    imported: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class ImportGraph:
    """All modules below a root folder and the imports between them.

    Args:
        paths: Each module's file, relative to the root.
        imports: Every import between these modules, in order.
    """

    paths: Mapping[str, str]
    imports: tuple[Import, ...]

    def edges(self) -> dict[str, set[str]]:
        """Return for each module the modules that it imports."""
        edges: dict[str, set[str]] = defaultdict(set)
        for each in self.imports:
            edges[each.importer].add(each.imported)
        return dict(edges)

    def between(self, importer: str, imported: str) -> Import:
        """Return the first import from one module to another."""
        return next(each for each in self.imports if (each.importer, each.imported) == (importer, imported))


def read_imports(root: Path, packages: Sequence[str]) -> ImportGraph:
    """Read the packages below ``root`` (a folder like ``src``); packages that do not exist are left out.

    Raises:
        CommandError: When a file is not Python, naming file and line.
    """
    files = sorted(file for name in packages for file in (root / name).rglob("*.py"))
    paths = {_module_name(file.relative_to(root)): file for file in files}
    imports: set[Import] = set()
    for module, file in paths.items():
        imports.update(_imports_of(module, file, root, paths))
    shown = {module: file.relative_to(root).as_posix() for module, file in paths.items()}
    return ImportGraph(shown, tuple(sorted(imports)))


def parse(file: Path) -> ast.Module:
    """Parse a source file.

    Raises:
        CommandError: When it is not Python, naming file and line.
    """
    try:
        return ast.parse(file.read_bytes())
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 0
        raise CommandError(f"{file}:{line}: this is not Python: {error}.", exit_code=3) from error


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports_of(module: str, file: Path, root: Path, known: Mapping[str, Path]) -> Iterator[Import]:
    shown = file.relative_to(root).as_posix()
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(parse(file)):
        for target in _targets(node, package, known):
            if target != module:
                yield Import(module, target, shown, getattr(node, "lineno", 0))


def _targets(node: ast.AST, package: str, known: Mapping[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in known)
    elif isinstance(node, ast.ImportFrom):
        base = _base(node, package)
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            if inner in known:
                yield inner
            elif base in known:
                yield base


def _base(node: ast.ImportFrom, package: str) -> str:
    """Return the absolute module of a ``from`` import."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    parents = parents[: len(parents) - (node.level - 1)]
    return ".".join([*parents, *([node.module] if node.module else [])])
