"""What the result of a task depends on, as one digest, and which part of it changed since the last time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

SCHEME = "1"
"""Part of every key. Raise it whenever a key or a kept result means something else than before."""

FILES, NEEDS, ENV = "files ", "needs ", "env "
"""How the names of parts begin: a group of files, a task that comes first, an environment variable."""

_TOLD_DIGITS = 4
"""Hex digits of a hashed variable that are written down: enough to see a change, too few to find a secret."""

_NAMED = 3


@dataclass(frozen=True)
class Group:
    """Files that count together.

    Attributes:
        name: What they are, for people: a folder, ``root``.
        files: Paths and their blob ids, sorted by path.
    """

    name: str
    files: tuple[tuple[str, str], ...]

    @property
    def text(self) -> bytes:
        return "".join(f"{blob} {path}\0" for path, blob in self.files).encode("utf-8", "surrogateescape")

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.text).hexdigest()


def read_group(text: bytes) -> dict[str, str]:
    """Return the files of a group's :attr:`Group.text`, with their blob ids."""
    rows = (row.partition(" ") for row in text.decode("utf-8", "surrogateescape").split("\0") if row)
    return {path: blob for blob, _, path in rows}


@dataclass(frozen=True, slots=True)
class Key:
    """What a result is found by.

    Attributes:
        digest: 64 hex digits.
        parts: What it was made of; environment variables as a hash of their value.
    """

    digest: str
    parts: Mapping[str, str]

    @property
    def told(self) -> dict[str, str]:
        """The parts as they may be written down: of a variable so little that nobody can guess it."""
        return {name: value[:_TOLD_DIGITS] if name.startswith(ENV) else value for name, value in self.parts.items()}


def make_key(parts: Iterable[tuple[str, str]]) -> Key:
    """Return the key of the parts, in whatever order they come.

    Args:
        parts: A name and a value each; names differ.
    """
    found = dict(sorted(parts))
    text = json.dumps([SCHEME, *found.items()], separators=(",", ":"))  # not ASCII: escaped, surrogates too
    return Key(hashlib.sha256(text.encode()).hexdigest(), found)


def env_parts(patterns: Iterable[str], environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the parts of the variables that match; one without a pattern that is not set counts as not set.

    Args:
        patterns: Names, or patterns such as ``*_DATABASE_URL``.
        environ: The variables.
    """
    from fnmatch import fnmatchcase

    wanted = list(patterns)
    names = {name for name in environ if any(fnmatchcase(name, pattern) for pattern in wanted)}
    names.update(pattern for pattern in wanted if not set("*?[").intersection(pattern))
    return [(ENV + name, _hashed(name, environ.get(name))) for name in sorted(names)]


def _hashed(name: str, value: str | None) -> str:
    if value is None:
        return ""
    return hashlib.sha256(f"{name}\0{value}".encode("utf-8", "surrogateescape")).hexdigest()


def explain(now: Key, before: Mapping[str, str] | None, files_of: Callable[[str], Mapping[str, str] | None],
            groups: Mapping[str, Group]) -> list[str]:  # fmt: skip
    """Return why a result of before does not count, a sentence each.

    Args:
        now: The key.
        before: What the key of the last kept result was made of; None when there is none.
        files_of: Knows the files of a group of then by its digest.
        groups: The groups of now, by the name of their part.
    """
    if before is None:
        return ["no result of it is kept"]
    told = now.told
    reasons: list[str] = []
    for name in sorted(told.keys() | before.keys()):
        if told.get(name) == before.get(name):
            continue
        if name.startswith(FILES):
            old = files_of(before[name]) if name in before else {}
            reasons.append(_changed_files(name.removeprefix(FILES), old, groups.get(name)))
        elif name.startswith(NEEDS):
            reasons.append(f"{name.removeprefix(NEEDS)}, which it needs, has other inputs")
        elif name.startswith(ENV):
            reasons.append(f"the variable {name.removeprefix(ENV)} changed")
        else:
            reasons.append(f"{name}: {before.get(name, 'nothing')} → {told.get(name, 'nothing')}")
    return reasons or ["its result is no longer kept"]


def _changed_files(name: str, before: Mapping[str, str] | None, group: Group | None) -> str:
    if before is None:
        return f"files of {name} changed"
    now = dict(group.files) if group else {}
    found = [
        f"{path} {'changed' if path in now and path in before else 'is new' if path in now else 'is gone'}"
        for path in sorted(now.keys() | before.keys())
        if now.get(path) != before.get(path)
    ]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more
