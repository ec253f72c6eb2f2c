"""Which files say something about the graph, by their names alone."""

from __future__ import annotations

import re

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
_LIST_NAME = re.compile(r"require|constraint|dependenc|\breqs?\b|\bdeps\b", re.IGNORECASE)
_DOCKERFILE = re.compile(r"(?:Dockerfile|Containerfile)(?:[.-].*)?|.*\.(?:Dockerfile|Containerfile)", re.IGNORECASE)
_FOREIGN = frozenset({"node_modules", "site-packages", "__pycache__", "venv", ".venv"})
"""Folders of other people's code."""

_PYLOCK = re.compile(r"pylock(?:\.[^.]+)?\.toml")


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
        return "requirements" if _LIST_NAME.search(name) or _LIST_NAME.search(parent) else None
    if "ockerfile" in name or "ontainerfile" in name or "OCKERFILE" in name:
        return "dockerfile" if _DOCKERFILE.fullmatch(name) else None
    return "lock" if name.startswith("pylock") and _PYLOCK.fullmatch(name) else None
