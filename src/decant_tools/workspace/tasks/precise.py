"""Which test files of a project may notice a change: those whose imports lead to a changed file.

Where imports do not say everything, all tests of the project run: after a change of a file that is no Python, of a
``conftest.py``, of one that was deleted or that no test imports; in modules, which the framework finds by name; and
where code imports by names that nobody can see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from decant_tools.workspace.model import Graph, Project
from decant_tools.workspace.tasks.definitions import retarget
from decant_tools.workspace.tasks.inputs import is_test_file
from decant_tools.workspace.tasks.keys import Group
from decant_tools.workspace.tasks.model import Task
from decant_tools.workspace.tasks.order import Plan

if TYPE_CHECKING:
    from decant_tools.workspace.affected import Selected, Selection
    from decant_tools.workspace.tasks.session import Session
    from decant_tools.workspace.view import View

ADVICE = "Imports do not show everything: let a job run all tests from time to time, `decant test --all --force`."


def narrow(session: Session, plan: Plan, selection: Selection) -> tuple[Plan, list[str]]:
    """Return a plan whose tests are only those that may notice a change, and what is to be said about it.

    Args:
        session: The workspace.
        plan: All tests of what is affected.
        selection: What changed.
    """
    imports = FileImports(session.view)
    chosen = {item.project.id: item for item in selection.selected}
    tasks, total, kept = dict(plan.tasks), 0, 0
    for task in plan.tasks.values():
        if not task.tests:
            continue
        groups = session.inputs.groups(task)
        item = chosen.get(task.id.project)
        wanted = list(task.tests)
        if item is not None and selection.fallback is None:
            wanted = choose_tests(task, item, [change.path for change in selection.changes], groups, imports)
        total += len(task.tests)
        kept += len(wanted)
        if len(wanted) < len(task.tests):
            tasks[task.id] = _narrowed(task, wanted)
    return Plan(tasks, plan.asked), [f"{kept} of {total} test files may notice what changed. {ADVICE}"]


def choose_tests(
    task: Task, item: Selected, changes: Iterable[str], groups: Mapping[str, Group], imports: FileImports
) -> list[str]:
    """Return the test files of a task that may notice changes; all of them where that is not known.

    Args:
        task: Runs the tests.
        item: Why its project is affected.
        changes: The changed files.
        groups: The files that the task depends on.
        imports: What files import.
    """
    everything = list(task.tests)
    inputs = {path for group in groups.values() for path, _ in group.files}
    folder = f"{item.project.path}/" if item.project.path else ""
    paths = [path for path in changes if path in inputs or path.startswith(folder)]
    is_by_code = all(step.by not in _NOT_BY_CODE for step in item.why)
    if not paths or not is_by_code or item.project.kind == "module" or imports.is_dynamic(item.project):
        return everything
    found: set[str] = {test for test in everything if not imports.reaches_project(test, item.project)}
    for path in paths:
        if path not in inputs or not path.endswith(".py") or path.endswith("conftest.py"):
            return everything
        reaching = [test for test in everything if path == test or path in imports.closure(test)]
        if not reaching:
            return everything
        found.update(reaching)
    return [test for test in everything if test in found]


_NOT_BY_CODE = frozenset({"root", "lock", "settings", "fallback", "files", "extra", "copy"})


def _narrowed(task: Task, tests: list[str]) -> Task:
    return replace(retarget(task, tests), note=f"{len(tests)} of {len(task.tests)} test files")


class FileImports:
    """The imports of a workspace's files, file by file, in libs and foreign services too.

    Args:
        view: The workspace.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._closures: dict[str, set[str]] = {}

    def closure(self, test: str) -> set[str]:
        """Return the files that a test file may run: what it and the ``conftest.py`` above it import."""
        if test not in self._closures:
            starts = [f"file:{path}" for path in (test, *self._conftests(test))]
            self._closures[test] = {node.removeprefix("file:") for node in self._graph.closure(starts)}
        return self._closures[test]

    def reaches_project(self, test: str, project: Project) -> bool:
        """Return whether a test file imports anything of its project; what does not may start it in another way."""
        folder = f"{project.path}/" if project.path else ""
        return any(path.startswith(folder) and not _is_of_tests(path) for path in self.closure(test))

    def is_dynamic(self, project: Project) -> bool:
        """Return whether something that a project depends on imports by names that nobody can see."""
        places = tuple(f"{each.path}/" if each.path else "" for each in self._used(project))
        if any(f.code == "dynamic-import" and f.at.startswith(places) for f in self._view.graph.findings):
            return True
        conftests = [path for path in self._view.tree.files if path.endswith("conftest.py")]
        mine = [path for path in conftests if "/" not in path or path.startswith(places)]
        return any(b"pytest_plugins" in content for content in self._view.tree.read_many(mine).values())

    def _used(self, project: Project) -> list[Project]:
        graph = self._view.graph
        return [graph.projects[node] for node in graph.closure({project.id}) if node in graph.projects]

    def _conftests(self, test: str) -> list[str]:
        found = []
        folder = test
        while folder:
            folder = folder.rpartition("/")[0]
            path = f"{folder}/conftest.py" if folder else "conftest.py"
            if path in self._view.tree.files:
                found.append(path)
        return found

    @cached_property
    def _graph(self) -> Graph:
        """The workspace as if each project was a module, whose files are nodes of their own."""
        from decant_tools.workspace.assemble.edges import Edges
        from decant_tools.workspace.assemble.files import Files
        from decant_tools.workspace.assemble.imports import Imports
        from decant_tools.workspace.assemble.manifests import Manifests
        from decant_tools.workspace.facts import Facts
        from decant_tools.workspace.snapshot import Snapshots

        view, discovery = self._view, self._view.discovery
        snapshots = Snapshots(view.root, view.git, None, None)
        said = snapshots.reader.read(view.tree, [path for path in view.tree.files if snapshots.is_relevant(path)])
        facts = {path: Facts.from_json(plain[1]) for path, plain in said.plain.items() if plain[1]}
        files = Files(view.tree.files, discovery)
        roots = Manifests(Edges(), files, facts, discovery).roots()
        renamed = {
            each.id: each._replace(kind="module", name=each.path) for each in discovery.projects if not each.modules
        }
        as_modules = discovery._replace(projects=tuple(sorted(renamed.values(), key=lambda project: project.id)))
        edges = Edges()
        known = {renamed[owner].id: found for owner, found in roots.items() if owner in renamed}
        Imports(edges, Files(view.tree.files, as_modules), facts, known).add()
        return Graph((), edges.sorted())


def _is_of_tests(path: str) -> bool:
    return is_test_file(path) or path.endswith("conftest.py") or "/tests/" in path
