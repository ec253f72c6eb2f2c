"""What of a project's folder is no part of it when it runs: tests, and what tools leave behind."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatch

MADE = frozenset({
    "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".decant", ".venv", "venv", ".tox",
    ".nox", ".git", ".idea", ".vscode", "node_modules", ".coverage", "htmlcov", ".DS_Store",
})  # fmt: skip
MADE_NAMES = ("*.pyc", "*.pyo", "*.egg-info", ".coverage.*")
TEST_FOLDERS = frozenset({"tests", "test"})
TEST_FILES = ("conftest.py", "test_*.py", "tests.py", "*_test.py")
SECRET_FILES = (".env", ".env.*", ".envrc", ".netrc", ".pypirc", ".git-credentials")
KEY_FILES = ("*.pem", "*.key", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519")
_PRIVATE = b"PRIVATE KEY-----"
HARMLESS = (".env.example", ".env.sample", ".env.template", ".env.dist")


def is_made(path: str) -> bool:
    """Return whether tools left a file behind, which git may not have been told to ignore."""
    parts = path.split("/")
    return not MADE.isdisjoint(parts) or any(fnmatch(part, glob) for part in parts for glob in MADE_NAMES)


def is_secret(path: str, read: Callable[[str], bytes]) -> bool:
    """Return whether a file is where people keep the secrets of their own machine, or a private key.

    Args:
        path: The file.
        read: Returns a file's content.
    """
    name = path.rpartition("/")[2]
    if any(fnmatch(name, glob) for glob in SECRET_FILES):
        return name not in HARMLESS
    return any(fnmatch(name, glob) for glob in KEY_FILES) and _PRIVATE in read(path)


def tests_among(paths: Mapping[str, str]) -> set[str]:
    """Return the files that belong to tests: by their names, and what lies in a folder of tests.

    A folder called ``tests`` is one when it lies in a project's own folder, or holds a file of tests;
    ``templates/test`` is none.

    Args:
        paths: Files, and the path of each relative to its project's folder.
    """
    named = {path for path in paths if _is_test_file(path)}
    folders = {folder for path in named for folder in _test_folders(path)}
    folders |= {_without(path, inside) for path, inside in paths.items() if inside.partition("/")[0] in TEST_FOLDERS}
    return named | {path for path in paths if not folders.isdisjoint(_test_folders(path))}


def _is_test_file(path: str) -> bool:
    return any(fnmatch(path.rpartition("/")[2], glob) for glob in TEST_FILES)


def _test_folders(path: str) -> Iterator[str]:
    """Yield the folders around a file that are called so."""
    parts = path.split("/")
    for number, part in enumerate(parts[:-1], start=1):
        if part in TEST_FOLDERS:
            yield "/".join(parts[:number])


def _without(path: str, inside: str) -> str:
    """Return the outermost folder of the project's that a file lies in."""
    return path[: len(path) - len(inside)] + inside.partition("/")[0]


def needed_after_all(tests: Iterable[str], kept: Collection[str], read: Callable[[str], bytes]) -> list[str]:
    """Return the files that look like tests and are imported by what is kept: ``load_test.py`` may be a module.

    Args:
        tests: Paths of files that look like tests.
        kept: Paths of files that stay.
        read: Returns a file's content.
    """
    stems = {path.rpartition("/")[2][:-3]: path for path in tests if TEST_FOLDERS.isdisjoint(path.split("/"))}
    if not stems:
        return []
    imports = re.compile(rf"^[ \t]*(?:from|import)\b.*\b({'|'.join(map(re.escape, stems))})\b".encode(), re.MULTILINE)
    found = {name for path in kept if path.endswith(".py") for name in imports.findall(read(path))}
    return sorted(stems[name.decode()] for name in found)
