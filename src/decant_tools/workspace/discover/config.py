"""What ``decant.toml`` says to the workspace tool, as values.

Tuples and not dataclasses: every call of ``decant affected`` imports this, and a tuple is made and stored faster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

EMPTY: Mapping[str, Any] = {}
"""Nothing declared; a mapping that is read only cannot be stored by the standard library."""


class Extras(NamedTuple):
    """What a project declares to depend on, because nobody can see it in its files.

    Attributes:
        files: Globs relative to the workspace.
        needs: The ids of projects.
        at: Where that is written: ``decant.toml:12``.
    """

    files: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    at: str = ""


class TaskTable(NamedTuple):
    """``[tasks.NAME]``, or the same for one project; None is a key that is not written.

    Attributes:
        command: What runs, in the project's folder.
        inputs: Globs relative to the project, or None for all of its files.
        outputs: Globs relative to the project.
        env: Names in the environment that the result depends on.
        needs: ``build`` is the project's own task, ``^build`` that task of each project that it depends on.
        cache: Whether a result may be used again.
        timeout_s: Seconds that it may run.
        at: Where the table is written.
    """

    command: str | None = None
    inputs: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    env: tuple[str, ...] | None = None
    needs: tuple[str, ...] | None = None
    cache: bool | None = None
    timeout_s: float | None = None
    at: str = ""


class AffectedTable(NamedTuple):
    """``[affected]``.

    Attributes:
        base: What changes are compared with, for instance ``origin/main``; "" where it is not written.
        all: Globs of files that select every project.
        nothing: Globs of files that select none.
        files: Globs, and the ids of the projects that each selects.
        at: Where the table is written, or "".
    """

    base: str = ""
    all: tuple[str, ...] = ()
    nothing: tuple[str, ...] = ()
    files: Mapping[str, tuple[str, ...]] = EMPTY
    at: str = ""


class CacheTable(NamedTuple):
    """``[cache]``: where results of tasks are kept beside the local folder, and how much of them there."""

    url: str = ""
    size_mb: int | None = None


class ServiceTable(NamedTuple):
    """``[services.NAME]``, as far as it says how a foreign service is started and reached; 0 is no port."""

    command: str | None = None
    port: int = 0
    url: str | None = None
    env: Mapping[str, str] = EMPTY
    path: str | None = None
    at: str = ""


class Config(NamedTuple):
    """The tables of ``decant.toml`` that concern the workspace tool; defaults where there is no such file.

    Attributes:
        name: The workspace's name, or "" where nothing says it.
        topology: The topology that was chosen, or "".
        extras: By project id: what it declares to depend on.
        tasks: By the task's name: what holds for all projects.
        project_tasks: By project id, then by the task's name: what holds for one.
        affected: ``[affected]``.
        cache: ``[cache]``.
        services: By name: every ``[services.NAME]``, those of topologies too.
    """

    name: str = ""
    topology: str = ""
    extras: Mapping[str, Extras] = EMPTY
    tasks: Mapping[str, TaskTable] = EMPTY
    project_tasks: Mapping[str, Mapping[str, TaskTable]] = EMPTY
    affected: AffectedTable = AffectedTable()
    cache: CacheTable = CacheTable()
    services: Mapping[str, ServiceTable] = EMPTY
