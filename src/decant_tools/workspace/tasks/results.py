"""Kept results as a run uses them: found here or elsewhere, put back, kept, told why one does not count."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Protocol

from decant_tools.workspace.tasks.archive import Unfit, find_outputs, holds, pack, unpack
from decant_tools.workspace.tasks.entry import Damaged, Entry, Header
from decant_tools.workspace.tasks.keys import Key
from decant_tools.workspace.tasks.model import Task
from decant_tools.workspace.tasks.patterns import compile_patterns
from decant_tools.workspace.tasks.store import Store

_HERE = b"\x00workspace\x00"
"""Stands for the workspace's path in a kept output, so that another checkout does not show this one's."""


class Remote(Protocol):
    """Results that others kept."""

    def fetch(self, key: str) -> Entry | None:
        """Return a result, which then lies in the local store as well; None when there is none or it cannot be told."""

    def refuse(self, key: str, reason: str) -> None:
        """Hear that a result that was fetched cannot be used."""

    def offer(self, entry: Entry) -> None:
        """Keep a result for others; nobody waits for it."""


class Results:
    """Kept results of a workspace.

    Args:
        root: The workspace.
        store: Those on this machine.
        remote: Those of others, or None.
        is_read: Whether kept results are used.
        is_written: Whether new ones are kept.
    """

    def __init__(
        self, root: Path, store: Store, remote: Remote | None = None, *, is_read: bool = True, is_written: bool = True
    ) -> None:
        self.store = store
        self._root = root.resolve()
        self._remote = remote
        self._is_read = is_read
        self.is_written = is_written

    @property
    def has_remote(self) -> bool:
        return self._remote is not None and self._is_read

    def find(self, task: Task, key: Key, *, everywhere: bool = False) -> Header | None:
        """Return a kept result after its files were put back, or None.

        Args:
            task: Whose.
            key: What it is found by.
            everywhere: Ask others too, which takes time.
        """
        entry = self._entry(task, key, everywhere=everywhere)
        if entry is None:
            return None
        if entry.header.files:
            try:
                with entry.archive() as file:
                    unpack(file, self._root, compile_patterns(task.outputs, task.folder))
            except Damaged as error:
                self.store.drop(key.digest)
                if self._remote is not None:
                    self._remote.refuse(key.digest, str(error))
                return None
        return entry.header

    def peek(self, task: Task, key: Key) -> Header | None:
        """Return a result that is kept on this machine and touch nothing."""
        entry = self._entry(task, key, everywhere=False)
        return entry.header if entry else None

    def output(self, key: str) -> bytes:
        """Return what the task of a kept result wrote, as if it had run here."""
        entry = self.store.get(key)
        return entry.output().replace(_HERE, os.fsencode(self._root)) if entry else b""

    def _entry(self, task: Task, key: Key, *, everywhere: bool) -> Entry | None:
        if not (self._is_read and task.is_cached):
            return None
        entry = self.store.get(key.digest)
        if entry is None and everywhere and self._remote is not None:
            entry = self._remote.fetch(key.digest)
        if entry is None or entry.header.root not in {"", self._root_hash}:
            return None
        return entry

    def keep(self, task: Task, key: Key, output: bytes, duration_s: float, note: str) -> str:
        """Keep the result of a task that passed.

        Args:
            task: Which.
            key: What it is found by.
            output: What it wrote.
            duration_s: Seconds that it took.
            note: A sentence about it.

        Returns:
            Why it cannot be kept, or "".
        """
        if not (self.is_written and task.is_cached):
            return ""
        here = os.fsencode(self._root)
        try:
            paths = find_outputs(self._root, task.folder, task.outputs)
            bound = self._root_hash if holds(self._root, paths, here) else ""
            header = Header(
                key.digest, str(task.id), time.time(), round(duration_s, 3), note=note, files=len(paths), root=bound
            )
            add_files = pack(self._root, paths) if paths else None
            entry = self.store.put(header, output.replace(here, _HERE), add_files)
        except (OSError, Unfit, Damaged) as error:
            return f"not kept: {error}"
        if self._remote is not None and not bound:
            self._remote.offer(entry)
        return ""

    @property
    def _root_hash(self) -> str:
        return hashlib.sha256(os.fsencode(self._root)).hexdigest()
