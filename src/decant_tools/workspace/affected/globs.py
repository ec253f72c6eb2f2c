"""Globs over paths of the workspace."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

_SPECIAL = re.compile(r"(\*\*/|\*\*|\*|\?|\[[^\]/]+\])")
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matches(path: str, globs: Iterable[str]) -> str | None:
    """Return the first glob that a path matches, or None.

    ``*`` and ``?`` stay within one folder, ``**`` goes through any number of them, and a glob that names a folder
    means everything in it.

    Args:
        path: Relative to the workspace, with ``/``.
        globs: Relative to the workspace, too.
    """
    return next((glob for glob in globs if _is_match(path, glob)), None)


def _is_match(path: str, glob: str) -> bool:
    if not _SPECIAL.search(glob):  # a regular expression costs more to compile than most lists of globs cost to ask
        folder = glob.removeprefix("./").rstrip("/")
        return path == folder or path.startswith(f"{folder}/")
    return _pattern(glob).fullmatch(path) is not None


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    pieces = _SPECIAL.split(glob.removeprefix("./").rstrip("/"))
    return re.compile("".join(map(_translate, pieces)) + "(?:/.*)?", re.DOTALL)


def _translate(piece: str) -> str:
    if piece in _MEANING:
        return _MEANING[piece]
    if not _SPECIAL.fullmatch(piece):
        return re.escape(piece)
    inner = piece[1:-1].replace("\\", r"\\")
    return f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
