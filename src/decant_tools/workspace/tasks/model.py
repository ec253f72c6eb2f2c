"""A task, and how it went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

TIMEOUT_S = 1800.0

Status = Literal[
    "passed",
    "cached",  # it passed before, with the same inputs
    "failed",
    "skipped",  # something it needs failed, or the run was ended
    "empty",  # there is nothing to do
]


class TaskId(NamedTuple):
    """One task of one project."""

    project: str
    name: str

    def __str__(self) -> str:
        return f"{self.project}#{self.name}"


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done for a project.

    Attributes:
        id: Whose, and which.
        label: How people call the project.
        folder: The project's folder, relative to the workspace; patterns are relative to it.
        command: The program and its arguments; empty when there is nothing to do, and ``note`` says why. Nothing in it
            is an absolute path: it is part of what a result is found by.
        cwd: Where it runs, relative to the workspace.
        inputs: Patterns of the project's own files that matter; all of them by default.
        outputs: Patterns of the files that it makes.
        env: Names or patterns of environment variables that matter.
        needs: What comes first.
        sources: Nodes of the graph whose closure is what the task depends on; the project by default.
        is_closed: Whether what the project depends on does not matter, only its own files do.
        files: Files beside the project's own that the task reads, relative to the workspace.
        notes: Exit codes that count as passed, and what they mean.
        is_cached: Whether its results are kept.
        timeout_s: Seconds that it may take.
        note: A sentence about it.
        tests: The files that its tests are in, for the built-in tests.
        host: The id of the project whose environment it runs in; "" for its own.
        is_here: Whether it runs in this very installation, as ``decant up`` runs modules.
        purpose: Which environment it runs in.
    """

    id: TaskId
    label: str
    folder: str
    command: tuple[str, ...]
    cwd: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    needs: tuple[TaskId, ...] = ()
    sources: tuple[str, ...] = ()
    is_closed: bool = False
    files: tuple[str, ...] = ()
    notes: Mapping[int, str] = field(default_factory=dict)
    is_cached: bool = True
    timeout_s: float = TIMEOUT_S
    note: str = ""
    tests: tuple[str, ...] = ()
    host: str = ""
    is_here: bool = False
    purpose: Literal["run", "test", "lint"] = "test"


@dataclass(frozen=True, slots=True)
class Result:
    """How a task went.

    Attributes:
        task: Which.
        status: The outcome.
        duration_s: Seconds that it took, this time or when its result was kept.
        note: A sentence about it, or "".
        exit_code: Of its process; None when none ran, negative for a signal.
        age_s: Seconds since a kept result was made.
        output: Where its output lies, or None.
        key: What its result is found by, or "".
    """

    task: Task
    status: Status
    duration_s: float = 0.0
    note: str = ""
    exit_code: int | None = None
    age_s: float = 0.0
    output: str | None = None
    key: str = ""

    @property
    def is_ok(self) -> bool:
        return self.status in {"passed", "cached", "empty"}
