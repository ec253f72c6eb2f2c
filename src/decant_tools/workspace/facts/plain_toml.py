"""TOML as nearly all manifests write it, read several times as fast as by :mod:`tomllib`; the rest is left to that.

What is read here is exactly what :mod:`tomllib` reads: whatever is not recognised in full is nobody's guess.
"""

from __future__ import annotations

import re
from typing import Any

_TEXT = r"""(?:"[^"\\\x00-\x08\x0a-\x1f\x7f]*"|'[^'\x00-\x08\x0a-\x1f\x7f]*')"""
_COMMENT = r"\#[^\x00-\x08\x0a-\x1f\x7f]*+"
_GAP = rf"(?:[ \t\n]++|{_COMMENT}(?=\n))*+"
_KEY = r"[A-Za-z0-9_-]++"
_VALUE = rf"(?:{_TEXT}|true|false)"
_PAIR = rf"{_KEY}[ \t]*+=[ \t]*+{_VALUE}[ \t]*+"

_STATEMENT = re.compile(
    rf"""
    {_GAP}
    (?:
        \[ (?P<table> {_KEY} (?:\.{_KEY})*+ ) \]
        | (?P<key> {_KEY} ) [ \t]*+ = [ \t]*+
        (?:
            (?P<text> {_TEXT} )
            | (?P<list> \[ {_GAP} (?: {_TEXT} {_GAP} (?: ,{_GAP}{_TEXT}{_GAP} )*+ (?: ,{_GAP} )? )? \] )
            | (?P<inline> \{{ [ \t]*+ (?: {_PAIR} (?: ,[ \t]*+{_PAIR} )*+ )? \}} )
            | (?P<flag> true|false )
            | (?P<number> 0 | [1-9][0-9]{{0,15}} )
        )
    )?
    [ \t]*+ (?: {_COMMENT} )? (?: \n | \Z )
    """,
    re.VERBOSE,
)
_ITEM = re.compile(rf"{_COMMENT}|({_TEXT})")
_ENTRY = re.compile(rf"({_KEY})[ \t]*=[ \t]*({_VALUE})")


def read_plain(text: str) -> dict[str, Any] | None:
    """Return the tables of a text; None where it is not as plain as that, or wrong.

    Args:
        text: TOML: tables, texts without escapes in one line, lists of those, inline tables of those, flags, numbers.
    """
    root: dict[str, Any] = {}
    table = root
    tables: dict[str, dict[str, Any]] = {}  # those that a header made: no others may be added to
    headers: set[str] = set()
    position, end = 0, len(text)
    while position < end:
        found = _STATEMENT.match(text, position)
        if found is None or found.end() == position:
            return None
        position = found.end()
        kind = found.lastgroup
        if kind == "table":
            header = found["table"]
            if header in headers:
                return None
            headers.add(header)
            opened = _opened(root, header, tables)
            if opened is None:
                return None
            table = opened
        elif kind is not None:
            key, written = found["key"], found[kind]
            if key in table:
                return None
            value = _value(kind, written)
            if value is None:
                return None
            table[key] = value
    return root


def _opened(root: dict[str, Any], header: str, tables: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Return the table of a header, made with all around it; None where something else is there."""
    known = tables.get(header)
    if known is None:
        parent, _, key = header.rpartition(".")
        around = _opened(root, parent, tables) if parent else root
        if around is None or key in around:
            return None
        known = tables[header] = around[key] = {}
    return known


def _value(kind: str, written: str) -> object:
    """Return what was written; None for a table that names a key twice."""
    if kind == "text":
        return written[1:-1]
    if kind == "list":
        return [item[1:-1] for item in _ITEM.findall(written) if item]
    if kind == "inline":
        pairs = _ENTRY.findall(written)
        made = {key: value == "true" if value in {"true", "false"} else value[1:-1] for key, value in pairs}
        return made if len(made) == len(pairs) else None
    return int(written) if kind == "number" else written == "true"
