"""Patterns of files of a task, relative to its project; those that begin with ``!`` take away again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from decant_tools.workspace.affected.globs import matches

_SPECIAL = re.compile(r"[*?\[]")


def compile_patterns(patterns: Sequence[str], folder: str = "") -> Callable[[str], bool]:
    """Return what says whether a path matches; the last pattern that matches it decides.

    Args:
        patterns: Relative to the folder: ``..`` leads out of it, a leading ``/`` is the workspace; those that begin
            with ``!`` exclude.
        folder: Relative to the workspace.

    Example:
        >>> is_input = compile_patterns(["**/*.py", "!docs"], "libs/common")
        >>> is_input("libs/common/a/b.py"), is_input("libs/common/docs/conf.py"), is_input("b.py")
        (True, False, False)
    """
    rules = [(not pattern.startswith("!"), in_workspace(pattern.removeprefix("!"), folder)) for pattern in patterns]
    if rules and not rules[0][0]:  # only exclusions: they take from everything
        rules.insert(0, (True, in_workspace("**", folder)))
    rules.reverse()

    def is_match(path: str) -> bool:
        return next((wanted for wanted, glob in rules if matches(path, (glob,))), False)

    return is_match


def select(paths: Iterable[str], patterns: Sequence[str], folder: str = "") -> list[str]:
    """Return the paths that match, in their order."""
    is_match = compile_patterns(patterns, folder)
    return [path for path in paths if is_match(path)]


def in_workspace(pattern: str, folder: str) -> str:
    """Return a pattern of a project as one of the workspace."""
    names = folder.split("/") if folder and not pattern.startswith("/") else []
    for name in pattern.split("/"):
        if name == "..":
            names = names[:-1]
        elif name not in {"", "."}:
            names.append(name)
    return "/".join(names) or "**"


def fixed_folder(glob: str) -> str:
    """Return the folder that holds whatever a pattern of the workspace matches."""
    names = glob.split("/")
    fixed = next((index for index, name in enumerate(names) if _SPECIAL.search(name)), len(names))
    return "/".join(names[:fixed])
