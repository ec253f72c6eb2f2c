"""One call of a command, from the workspace to its outcome."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from decant.errors import CommandError
from decant_tools.workspace.model import Project
from decant_tools.workspace.store import home_of
from decant_tools.workspace.tasks.definitions import OF_WORKSPACE, OWN_PYTHON, WORKSPACE, Definitions
from decant_tools.workspace.tasks.inputs import Inputs
from decant_tools.workspace.tasks.keying import Keying, Machine, installed_packages
from decant_tools.workspace.tasks.keys import Key, explain
from decant_tools.workspace.tasks.model import Task, TaskId
from decant_tools.workspace.tasks.order import Plan, make_plan
from decant_tools.workspace.tasks.results import Results
from decant_tools.workspace.tasks.runner import Runner, Setup, Watcher, cores
from decant_tools.workspace.tasks.slices import LOCK, Slices
from decant_tools.workspace.tasks.store import SIZE_MB, Store

if TYPE_CHECKING:
    from decant_tools.workspace.environments import Purpose
    from decant_tools.workspace.tasks.remote import RemoteStore
    from decant_tools.workspace.view import View

Say = Callable[[str], None]
Prepare = Callable[[Project, Task, Mapping[str, str]], Mapping[str, str]]
"""Returns the variables of a task's process, made of those of this one."""


class Options(NamedTuple):
    """How tasks are run.

    Attributes:
        parallel: How many at once; None for as many as there are processors.
        is_failing_fast: End everything at the first failure.
        is_read: Whether kept results are used.
        is_written: Whether results are kept.
        is_relaxed: Whether an environment may hold the nearest version where one does not exist.
    """

    parallel: int | None = None
    is_failing_fast: bool = False
    is_read: bool = True
    is_written: bool = True
    is_relaxed: bool = False


class Forecast(NamedTuple):
    """What a run would do about a task.

    Attributes:
        task: Which.
        cache: ``hit``, ``miss``, ``off`` for one whose results are not kept, ``empty`` where there is nothing to do.
        reasons: Why it is no hit.
        key: What its result is found by, or "".
    """

    task: Task
    cache: str
    reasons: tuple[str, ...] = ()
    key: str = ""


