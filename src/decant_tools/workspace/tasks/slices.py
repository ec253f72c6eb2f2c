"""What of the root's ``uv.lock`` a project depends on: the packages that it reaches, and no others.

Reading a lock file takes longer than everything else, so what was read is kept by the file's blob id.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from decant_tools.workspace.model import Graph
from decant_tools.workspace.tasks.model import Task
from decant_tools.workspace.tasks.store import Store

if TYPE_CHECKING:
    from decant_tools.workspace.affected.locks import Lock, Node
    from decant_tools.workspace.tasks.definitions import Files

LOCK = "uv.lock"
_SCHEME = "1"


class Slices:
    """The packages that each project reaches, as digests.

    Args:
        tree: The files.
        graph: What depends on what.
        store: Keeps what was read.
    """

    def __init__(self, tree: Files, graph: Graph, store: Store) -> None:
        self._graph = graph
        self._members = self._read(tree, store)

    @property
    def is_read(self) -> bool:
        """Whether the lock file is known package by package; otherwise all of it counts for everyone."""
        return bool(self._members)

    def of(self, task: Task) -> str:
        """Return a digest of the packages that a task's project reaches.

        What is no member of the lock's workspace may use any of its packages.
        """
        if not self._members:
            return ""
        project = self._graph.projects.get(task.id.project)
        everything = self._members["*"]
        return self._members.get(project.path, everything) if project and not project.modules else everything

    def _read(self, tree: Files, store: Store) -> Mapping[str, str]:
        blob = tree.files.get(LOCK)
        if blob is None:
            return {}
        name = f"{LOCK} {_SCHEME} {blob}"
        kept = store.recall(name)
        if kept is not None:
            return kept
        found = _digests(tree.read_many([LOCK]).get(LOCK))
        store.note(name, found)
        return found


def _digests(content: bytes | None) -> dict[str, str]:
    """Return a digest for each member's folder and, as ``*``, one of everything; nothing for another kind of lock."""
    from decant_tools.workspace.affected.locks import LockError, read_lock

    try:
        lock = read_lock(LOCK, content)
    except LockError:
        return {}
    if not lock.members:
        return {}
    found = {folder: _digest(lock, _reached(lock, name)) for folder, name in lock.members.items() if folder}
    return {**found, "*": _digest(lock, set(lock.packages))}


def _reached(lock: Lock, member: str) -> set[str]:
    first: list[Node] = [(member, ""), *lock.tools.get(member, ())]
    seen, left = set(first), deque(first)
    while left:
        for other in lock.needs.get(left.popleft(), ()):
            if other not in seen:
                seen.add(other)
                left.append(other)
    return {name for name, _ in seen}


def _digest(lock: Lock, names: set[str]) -> str:
    text = json.dumps([[name, lock.packages.get(name)] for name in sorted(names)], default=repr)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
