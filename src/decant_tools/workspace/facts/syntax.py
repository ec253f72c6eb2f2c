"""The imports of a Python file by parsing it, and by guessing where that fails."""

from __future__ import annotations

import ast
import re
import warnings
from typing import NamedTuple

from decant_tools.workspace.facts.model import Fault


class Statement(NamedTuple):
    """An import as it is written.

    Attributes:
        line: Counted from 1.
        module: With leading dots where it is relative.
        names: What is imported from it and what each is called here; empty for ``import module``.
        alias: What ``import module`` is called here.
    """

    line: int
    module: str
    names: tuple[tuple[str, str], ...] = ()
    alias: str = ""


class Reading(NamedTuple):
    """What was read of a file.

    Attributes:
        statements: In the order of the file.
        dynamic: Lines of imports whose name is not known.
        fault: Why it is not certain, or None.
    """

    statements: list[Statement]
    dynamic: tuple[int, ...] = ()
    fault: Fault | None = None


IMPORTERS = frozenset({"import_module", "importorskip", "__import__"})
_HERE = {"__package__", "__name__"}
_CANDIDATE = re.compile(
    r"""\bfrom[ \t\f\\\n]*(?P<module>[.\w][\w. \t]*?)[ \t\f\\\n]*\bimport\b[ \t\f]*
          (?:\((?P<listed>[^)]*)|(?P<names>(?:[^\n;#\\]|\\\n)*))
      | \bimport\b(?P<modules>(?:[^\n;#\\]|\\\n)+)
      | (?:\bimport_module|\bimportorskip|\b__import__)\s*\(\s*\w{0,2}["'](?P<literal>[\w.]+)""",
    re.VERBOSE,
)
_WORD = re.compile(r"(?:^|,)\s*([^\W\d][\w.]*|\*)", re.MULTILINE)


def parse(text: str) -> Reading:
    """Return the imports of a source that the interpreter can parse; of another one, what looks like an import."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in somebody's strings
            tree = ast.parse(text)
    except SyntaxError as error:
        return guess(text, f"{error.msg} (line {error.lineno or 1})", error.lineno or 1)
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return guess(text, str(error) or "it is nested too deeply")
    found: list[Statement] = []
    dynamic: list[int] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.extend(Statement(node.lineno, item.name, (), item.asname or item.name) for item in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = tuple((item.name, item.asname or item.name) for item in node.names)
            found.append(Statement(node.lineno, "." * node.level + (node.module or ""), names))
    _add_calls(tree, found, dynamic)
    found.sort(key=lambda statement: statement.line)
    return Reading(found, tuple(dynamic))


def _add_calls(tree: ast.AST, found: list[Statement], dynamic: list[int]) -> None:
    """Add what is imported by calls; an importer that is handed on may import anything."""
    importers = IMPORTERS | {alias for statement in found for name, alias in statement.names if name in IMPORTERS}
    handed_on: dict[ast.AST, int] = {}
    calls: list[ast.Call] = []
    for node in ast.walk(tree):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in importers and isinstance(node, (ast.Attribute, ast.Name)):
            handed_on[node] = node.lineno
        elif isinstance(node, ast.Call):
            calls.append(node)
    for call in calls:
        if handed_on.pop(call.func, None) is None:
            continue
        called = _called(call)
        if called is None:
            dynamic.append(call.lineno)
        else:
            found.append(Statement(call.lineno, called, _from_list(call), called))
    dynamic.extend(handed_on.values())


def _called(call: ast.Call) -> str | None:
    """Return the module that a call imports, or None when only the running program knows."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    name = call.args[0] if call.args else given.get("name")
    if not (isinstance(name, ast.Constant) and isinstance(name.value, str) and name.value.strip(".")):
        return None
    if not name.value.startswith("."):
        return name.value
    package = call.args[1] if len(call.args) > 1 else given.get("package")
    if isinstance(package, ast.Name) and package.id in _HERE:
        return name.value
    if isinstance(package, ast.Constant) and isinstance(package.value, str):
        bare = name.value.lstrip(".")
        parts = package.value.split(".")
        kept = parts[: len(parts) - (len(name.value) - len(bare) - 1)]
        return ".".join([*kept, bare]) if kept else None
    return None


def _from_list(call: ast.Call) -> tuple[tuple[str, str], ...]:
    """Return what ``__import__("package", fromlist=["module"])`` takes from the package."""
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "fromlist"), None)
    given = given or (call.args[3] if len(call.args) > 3 else None)
    if not isinstance(given, (ast.List, ast.Tuple)):
        return ()
    names = [item.value for item in given.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    return tuple((name, name) for name in names if name)


def guess(text: str, reason: str, line: int = 0) -> Reading:
    """Return everything that looks like an import, also in strings and comments: rather too much than too little."""
    found: list[Statement] = []
    for match in _CANDIDATE.finditer(text):
        at = text.count("\n", 0, match.start()) + 1
        if literal := match["literal"]:
            found.append(Statement(at, literal, (), literal))
        elif modules := match["modules"]:
            names = _WORD.findall(modules.replace("\\\n", " "))
            found.extend(Statement(at, name, (), name) for name in names if name != "*")
        elif module := "".join(match["module"].split()):
            listed = re.sub(r"#[^\n]*", "", match["listed"] or match["names"] or "").replace("\\\n", " ")
            found.append(Statement(at, module, tuple((name, name) for name in _WORD.findall(listed))))
    fault = Fault(
        "warning",
        "unreadable-source",
        line,
        f"This file cannot be read with certainty: {reason}. Whatever looks like an import in it counts as one.",
        "Correct it, or run the tool with the version of Python that it is written for.",
    )
    return Reading(found, (), fault)