class Session:
    """A workspace, and one plan in it.

    Args:
        view: The workspace as it is now.
        options: How tasks are run.
        say: Gets sentences about what takes time.
        topology: The topology that the view was opened with.
        environ: The variables.
        prepare: Makes the environment of a project's processes; by default a virtual one of what it asks for.
    """

    def __init__(
        self,
        view: View,
        options: Options,
        say: Say,
        *,
        topology: str | None = None,
        environ: Mapping[str, str] | None = None,
        prepare: Prepare | None = None,
    ) -> None:
        self.view = view
        self._topology = topology
        self._prepare = prepare or self._virtual
        self._options = options
        self._say = say
        self._environ = os.environ if environ is None else environ
        config = view.discovery.config
        limit = (config.cache.size_mb or SIZE_MB) * 1024 * 1024
        self.home = home_of(view.root) / "workspace"
        self.store = Store(self.home / "cache", limit)
        self._slices = Slices(view.tree, view.graph, self.store)
        self.inputs = self._inputs(view, self._slices)
        self.definitions = Definitions(view.tree, view.graph, config, self.inputs)

    def plan(self, name: str, projects: Sequence[Project], *, is_named: bool, is_reached: bool = False) -> Plan:
        """Return the plan that a task of some projects makes; of all projects, the workspace's own belongs to it.

        Args:
            name: The task.
            projects: Whose.
            is_named: Whether a person named them: then each of them has to have the task.
            is_reached: Whether they are all that a change reaches: what sees one of them from outside belongs to it.

        Raises:
            CommandError: Exit code 4 when nobody has such a task; 3 when tasks wait for each other.
        """
        asked = [TaskId(project.id, name) for project in projects]
        if not is_named and (is_reached or len(projects) == len(self.view.graph.projects)):
            asked += self._shared(name, projects)
        plan = make_plan(asked, self.definitions.define)
        without = [project for project in projects if TaskId(project.id, name) not in plan.asked]
        if is_named and without:
            self._refuse(without[0].name, name)
        if not plan.tasks and name not in self.definitions.names():
            self._refuse("this workspace", name)
        return plan

    def _shared(self, name: str, projects: Sequence[Project]) -> list[TaskId]:
        """Return the workspace's own task, if one of some projects is among those that it sees."""
        task = self.definitions.define(TaskId(WORKSPACE, name))
        return [task.id] if task and not {project.id for project in projects}.isdisjoint(task.sources) else []

    def _refuse(self, whose: str, name: str) -> NoReturn:
        from decant.settings.suggest import suggest

        raise CommandError(f"{whose} has no task {name!r}.", hint=suggest(name, self.definitions.names()), exit_code=4)

    def forecast(self, plan: Plan) -> list[Forecast]:
        """Return what a run would do, and why; nothing is started and nobody else is asked."""
        keying = self._keying(self.inputs, self._slices, plan)
        keys = keying.keys(plan)
        results = Results(self.view.root, self.store, is_read=self._options.is_read)
        return [self._foretell(task, keys[task.id], keying, results) for task in plan.tasks.values()]

    def _foretell(self, task: Task, key: Key, keying: Keying, results: Results) -> Forecast:
        if not task.command:
            return Forecast(task, "empty", (task.note,) if task.note else ())
        if not task.is_cached:
            return Forecast(task, "off", ("its results are not kept",))
        if not self._options.is_read:
            return Forecast(task, "off", ("kept results are not used in this run",), key.digest)
        if results.peek(task, key) is not None:
            return Forecast(task, "hit", (), key.digest)
        reasons = explain(key, self.store.last(str(task.id)), self.store.files_of, keying.groups(task))
        return Forecast(task, "miss", tuple(reasons), key.digest)

    def output(self, key: str) -> bytes:
        """Return what the task of a kept result wrote."""
        return Results(self.view.root, self.store).output(key)

    def runner(self, plan: Plan, watcher: Watcher) -> tuple[Runner, Callable[[], None]]:
        """Return what runs a plan, and what to call when it is over.

        Args:
            plan: What is to run.
            watcher: Is told how it goes.
        """
        is_read, is_written = self._options.is_read, self._options.is_written
        remote = self._remote() if is_read or is_written else None
        results = Results(self.view.root, self.store, remote, is_read=is_read, is_written=is_written)
        keying = self._keying(self.inputs, self._slices, plan)
        keys = keying.keys(plan)

        def remember(task: Task) -> None:
            self.store.remember(str(task.id), keys[task.id], keying.groups(task))

        setup = Setup(
            self.view.root, self.home / "logs", keys, lambda: self._look_again(keying, keys), self._environ_of,
            self._options.parallel or cores(), is_failing_fast=self._options.is_failing_fast, kept=remember,
        )  # fmt: skip

        def close() -> None:
            if remote is not None:
                remote.close()
            if runner.has_kept:
                self.store.prune()

        runner = Runner(plan, setup, results, watcher)
        return runner, close

    # --- parts ---

    def _inputs(self, view: View, slices: Slices) -> Inputs:
        config = self.view.discovery.config
        apart = frozenset({LOCK}) if slices.is_read else frozenset[str]()
        return Inputs(view.tree.files, self.view.graph, config.extras, config.affected, apart, self.store)

    def _keying(self, inputs: Inputs, slices: Slices, plan: Plan) -> Keying:
        versions = self._versions if any(OWN_PYTHON in task.command for task in plan.tasks.values()) else {}
        installed = installed_packages(sys.path) if any(task.is_here for task in plan.tasks.values()) else ""
        relaxed = self._options.is_relaxed
        machine = Machine(self._environ, versions=versions, installed=installed, is_relaxed=relaxed)
        return Keying(inputs, machine, slices.of)

    def _look_again(self, keying: Keying, keys: Mapping[TaskId, Key]) -> Callable[[Task], bool]:
        """Return what says whether the inputs of a task are by now what they were."""
        from decant_tools.workspace.view import open_view

        now = open_view(self.view.root, topology=self._topology)
        slices = Slices(now.tree, self.view.graph, self.store)
        fresh = keying.at(self._inputs(now, slices), slices.of)
        return lambda task: fresh.is_same(task, keys[task.id])

    @cached_property
    def _versions(self) -> Mapping[str, str]:
        """The version that each project is built as, and this tool's."""
        from importlib.metadata import version

        from decant_tools.workspace.release.history import labels_of, version_tags

        projects = self.view.graph.projects.values()
        labels = labels_of((each.id, each.kind, each.name) for each in projects)
        tags = version_tags(self.view.git, set(labels.values())) if self.view.git else {}
        tool = version("flask-decant")
        found = {each.id: tags.get(labels[each.id]) for each in projects}
        return {key: f"{tag.version if tag else 'none'}, built by {tool}" for key, tag in found.items()}

    def _environ_of(self, task: Task) -> Mapping[str, str]:
        environ = {name: value for name, value in self._environ.items() if name != "DECANT_PARENT_PID"}
        environ |= {"PYTHONUNBUFFERED": "1", "DECANT_TASK": str(task.id)}
        if task.command[0] == OWN_PYTHON or not self._is_python(task):
            return environ
        if task.is_here:
            paths = {"PATH": str(Path(sys.executable).parent), "PYTHONPATH": str(self.view.root)}
            return environ | {
                name: os.pathsep.join(filter(None, [path, environ.get(name)])) for name, path in paths.items()
            }
        project = self.view.graph.projects.get(task.host or task.id.project, OF_WORKSPACE)
        return self._prepare(project, task, environ)

    def _virtual(self, project: Project, task: Task, environ: Mapping[str, str]) -> Mapping[str, str]:
        from decant_tools.workspace.environments import environment_for

        purpose: Purpose = "lint" if task.purpose == "lint" else "test"  # tests need all that a project runs with
        found = environment_for(self.view, project, purpose=purpose, relax=self._options.is_relaxed, say=self._say)
        return found.over(environ)

    def _is_python(self, task: Task) -> bool:
        """Return whether a task needs a project's environment: one without any Python gets none."""
        return any(path.endswith((".py", ".pyi", "pyproject.toml")) for path in self.inputs.below(task.folder))

    def _remote(self) -> RemoteStore | None:
        url = self._environ.get("DECANT_CACHE_URL") or self.view.discovery.config.cache.url
        if not url:
            return None
        from decant_tools.workspace.tasks.remote import open_remote

        return open_remote(url, self.store, self._environ, self._say)
