"""The part of a ``uv.lock`` that some members of a uv workspace need, with its tables kept byte for byte."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

ROOT = "."
"""The path that uv gives the workspace's own package."""

_PACKAGE = re.compile(r"^\[\[package\]\]$", re.MULTILINE)
_LOCAL = ("editable", "virtual", "directory")


class Slice(NamedTuple):
    """A reduced lock file.

    Attributes:
        text: The file.
        kept: The names of the packages in it.
        dropped: The names of the members that are not in it.
    """

    text: str
    kept: frozenset[str]
    dropped: frozenset[str]


class LockError(ValueError):
    """The text is no lock file that this can reduce."""


def slice_lock(text: str, folders: Collection[str]) -> Slice:
    """Return the part of a lock file that some folders need.

    Args:
        text: The whole file.
        folders: The folders that stay, relative to the lock file's; the lock's own package is always kept.

    Raises:
        LockError: When the text is no lock file of uv, or names a package that it does not hold.
    """
    head, blocks, tables = _read(text)
    wanted = {*folders, ROOT}
    local = [_folder(table) for table in tables]
    dropped = {table["name"] for table, folder in zip(tables, local, strict=True) if folder and folder not in wanted}
    roots = [number for number, folder in enumerate(local) if folder in wanted]
    kept = _closure(tables, roots, _manifest_names(tomllib.loads(head)), dropped)
    dropped -= {tables[number]["name"] for number in kept}  # a folder beside, on which a member depends
    parts = [_without(head, dropped)]
    parts += [
        _without(block, dropped) if local[number] == ROOT else block
        for number, block in enumerate(blocks)
        if number in kept
    ]
    result = "".join(parts).rstrip("\n") + "\n"
    return Slice(result, frozenset(tables[number]["name"] for number in kept), frozenset(dropped))


def _read(text: str) -> tuple[str, list[str], list[dict[str, Any]]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LockError(f"it is not TOML: {error}") from error
    tables = data.get("package", [])
    starts = [match.start() for match in _PACKAGE.finditer(text)]
    if data.get("version") != 1 or not isinstance(tables, list) or len(starts) != len(tables):
        raise LockError("it has a form that is not known here")
    ends = [*starts[1:], len(text)]
    blocks = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    if not all(_is_block(block, table) for block, table in zip(blocks, tables, strict=True)):
        raise LockError("it has a form that is not known here")
    return text[: starts[0]] if starts else text, blocks, tables


def _is_block(block: str, table: dict[str, Any]) -> bool:
    return "name" in table and tomllib.loads(block).get("package") == [table]


def _folder(table: Mapping[str, Any]) -> str | None:
    source = table.get("source", {})
    return next((source[kind] for kind in _LOCAL if kind in source), None)


def _manifest_names(head: Mapping[str, Any]) -> set[str]:
    """Return what the workspace itself asks for where it is no package: its dependency groups."""
    manifest = head.get("manifest", {})
    groups = manifest.get("dependency-groups", {}).values()
    wanted = [*manifest.get("requirements", ()), *(entry for group in groups for entry in group)]
    return {entry["name"] for entry in wanted}


def _closure(tables: list[dict[str, Any]], roots: list[int], names: set[str], dropped: set[str]) -> set[int]:
    by_name: dict[str, list[int]] = defaultdict(list)
    for number, table in enumerate(tables):
        by_name[table["name"]].append(number)
    left = [*roots, *(number for name in names - dropped for number in by_name[name])]
    kept = set(left)
    while left:
        table = tables[left.pop()]
        for needed in _dependencies(table):
            found = [number for number in by_name[needed["name"]] if _is_meant(tables[number], needed)]
            if not found:
                raise LockError(f"it has no package {needed['name']}, which {table['name']} needs")
            if _folder(table) == ROOT and needed["name"] in dropped:
                continue
            left += [number for number in found if number not in kept]
            kept.update(found)
    return kept


def _dependencies(table: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from table.get("dependencies", ())
    for kind in ("optional-dependencies", "dev-dependencies"):
        for entries in table.get(kind, {}).values():
            yield from entries


def _is_meant(table: Mapping[str, Any], needed: Mapping[str, Any]) -> bool:
    return all(table.get(key) == needed[key] for key in ("version", "source") if key in needed)


_ITEM = r"""(?:"{name}"|\{{ name = "{name}"(?:[^{{}}"]|"[^"\n]*"|\{{[^{{}}\n]*\}})*\}})"""


def _without(text: str, names: Collection[str]) -> str:
    """Return a text of uv's own form without the array items that name some packages."""
    for name in names:
        item = _ITEM.format(name=re.escape(name))
        text = re.sub(rf"^[ \t]+{item},?\n", "", text, flags=re.MULTILINE)
        text = re.sub(rf"(?<=\[){item}(?:, )?|, {item}(?=[,\]])", "", text)
    return text
