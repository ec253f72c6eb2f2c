"""What differs between a module's models and its database, in words.

Source: Alembic, ``alembic.autogenerate.compare_metadata``, for the forms of a difference.
"""

from __future__ import annotations

from typing import Any

_MISSING = "is missing in the database"
_TOO_MUCH = "is in the database, and not in the models"
_KINDS = {"fk": "foreign key", "table_comment": "comment of the table"}


def in_words(difference: Any) -> list[str]:
    """Return a sentence for each part of one of Alembic's differences."""
    if isinstance(difference, list):  # what changed of one column
        return [_changed(part) for part in difference]
    verb, _, kind = difference[0].partition("_")
    if verb not in {"add", "remove"}:
        return [str(difference)]
    return [f"the {_KINDS.get(kind, kind)} {_name(kind, difference[1:])} {_MISSING if verb == 'add' else _TOO_MUCH}"]


def _name(kind: str, about: tuple[Any, ...]) -> str:
    if kind == "column":
        _, table, column = about
        return f"{table}.{column.name}"
    found = about[0]
    if kind.startswith("table"):
        return str(found.name)
    columns = ", ".join(column.name for column in found.columns)
    return f"{found.name or ''} on {found.table.name} ({columns})".strip()


def _changed(part: tuple[Any, ...]) -> str:
    what, _, table, column, _, here, wanted = part
    name = f"{table}.{column}"
    if what == "modify_nullable":
        stands, wants = ("may be empty", "must not be empty") if here else ("must not be empty", "may be empty")
        return f"the column {name} {stands} in the database, and {wants} in the models"
    if what == "modify_type":
        return f"the column {name} is {here} in the database, and {wanted} in the models"
    return f"the {what.removeprefix('modify_')} of the column {name} is another one in the database than in the models"
