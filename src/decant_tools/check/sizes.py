"""Sizes of files and functions: the steadiest mark of code that people enjoy reading."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from decant_tools.check.imports import parse
from decant_tools.check.violations import Violation

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef
EXCEPTION = "# noqa: PLR0917"
"""What ruff wants beside a function whose many positional parameters have a reason; it counts here, too."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is too much.

    Args:
        file_lines: Lines of a file.
        noted_file_lines: Lines from which a file is mentioned.
        median_file_lines: The median over all files.
        function_lines: Lines of a function's body, without its docstring.
        short_function_lines: Lines of a short function.
        short_share: The share of functions that must be short.
        positional: Positional parameters, without ``self``.
    """

    file_lines: int = 600
    noted_file_lines: int = 400
    median_file_lines: int = 150
    function_lines: int = 60
    short_function_lines: int = 20
    short_share: float = 0.9
    positional: int = 6


@dataclass(frozen=True, slots=True)
class Function:
    """One function or method.

    Args:
        path: Its file.
        line: The line of its ``def``.
        name: Its name.
        lines: Lines of its body, without its docstring.
        positional: Positional parameters, without ``self``; 0 where its ``def`` carries ruff's exception for them.
    """

    path: str
    line: int
    name: str
    lines: int
    positional: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """What was measured.

    Args:
        files: Lines of each file.
        functions: Every function.
    """

    files: dict[str, int]
    functions: tuple[Function, ...]

    def summary(self) -> str:
        """Return the figures in one line."""
        if not self.files or not self.functions:
            return "nothing was measured"
        files = self.files.values()
        lines = [function.lines for function in self.functions]
        return (
            f"{len(files)} files, median {median(files):g} lines, largest {max(files)}; "
            f"{len(lines)} functions, median {median(lines):g} lines, largest {max(lines)}"
        )


def measure(root: Path, packages: Iterable[str]) -> Sizes:
    """Measure every source file of the packages below ``root``."""
    files: dict[str, int] = {}
    functions: list[Function] = []
    for file in sorted(file for package in packages for file in (root / package).rglob("*.py")):
        path = file.relative_to(root).as_posix()
        text = file.read_text(encoding="utf-8").splitlines()
        files[path] = len(text)
        functions.extend(_functions(parse(file), path, text))
    return Sizes(files, tuple(functions))


def size_violations(sizes: Sizes, limits: Limits | None = None) -> list[Violation]:
    """Return everything that is too large, and the two figures over everything."""
    limits = limits or Limits()
    return [
        *_large_files(sizes, limits),
        *(found for function in sizes.functions for found in _large_function(function, limits)),
        *_overall(sizes, limits),
    ]


def noted_files(sizes: Sizes, limits: Limits | None = None) -> list[str]:
    """Return files that are allowed and still need a reason, largest first."""
    limits = limits or Limits()
    noted = [(lines, path) for path, lines in sizes.files.items() if lines > limits.noted_file_lines]
    return [f"{path}: {lines} lines" for lines, path in sorted(noted, reverse=True)]


def _large_files(sizes: Sizes, limits: Limits) -> Iterator[Violation]:
    for path, lines in sizes.files.items():
        if lines > limits.file_lines:
            yield Violation(path, 0, "file-size", f"{lines} lines, at most {limits.file_lines}: one concept per file")


def _large_function(function: Function, limits: Limits) -> Iterator[Violation]:
    if function.lines > limits.function_lines:
        message = f"{function.name} has {function.lines} lines, at most {limits.function_lines}: name its steps"
        yield Violation(function.path, function.line, "function-size", message)
    if function.positional > limits.positional:
        message = f"{function.name} takes {function.positional} positional parameters, at most {limits.positional}"
        yield Violation(function.path, function.line, "positional", f"{message}: make the rest keyword-only")


def _overall(sizes: Sizes, limits: Limits) -> Iterator[Violation]:
    if sizes.files and median(sizes.files.values()) > limits.median_file_lines:
        message = f"the median file has {median(sizes.files.values()):g} lines, at most {limits.median_file_lines}"
        yield Violation("all files", 0, "file-median", message)
    if not sizes.functions:
        return
    short = sum(function.lines <= limits.short_function_lines for function in sizes.functions) / len(sizes.functions)
    if short < limits.short_share:
        message = f"{short:.1%} of all functions have at most {limits.short_function_lines} lines"
        yield Violation("all functions", 0, "function-share", f"{message}, at least {limits.short_share:.0%} must")


def _functions(tree: ast.Module, path: str, text: list[str]) -> Iterator[Function]:
    methods = {
        child for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for child in node.body if _is_bound(child)
    }
    for node in ast.walk(tree):
        if isinstance(node, AnyFunction):
            positional = len(node.args.posonlyargs) + len(node.args.args) - (node in methods)
            excepted = EXCEPTION in text[node.lineno - 1]
            yield Function(path, node.lineno, node.name, _body_lines(node), 0 if excepted else positional)


def _is_bound(node: ast.stmt) -> bool:
    if not isinstance(node, AnyFunction):
        return False
    return not any(isinstance(mark, ast.Name) and mark.id == "staticmethod" for mark in node.decorator_list)


def _body_lines(node: AnyFunction) -> int:
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1 if body else 0
