"""Which tasks a project has: those of ``decant.toml``, targets of its Makefile, and what stands to reason."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, Protocol

from decant.errors import CommandError
from decant_tools.workspace.model import Graph, Project
from decant_tools.workspace.tasks import linters, makefiles
from decant_tools.workspace.tasks.inputs import Inputs, is_test_file
from decant_tools.workspace.tasks.model import TIMEOUT_S, Task, TaskId
from decant_tools.workspace.tasks.order import groups_of

if TYPE_CHECKING:
    from decant_tools.workspace.discover import Config, TaskTable

OWN_PYTHON = "{decant}"
"""Stands for the Python that runs this tool: its path differs from machine to machine, and a key must not."""

BUILD = "decant_tools.workspace.tasks.building"
WORKSPACE = "workspace"
"""Stands in for a project that the workspace's own ``tests`` belong to."""

OF_WORKSPACE = Project("service", WORKSPACE, "")
"""That project, where no service with modules is there for it: its environment holds every lib."""

BUILT_IN = ("test", "lint", "build")
_KEPT = frozenset({"test", "lint"})
_NEEDS: Mapping[str, tuple[str, ...]] = {"build": ("^build",)}
_SHELL = frozenset("|&;<>()`\n*?~$")
_PYTEST_FILES = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
_PYTEST = re.compile(rb"^\[(?:tool\.pytest|tool:pytest|pytest)\b", re.MULTILINE)
NO_TESTS = 5
"""What pytest ends with when it found no test."""

PYTEST_ENV = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
COMMON_ENV = (
    "PYTHONPATH", "PYTHONWARNINGS", "PYTHONOPTIMIZE", "DATABASE_URL", "*_DATABASE_URL", "REDIS_URL", "EVENTS_URL",
    "*_SERVICE_URL",
)  # fmt: skip
"""Variables on which the result of a test is known to depend where they are set."""


class Files(Protocol):
    """What is read of a workspace."""

    @property
    def files(self) -> Mapping[str, str]: ...
    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]: ...


