"""Whose mistake an unexpected exception is: ours, or one in the code of the workspace."""

from __future__ import annotations

import traceback
from pathlib import Path

_OURS = Path(__file__).parents[1]


def place_in(root: Path, error: BaseException) -> str | None:
    """Return ``file:line`` of the user's own code that an error came from, or None when it came from elsewhere.

    Libraries are passed over: who called them wrongly is the one to tell. Code of this toolkit is not: an error
    in it is a bug of ours.

    Args:
        root: The workspace's folder.
        error: What was raised.
    """
    if isinstance(error, SyntaxError) and error.filename and _is_below(Path(error.filename), root):
        return f"{_short(Path(error.filename), root)}:{error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if _is_below(path, root):
            return f"{_short(path, root)}:{frame.lineno}"
        if path.is_relative_to(_OURS) and not is_refusal(error):
            return None
    return None


def is_refusal(error: BaseException) -> bool:
    """Return whether an error is one of a route table, which derive from Exception alone."""
    return type(error).__module__ == "decant.modules.errors"


def _is_below(path: Path, root: Path) -> bool:
    inside = path.is_absolute() and path.is_relative_to(root) and not path.is_relative_to(_OURS)
    return inside and "site-packages" not in path.parts


def _short(path: Path, root: Path) -> str:
    return str(path.relative_to(root))
