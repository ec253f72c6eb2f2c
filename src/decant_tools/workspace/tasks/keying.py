"""The keys of a plan's tasks, from the files, the commands and the machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from decant_tools.workspace.tasks.inputs import Inputs
from decant_tools.workspace.tasks.keys import FILES, NEEDS, Group, Key, env_parts, make_key
from decant_tools.workspace.tasks.model import Task, TaskId
from decant_tools.workspace.tasks.order import Plan
from decant_tools.workspace.tasks.patterns import compile_patterns

Slice = Callable[[Task], str]
"""Returns a digest of the locked packages that a task's project reaches, or "" where the whole files count."""

_LOCKED = "locked packages"
_Made = tuple[tuple[str, tuple[str, ...]], ...]
"""Patterns of files that tasks make, each with the folder that they are relative to."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a result depends on beside the workspace.

    Attributes:
        environ: The variables.
        python: The Python that environments are made of.
        platform: What programs are compiled for.
        versions: The version that each project is built as, by its id; for tasks of this tool itself.
        installed: A digest of what is installed beside this tool; for tasks that run there.
        is_relaxed: Whether environments may hold other versions than asked for.
    """

    environ: Mapping[str, str] = field(default_factory=dict)
    python: str = f"{sys.implementation.name} {'.'.join(map(str, sys.version_info[:3]))}"
    platform: str = f"{sys.platform} {os.uname().machine}"
    versions: Mapping[str, str] = field(default_factory=dict)
    installed: str = ""
    is_relaxed: bool = False


def installed_packages(folders: Iterable[str]) -> str:
    """Return a digest of the distributions in some folders and their versions.

    Args:
        folders: As in ``sys.path``.
    """
    found: list[str] = []
    for folder in folders:
        if folder.endswith(("site-packages", "dist-packages")):
            with contextlib.suppress(OSError):
                found += (name for name in os.listdir(folder) if name.endswith(".dist-info"))  # noqa: PTH208 - names alone
    return hashlib.sha256("\0".join(sorted(found)).encode("utf-8", "surrogateescape")).hexdigest()


class Keying:
    """Computes keys.

    Args:
        inputs: The files.
        machine: What else counts.
        locked: The locked packages of a task, where lock files are read package by package.
    """

    def __init__(self, inputs: Inputs, machine: Machine, locked: Slice | None = None) -> None:
        self._inputs = inputs
        self._machine = machine
        self._locked = locked
        self._made: dict[TaskId, _Made] = {}

    def keys(self, plan: Plan) -> dict[TaskId, Key]:
        """Return the key of every task of a plan that has something to do."""
        found: dict[TaskId, Key] = {}
        for task in plan.tasks.values():  # what a task needs has its key already
            needs = [need for need in task.needs if need in plan.tasks]
            own = ((task.folder, task.outputs),) if task.outputs else ()
            made = (*own, *(each for need in needs for each in self._made[need]))
            self._made[task.id] = tuple(dict.fromkeys(made))
            parts = [(f"{NEEDS}{need}", found[need].digest) for need in needs]
            found[task.id] = make_key([*parts, *self._parts(task, self.groups(task))])
        return found

    def groups(self, task: Task) -> dict[str, Group]:
        """Return the files that a task depends on; those that it or what it needs makes are none of them."""
        made = self._made.get(task.id, ())
        return self._inputs.groups(task, _is_made(made) if made else None)

    def at(self, inputs: Inputs, locked: Slice | None) -> Keying:
        """Return the same with the files of another moment, to ask it :meth:`is_same`."""
        other = Keying(inputs, self._machine, locked)
        other._made = self._made
        return other

    def is_same(self, task: Task, key: Key) -> bool:
        """Return whether the files of a task are those that its key was made of."""
        before = {name: value for name, value in key.parts.items() if name.startswith(FILES) or name == _LOCKED}
        now = {name: group.digest for name, group in self.groups(task).items()}
        if self._locked and (locked := self._locked(task)):
            now[_LOCKED] = locked
        return now == before

    def _parts(self, task: Task, groups: Mapping[str, Group]) -> list[tuple[str, str]]:
        machine = self._machine
        command = json.dumps([*task.command, "in", task.cwd, *task.inputs, "makes", *task.outputs])
        parts = [
            ("command", command),
            ("python", machine.python),
            ("platform", machine.platform),
            *((name, group.digest) for name, group in groups.items()),
            *env_parts(task.env, machine.environ),
        ]
        if task.id.project in machine.versions:
            parts.append(("version", machine.versions[task.id.project]))
        if task.is_here:
            parts.append(("installed packages", machine.installed))
        if machine.is_relaxed:
            parts.append(("environment", "relaxed"))
        if self._locked and (locked := self._locked(task)):
            parts.append((_LOCKED, locked))
        return parts


def _is_made(made: _Made) -> Callable[[str], bool]:
    rules = [compile_patterns(patterns, folder) for folder, patterns in made]
    return lambda path: any(is_output(path) for is_output in rules)