class Definitions:
    """The tasks of a workspace's projects.

    Args:
        tree: The files.
        graph: What depends on what.
        config: The tables of ``decant.toml``.
        inputs: The files by project.
    """

    def __init__(self, tree: Files, graph: Graph, config: Config, inputs: Inputs) -> None:
        self._tree = tree
        self._graph = graph
        self._config = config
        self._inputs = inputs
        self._contents: dict[str, bytes | None] = {}
        self.notes: list[str] = []
        """What a person should know of the tasks that were asked for."""

    def define(self, wanted: TaskId) -> Task | None:
        """Return a task of a project, or None when the project has none of that name.

        Raises:
            CommandError: When its command cannot be read.
        """
        if wanted.project == WORKSPACE:
            return self._of_workspace(wanted)
        project = self._graph.projects[wanted.project]
        table = self._table(wanted)
        task = self._declared(project, wanted, table) or self._make(project, wanted) or self._built_in(project, wanted)
        return _with_table(task, table, self._needs(project, wanted, task, table)) if task else None

    def names(self) -> list[str]:
        """Return the names of all tasks that some project has, sorted."""
        found = {
            *BUILT_IN,
            *self._config.tasks,
            *(name for each in self._config.project_tasks.values() for name in each),
        }
        for project in self._graph.projects.values():
            found |= self._targets(project)
        return sorted(found)

    # --- decant.toml ---

    def _table(self, wanted: TaskId) -> TaskTable | None:
        tables = (
            self._config.tasks.get(wanted.name),
            self._config.project_tasks.get(wanted.project, {}).get(wanted.name),
        )
        common, own = tables
        if common is None or own is None:
            return own or common
        return common._replace(**{name: value for name, value in own._asdict().items() if value is not None})

    def _declared(self, project: Project, wanted: TaskId, table: TaskTable | None) -> Task | None:
        if table is None or table.command is None:
            return None
        folder = "" if project.modules else project.path
        try:
            command = split_command(table.command)
        except ValueError as error:
            raise CommandError(f"{table.at}: the command cannot be read: {error}.", exit_code=3) from error
        return self._task(project, wanted, command, cwd=folder)

    def _needs(self, project: Project, wanted: TaskId, task: Task, table: TaskTable | None) -> tuple[TaskId, ...]:
        written = table.needs if table and table.needs is not None else _NEEDS.get(wanted.name, ())
        needs = list(task.needs)
        for need in written:
            if need.startswith("^"):
                needs += [TaskId(other, need[1:]) for other in self._dependencies(project.id)]
            else:
                needs.append(TaskId(project.id, need))
        return tuple(dict.fromkeys(need for need in needs if need != wanted))

    def _dependencies(self, project_id: str) -> list[str]:
        """Return the projects that one depends on directly; of those that depend on each other, none waits."""
        own = self._circles[project_id]
        return [each for each in self._direct[project_id] if self._circles[each] != own]

    @cached_property
    def _circles(self) -> Mapping[str, int]:
        return groups_of(self._graph.projects, lambda project: self._direct[project])

    @cached_property
    def _direct(self) -> Mapping[str, list[str]]:
        return {project: self._find_direct(project) for project in self._graph.projects}

    def _find_direct(self, project_id: str) -> list[str]:
        """Return the projects that one reaches by way of files alone."""
        found: set[str] = set()
        seen = {project_id}
        left = [project_id]
        while left:
            for edge in self._graph.out_of.get(left.pop(), ()):
                if edge.target in seen:
                    continue
                seen.add(edge.target)
                owner = edge.target if edge.target in self._graph.projects else self._owner(edge.target)
                if owner is None or owner == project_id:
                    left.append(edge.target)
                else:
                    found.add(owner)
        return sorted(found)

    def _owner(self, node: str) -> str | None:
        """Return the module that a file belongs to, or None."""
        folder = node.removeprefix("file:")
        while folder:
            folder = folder.rpartition("/")[0]
            if folder in self._modules:
                return self._modules[folder]
        return None

    @cached_property
    def _modules(self) -> Mapping[str, str]:
        return {each.path: each.id for each in self._graph.projects.values() if each.kind == "module"}

    # --- Makefiles ---

    def _make(self, project: Project, wanted: TaskId) -> Task | None:
        if project.modules:
            return None
        path, targets = self._makefile(project)
        if targets.get(wanted.name):
            note = f"{path}: the target {wanted.name} is left alone, for it calls decant itself."
            self.notes += [] if note in self.notes else [note]
        if targets.get(wanted.name, True):
            return None
        command = ("make", "--no-print-directory", "-C", project.path or ".", wanted.name)
        return self._task(project, wanted, command)

    def _targets(self, project: Project) -> set[str]:
        """Return the targets of a project that are tasks."""
        found = {} if project.modules else self._makefile(project)[1]
        return {name for name, is_ours in found.items() if not is_ours}

    def _makefile(self, project: Project) -> tuple[str, Mapping[str, bool]]:
        """Return the path of a project's Makefile and its targets, with whether each calls this tool."""
        for name in makefiles.NAMES:
            path = _join(project.path, name)
            content = self.read(path)
            if content is not None:
                return path, makefiles.targets(content.decode("utf-8", "replace"))
        return "", {}

    # --- what stands to reason ---

    def _built_in(self, project: Project, wanted: TaskId) -> Task | None:
        if wanted.name == "test":
            return self._hosted_tests(project, wanted) if project.modules else self._tests(project, wanted)
        if wanted.name == "lint":
            return self._lint(project, wanted)
        if wanted.name == "build" and project.kind == "module":
            return self._task(project, wanted, (), note="built with its service")
        if wanted.name == "build":
            topology = (self._config.topology,) if project.modules else ()
            command = (OWN_PYTHON, "-m", BUILD, project.id, built_at(project), *topology)
            built = replace(self._task(project, wanted, command), outputs=("/" + built_at(project) + "/**",))
            # an image lies in the engine, which has a cache of its own, and not among the files that are brought back
            return replace(built, is_cached=not self._has_image(project))
        return None

    def _has_image(self, project: Project) -> bool:
        """Return whether an image is built of a project on this machine."""
        from decant_tools.workspace.prune.images import dockerfile_of

        return project.kind == "service" and bool(dockerfile_of(project, self._tree.files)) and self._has_engine

    @cached_property
    def _has_engine(self) -> bool:
        from decant_tools.workspace.release.docker import find_engine

        return not find_engine().why

    def _tests(self, project: Project, wanted: TaskId) -> Task:
        tests = self.tests_of(project)
        if not tests:
            return self._task(project, wanted, (), note="no tests")
        cwd = "" if project.kind == "module" else project.path
        return replace(self._pytest(project, wanted, cwd, _targets_of(tests, project.path)), tests=tuple(tests))

    def tests_of(self, project: Project) -> list[str]:
        """Return the files of a project that pytest finds tests in."""
        return [path for path in self._inputs.below(project.path) if is_test_file(path)]

    def _hosted_tests(self, project: Project, wanted: TaskId) -> Task:
        """Return what tests a service with modules: the tests of its modules, and those of the workspace."""
        modules = (TaskId(f"module:{name}", wanted.name) for name in project.modules)
        known = [task for task in modules if task.project in self._graph.projects]
        known += [TaskId(WORKSPACE, wanted.name)] if self._workspace_tests else []
        return replace(self._task(project, wanted, (), note="tested by what it needs"), needs=tuple(known))

    def _of_workspace(self, wanted: TaskId) -> Task | None:
        """Return the tests that are nobody's own: they see the application from outside, whichever service answers.

        Of plain services and libs they may reach any, by imports, by files and by starting them.
        """
        if wanted.name != "test" or not self._workspace_tests:
            return None
        hosting = tuple(each.id for each in self._graph.projects.values() if each.modules)
        host = min(hosting, default="")
        task = self._pytest(self._graph.projects[host] if host else OF_WORKSPACE, wanted, "", ["tests"])
        sources = hosting or tuple(self._graph.projects)
        task = replace(task, label=WORKSPACE, sources=sources, host=host, files=tuple(self._inputs.below("tests")))
        table = self._config.tasks.get(wanted.name)  # its command and patterns are for the folders of projects
        return _with_table(task, table._replace(inputs=None, outputs=None) if table else None, ())

    @cached_property
    def _workspace_tests(self) -> list[str]:
        """The test files in ``tests`` at the root that belong to no project."""
        plain = [each.path for each in self._graph.projects.values() if not each.modules]
        if "" in plain or not self._graph.projects:
            return []
        owned = tuple(f"{path}/" for path in plain)
        return [path for path in self._inputs.below("tests") if is_test_file(path) and not path.startswith(owned)]

    def _pytest(self, project: Project, wanted: TaskId, cwd: str, targets: list[str]) -> Task:
        command = ["python", "-m", "pytest"]
        own = next((path for path in _PYTEST_FILES if self._has_pytest(_join(project.path, path))), None)
        shared = next((path for path in _PYTEST_FILES if self._has_pytest(path)), None)
        if cwd and own is None:
            up = "/".join(".." for _ in cwd.split("/"))
            command += ["--rootdir", up]
            command += ["-c", f"{up}/{shared}"] if shared else []
        task = self._task(project, wanted, (*command, *_from(cwd, targets)), cwd=cwd)
        return replace(task, notes={NO_TESTS: "no tests"}, env=PYTEST_ENV)

    def _has_pytest(self, path: str) -> bool:
        content = self.read(path)
        if content is None:
            return False
        return path.endswith("pytest.ini") or _PYTEST.search(content) is not None

    def _lint(self, project: Project, wanted: TaskId) -> Task:
        targets = self._shipped(project) if project.modules else [project.path]
        paths = targets if project.modules else self._inputs.below(project.path)
        if not any(path.endswith((".py", ".pyi")) for path in paths):
            return self._task(project, wanted, (), note="no Python files")
        own = {} if project.modules or not project.path else linters.configured(self.read, project.path)
        settings = {**linters.configured(self.read), **own}
        if not settings:
            return self._task(project, wanted, (), note="no linter is set up")
        files = tuple(targets) if project.modules else ()
        task = replace(self._task(project, wanted, linters.lint_command(settings, targets)), files=files)
        # what a type checker says depends on what is imported; what others say does not
        return task if settings.keys() & {"mypy", "pyright", "pylint"} else replace(task, is_closed=True)

    def _shipped(self, project: Project) -> list[str]:
        """Return the Python files of a service that belong to no module and no lib."""
        closure = self._graph.closure({project.id})
        files = (
            node.removeprefix("file:") for node in closure if node.startswith("file:") and self._owner(node) is None
        )
        folders = tuple(f"{each.path}/" for each in self._graph.projects.values() if each.path and not each.modules)
        return sorted(path for path in files if path.endswith(".py") and not path.startswith(folders))

    def _task(
        self, project: Project, wanted: TaskId, command: tuple[str, ...], *, cwd: str = "", note: str = ""
    ) -> Task:
        purpose: Literal["test", "lint", "run"] = "run"
        if wanted.name in {"test", "lint"}:
            purpose = "test" if wanted.name == "test" else "lint"
        is_here = purpose != "lint" and (project.kind == "module" or bool(project.modules))
        folder = "" if project.modules else project.path
        return Task(wanted, project.name, folder, command, cwd=cwd, note=note, purpose=purpose, is_here=is_here)

    def read(self, path: str) -> bytes | None:
        """Return the content of a file, or None."""
        if path not in self._contents:
            self._contents[path] = self._tree.read_many([path]).get(path) if path in self._tree.files else None
        return self._contents[path]


