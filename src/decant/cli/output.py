"""What commands print: tables for people, one JSON document for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
"""``--json``, as every command that shows something has it."""

config_option = click.option(
    "--config", envvar="DECANT_CONFIG", default="decant.toml", show_default=True, help="The workspace."
)
"""``--config``, as every command about a workspace has it."""

GAP = "  "
SHORTEST = 8


def print_json(**document: Any) -> None:
    """Print the one document of ``--json``."""
    click.echo(json.dumps({"schema": 1, **document}, indent=2, ensure_ascii=False))


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns; on a terminal the widest column gives way, elsewhere nothing is cut."""
    width = _columns() if sys.stdout.isatty() else None
    for line in format_table(headers, rows, width):
        click.echo(line)


def _columns() -> int:
    import shutil  # with archives of all kinds, which nobody else needs

    return shutil.get_terminal_size().columns


def format_table(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """Return a table's lines.

    Args:
        headers: One text per column.
        rows: One text per cell.
        width: Characters that a line may have, or None for any number.
    """
    table = [[_one_line(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    if width is not None:
        excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
        widest = widths.index(max(widths))
        widths[widest] = max(SHORTEST, widths[widest] - max(0, excess))
    return [
        GAP.join(_cut(cell, size).ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip() for row in table
    ]


def _cut(cell: str, size: int) -> str:
    return cell if len(cell) <= size else f"{cell[: size - 1]}…"


def _one_line(cell: str) -> str:
    return "".join(character if character.isprintable() else " " for character in cell)
