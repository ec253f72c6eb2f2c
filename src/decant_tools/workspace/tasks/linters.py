"""The commands of linters and formatters that a workspace has set up, each with the settings of its root."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

Read = Callable[[str], "bytes | None"]


class Linter(NamedTuple):
    """A program that checks files.

    Attributes:
        words: How it is called to check and change nothing.
        config: The option that takes a file with its settings, or "" when it only finds them by itself.
        files: Files that set it up, besides ``pyproject.toml``, ``setup.cfg`` and ``tox.ini``.
        is_in_ini: Whether it reads ``setup.cfg`` and ``tox.ini``.
        is_in_toml: Whether it reads ``pyproject.toml``.
    """

    words: tuple[str, ...]
    config: str
    files: tuple[str, ...] = ()
    is_in_ini: bool = False
    is_in_toml: bool = True


LINTERS: Mapping[str, Linter] = {
    "black": Linter(("black", "--check", "--quiet", "--diff"), "--config"),
    "isort": Linter(("isort", "--check-only", "--diff"), "--settings-file", (".isort.cfg",), is_in_ini=True),
    "ruff": Linter(("ruff", "check"), "--config", ("ruff.toml", ".ruff.toml")),
    "flake8": Linter(("flake8",), "--config", (".flake8",), is_in_ini=True, is_in_toml=False),
    "mypy": Linter(("mypy",), "--config-file", ("mypy.ini", ".mypy.ini"), is_in_ini=True),
    "pylint": Linter(("pylint", "--recursive=y"), "--rcfile", (".pylintrc", "pylintrc"), is_in_ini=True),
    "bandit": Linter(("bandit", "-q", "-r"), "-c", (".bandit",)),
    "pyright": Linter(("pyright",), "--project", ("pyrightconfig.json",)),
}


def configured(read: Read, folder: str = "") -> dict[str, str]:
    """Return the linters that a folder sets up, each with the file that does.

    Args:
        read: Returns the content of a file of the workspace, or None.
        folder: Relative to the workspace.
    """
    found: dict[str, str] = {}
    for name, linter in LINTERS.items():
        for file in (*linter.files, "pyproject.toml", "setup.cfg", "tox.ini"):
            path = f"{folder}/{file}" if folder else file
            if (content := read(path)) is not None and _sets_up(name, linter, file, content):
                found[name] = path
                break
    return found


def _sets_up(name: str, linter: Linter, file: str, content: bytes) -> bool:
    if file in linter.files:
        return True
    if file == "pyproject.toml":
        return linter.is_in_toml and re.search(rf"^\[+tool\.{name}\b".encode(), content, re.MULTILINE) is not None
    return linter.is_in_ini and re.search(rf"^\[(?:tool:)?{name}[\]:]".encode(), content, re.MULTILINE) is not None


def lint_command(settings: Mapping[str, str], targets: Sequence[str]) -> tuple[str, ...]:
    """Return a command that runs all linters from the workspace's root, and fails when one of them does.

    Args:
        settings: Linters and the files that set them up.
        targets: Files and folders, relative to the workspace.
    """
    lines = [_words(name, file, targets) for name, file in settings.items()]
    if len(lines) == 1:
        return tuple(lines[0])
    steps = (f"echo {shlex.quote('$ ' + shlex.join(words))}; {shlex.join(words)} || code=1" for words in lines)
    return ("/bin/sh", "-c", "; ".join(["code=0", *steps, "exit $code"]))


def _words(name: str, file: str, targets: Iterable[str]) -> list[str]:
    linter = LINTERS[name]
    return [*linter.words, linter.config, file, *(target or "." for target in targets)]
