"""The part of a compiled requirements file that some projects need, where the file says who asked for what."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from decant_tools.workspace.prune.members import requirement_name

_VIA = re.compile(r"#\s*via\b:?\s*(.*)")
_INPUT = re.compile(r"(?:-r|-c)\s+(?P<file>\S.*)|(?P<name>[^\s(]+)\s+\((?P<manifest>[^)]+)\)")


class _Entry(NamedTuple):
    name: str
    text: str
    via: tuple[str, ...]


def slice_requirements(text: str, is_input: Callable[[str], bool]) -> str | None:
    """Return the part of a requirements file that some inputs need; each entry keeps its bytes.

    Args:
        text: The whole file, as ``pip-compile`` or ``uv pip compile`` write it.
        is_input: Tells of a file that ``# via -r FILE`` or ``# via NAME (FILE)`` names whether it stays.

    Returns:
        The new text, or None when an entry does not say who asked for it: the file has to be kept whole then.
    """
    pieces = list(_pieces(text))
    entries = [piece for piece in pieces if isinstance(piece, _Entry)]
    if not entries or not all(entry.via for entry in entries):
        return None
    kept = {entry.name for entry in entries if any(_asks(via, is_input) for via in entry.via)}
    size = -1
    while size != len(kept):
        size = len(kept)
        kept |= {entry.name for entry in entries if any(_package(via) in kept for via in entry.via)}
    return "".join(
        piece if isinstance(piece, str) else piece.text
        for piece in pieces
        if isinstance(piece, str) or piece.name in kept
    )


def _asks(via: str, is_input: Callable[[str], bool]) -> bool:
    match = _INPUT.fullmatch(via)
    return match is not None and is_input((match["file"] or match["manifest"]).strip())


def _package(via: str) -> str:
    return "" if _INPUT.fullmatch(via) else requirement_name(via)


def _pieces(text: str) -> Iterator[str | _Entry]:
    """Yield entries with the indented lines that belong to each, and everything else as text."""
    entry: list[str] = []
    for line in text.splitlines(keepends=True):
        is_continued = bool(entry) and line[:1] in {" ", "\t"} and bool(line.strip())
        if entry and not is_continued:
            yield _entry(entry)
            entry = []
        if is_continued or (requirement_name(line) and line[:1] not in {" ", "\t"}):
            entry.append(line)
        else:
            yield line
    if entry:
        yield _entry(entry)


def _entry(lines: list[str]) -> _Entry:
    via: list[str] = []
    is_via = False
    for line in lines:
        stripped = line.strip()
        match = _VIA.search(stripped)
        if match:
            is_via = True
            stripped = match[1]
        elif is_via and stripped.startswith("#"):
            stripped = stripped.lstrip("# \t")
        else:
            continue
        via += [part.strip() for part in stripped.split(",") if part.strip()]
    return _Entry(requirement_name(lines[0]), "".join(lines), tuple(via))
