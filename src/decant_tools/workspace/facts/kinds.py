"""Which files say something about the graph, by their names alone."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decant_tools.workspace.facts.model import FileKind

_BY_NAME: dict[str, FileKind] = {
    "setup.py": "setup",
    "pyproject.toml": "pyproject",
    "setup.cfg": "setup.cfg",
    "Pipfile": "pipfile",
    "uv.lock": "lock",
    "poetry.lock": "lock",
    "pdm.lock": "lock",
    "package.json": "node",
}
_PYTHON = (".py", ".pyi", ".pyw")
_LISTS = (".txt", ".in", ".pip", ".lock")
# These are compiled when they are met: that takes longer than all else in this module.
_LIST_NAME = r"(?i)require|constraint|dependenc|\breqs?\b|\bdeps\b"
_DOCKERFILE = r"(?i)(?:Dockerfile|Containerfile)(?:[.-].*)?|.*\.(?:Dockerfile|Containerfile)"
_FOREIGN = frozenset({"node_modules", "site-packages", "__pycache__", "venv", ".venv"})
"""Folders of other people's code."""

_PYLOCK = r"pylock(?:\.[^.]+)?\.toml"


def kind_of(path: str) -> FileKind | None:
    """Return how a file is read, or None where it says nothing about the graph.

    Args:
        path: Relative to the workspace.
    """
    may_be_foreign = "venv/" in path or "node_modules/" in path or "site-packages/" in path or "__pycache__/" in path
    if may_be_foreign and not _FOREIGN.isdisjoint(path.split("/")[:-1]):
        return None
    name = path[path.rfind("/") + 1 :]
    if known := _BY_NAME.get(name):
        return known
    if name.endswith(_PYTHON):
        return "python"
    if name.endswith(_LISTS):
        parent = path[: -len(name) - 1].rpartition("/")[2]
        return "requirements" if _is_list(name) or _is_list(parent) else None
    if "ockerfile" in name or "ontainerfile" in name or "OCKERFILE" in name:
        return "dockerfile" if re.fullmatch(_DOCKERFILE, name) else None
    return "lock" if name.startswith("pylock") and re.fullmatch(_PYLOCK, name) else None


@lru_cache(maxsize=4096)
def _is_list(name: str) -> bool:
    """Return whether a file or folder is called like what holds requirements; most names come many times."""
    return re.search(_LIST_NAME, name) is not None
