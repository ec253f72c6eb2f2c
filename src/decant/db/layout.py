"""Python code as a formatter writes it, for the revision files that Alembic fills."""

from __future__ import annotations

import ast
import io
import textwrap
import tokenize
from collections.abc import Iterator

WIDTH = 88
"""Characters of a line: what formatters allow when nobody says otherwise."""


def laid_out(code: str, indent: str = "    ") -> str:
    """Return statements with double quotes, one argument per line where a call is too long, and without comments.

    Args:
        code: Statements as Alembic renders them, the first line without its indentation.
        indent: What each line but the first begins with.
    """
    body = ast.parse(textwrap.dedent(indent + code)).body
    return "\n".join(line for statement in body for line in _statement(statement, indent)).lstrip()


def _statement(statement: ast.stmt, indent: str) -> Iterator[str]:
    if isinstance(statement, ast.With):
        yield f"{indent}with {', '.join(_flat(item) for item in statement.items)}:"
        for inner in statement.body:
            yield from _statement(inner, indent + "    ")
    elif isinstance(statement, ast.Expr):
        yield from _expression(statement.value, indent)
    else:
        yield textwrap.indent(_flat(statement), indent)


def _expression(node: ast.expr, indent: str, before: str = "", after: str = "") -> Iterator[str]:
    line = f"{indent}{before}{_flat(node)}{after}"
    if len(line) <= WIDTH or not isinstance(node, ast.Call):
        yield line
        return
    yield f"{indent}{before}{_flat(node.func)}("
    for argument in node.args:
        yield from _expression(argument, indent + "    ", after=",")
    for keyword in node.keywords:
        yield from _expression(keyword.value, indent + "    ", f"{keyword.arg}=", ",")
    yield f"{indent}){after}"


def _flat(node: ast.AST) -> str:
    text = ast.unparse(node)
    parts: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.STRING and token.start[0] == 1:
            parts += text[last : token.start[1]], _double(token.string)
            last = token.end[1]
    return "".join(parts) + text[last:]


def _double(literal: str) -> str:
    """Return a text's literal with double quotes, unless it holds one."""
    if literal.startswith("'") and '"' not in literal and "\\'" not in literal:
        return f'"{literal[1:-1]}"'
    return literal
