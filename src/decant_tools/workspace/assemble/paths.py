"""Which files and folders a glob names, found by walking down instead of trying every path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from decant_tools.workspace.assemble.files import Files

_SPECIAL = re.compile(r"[*?\[]")


def expand(files: Files, glob: str) -> Iterator[str]:
    """Yield the files and folders that a glob names, sorted; "" is the workspace itself.

    Args:
        files: The workspace.
        glob: Relative to it. ``*``, ``?`` and ``[...]`` stay within a name, ``**`` is any number of folders.
    """
    names = [name for name in glob.split("/") if name not in {"", "."}]
    yield from dict.fromkeys(_expand(files, "", names))


def is_glob(path: str) -> bool:
    """Return whether a path has characters that stand for others."""
    return bool(_SPECIAL.search(path))


def _expand(files: Files, folder: str, names: list[str]) -> Iterator[str]:
    if not names:
        yield folder
        return
    first, rest = names[0], names[1:]
    inside = files.folders.get(folder)
    if inside is None:
        return
    if first == "**":
        if not rest:
            yield folder
            return
        yield from _expand(files, folder, rest)
        for name in sorted(name for name, is_file in inside.items() if not is_file):
            yield from _expand(files, _join(folder, name), names)
        return
    if first in inside or not is_glob(first):
        found = [first] if first in inside else []
    else:
        matches = _pattern(first)
        found = sorted(name for name in inside if matches.fullmatch(name))
    for name in found:
        path = _join(folder, name)
        if not rest or not inside[name]:
            yield from _expand(files, path, rest)
        elif path in files.links:
            yield path  # whatever lies behind it


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


@lru_cache(maxsize=1024)
def _pattern(name: str) -> re.Pattern[str]:
    found: list[str] = []
    at = 0
    while at < len(name):
        character, at = name[at], at + 1
        end = name.find("]", at + 1) if character == "[" else -1
        if end != -1:
            inside = name[at:end].replace("\\", r"\\").replace("[", r"\[")
            found.append(f"[^{inside[1:]}]" if inside[0] in "!^" else f"[{inside}]")
            at = end + 1
        else:
            found.append({"*": ".*", "?": "."}.get(character) or re.escape(character))
    try:
        return re.compile("".join(found), re.DOTALL)
    except re.error:  # such as a range that runs backwards
        return re.compile(re.escape(name))