def _with_table(task: Task, table: TaskTable | None, needs: tuple[TaskId, ...]) -> Task:
    outputs = table.outputs if table and table.outputs is not None else task.outputs
    is_kept = table.cache if table and table.cache is not None else task.id.name in _KEPT or bool(outputs)
    return replace(
        task,
        inputs=(table.inputs or ()) if table else (),
        outputs=outputs,
        env=(*COMMON_ENV, *task.env, *((table.env or ()) if table else ())),
        needs=needs,
        is_cached=is_kept and bool(task.command) and task.is_cached,
        timeout_s=table.timeout_s if table and table.timeout_s else TIMEOUT_S,
    )


def split_command(command: str) -> tuple[str, ...]:
    """Return the words of a command; one that needs a shell is given to ``sh``.

    Raises:
        ValueError: When a quote is not closed.

    Example:
        >>> split_command("pytest -q tests"), split_command("make a && make b")
        (('pytest', '-q', 'tests'), ('/bin/sh', '-c', 'make a && make b'))
    """
    words = shlex.split(command)
    if _SHELL.intersection(command) or "=" in words[0]:
        return ("/bin/sh", "-c", command)
    return tuple(words)


def built_at(project: Project) -> str:
    """Return the folder, relative to the workspace, that a project is built into."""
    return f"dist/{project.kind}-{project.name.replace('/', '-')}"


def retarget(task: Task, tests: Sequence[str]) -> Task:
    """Return a task that runs only some of its test files.

    Args:
        task: One of the built-in tests, whose last argument is what it runs.
        tests: Relative to the workspace.
    """
    return replace(task, command=(*task.command[:-1], *_from(task.cwd, tests)))


def _from(cwd: str, paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(PurePosixPath(path).relative_to(cwd)) if cwd else path for path in paths)


def _targets_of(tests: list[str], folder: str) -> list[str]:
    """Return what to give to pytest: ``tests`` when all tests are in there, else the whole project."""
    inside = _join(folder, "tests")
    return [inside] if all(path.startswith(f"{inside}/") for path in tests) else [folder or "."]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
