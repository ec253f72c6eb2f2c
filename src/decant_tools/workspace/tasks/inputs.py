"""Which files a task depends on: those of its project, and of everything that the project depends on."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Protocol

from decant_tools.workspace.affected.globs import matches
from decant_tools.workspace.affected.rootmap import ALL, NOTHING, Rules, declared, judge
from decant_tools.workspace.model import Graph, Project
from decant_tools.workspace.tasks.keys import FILES, Group
from decant_tools.workspace.tasks.model import Task
from decant_tools.workspace.tasks.patterns import compile_patterns

_FILE = "file:"
_MADE = frozenset({
    "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".decant", ".venv", ".tox", ".nox",
    "node_modules", ".coverage", ".DS_Store",
})  # fmt: skip
"""Names of files and folders that tools leave behind, whether or not git is told to ignore them."""

_NO_INPUTS = (
    ".github/", ".gitlab/", ".gitlab-ci.yml", ".circleci/", ".buildkite/", "Jenkinsfile", "azure-pipelines",
    ".azure-pipelines/", "bitbucket-pipelines.yml", ".drone.y", ".travis.yml", ".woodpecker", "appveyor.yml",
    ".pre-commit-config.yaml", ".gitmodules", "dist/",
)  # fmt: skip
"""Beginnings of paths at the root that say when tasks run, not how they end; and of what they build."""

CONFIG = "decant.toml"
MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "requirements*.txt", "requirements/**")
"""What says which packages a project gets; it counts whatever ``inputs`` says."""


class Extras(Protocol):
    """What ``decant.toml`` adds to a project."""

    @property
    def files(self) -> tuple[str, ...]: ...


class Table(Rules, Protocol):
    """``[affected]`` of ``decant.toml``."""

    @property
    def files(self) -> Mapping[str, tuple[str, ...]]: ...


class Memory(Protocol):
    """Keeps what is found out, by a name that holds all it depends on."""

    def recall(self, name: str) -> dict[str, str] | None: ...
    def note(self, name: str, value: Mapping[str, str]) -> None: ...


class Inputs:
    """The files of a workspace, by who depends on them.

    Args:
        files: Each path and its blob id.
        graph: What depends on what.
        extras: What is declared, by the project's id.
        rules: What ``[affected]`` says about files.
        apart: Files at the root that count in another way: locks that are read package by package.
        memory: Keeps what takes long to find out, or None.
    """

    def __init__(
        self,
        files: Mapping[str, str],
        graph: Graph,
        extras: Mapping[str, Extras],
        rules: Table | None = None,
        apart: frozenset[str] = frozenset(),
        memory: Memory | None = None,
    ) -> None:
        self._files = files
        self._graph = graph
        self._extras = extras
        self._rules = rules
        self._apart = apart
        self._memory = memory
        self._groups: dict[str, Group] = {}

    @cached_property
    def paths(self) -> list[str]:
        """All paths, sorted."""
        return sorted(self._files)

    def below(self, folder: str) -> list[str]:
        """Return the paths in a folder and all folders in it, without what tools leave behind."""
        start = bisect_left(self.paths, f"{folder}/") if folder else 0
        end = bisect_left(self.paths, f"{folder}0", start) if folder else len(self.paths)  # "0" comes after "/"
        return [path for path in self.paths[start:end] if not _is_made(path)]

    def groups(self, task: Task, made: Callable[[str], bool] | None = None) -> dict[str, Group]:
        """Return the files that a task depends on, by the name of their part of the key.

        Args:
            task: Which.
            made: Whether a file is made by a task that comes first, or by this one: those are no inputs.
        """
        project = self._graph.projects.get(task.id.project)  # None for the workspace's own
        own = {task.id.project}
        nodes = own if task.is_closed else self._graph.closure(task.sources or own)
        projects = [self._graph.projects[node] for node in sorted(nodes) if node in self._graph.projects]
        found = [self._own(project, task)] if project and project in projects and not project.modules else []
        found += [self._all(each) for each in projects if each != project and not each.modules]
        found.append(self._declared(projects))
        found.append(self._single(nodes, task.files, [each.path for each in projects if not each.modules]))
        found.append(self.root_files(has_config=any(each.kind == "module" or each.modules for each in projects)))
        if made is not None:
            found = [_without(group, made) for group in found]
        return {f"{FILES}{group.name}": group for group in found if group.files}

    def root_files(self, *, has_config: bool) -> Group:
        """Return the files outside of all projects that may change how any task ends."""
        name = "the root" if has_config else "the root without decant.toml"
        if name not in self._groups:
            paths = [path for path in self._outside if has_config or path != CONFIG]
            self._groups[name] = Group("the root", self._with_ids(paths))
        return self._groups[name]

    @cached_property
    def _outside(self) -> list[str]:
        owned = [project.path for project in self._graph.projects.values()]
        if "" in owned and not any(project.modules for project in self._graph.projects.values()):
            return []
        found = list(self._unowned({path for path in owned if path}))
        if self._memory is None:
            return [path for path in found if self._counts(path)]
        name = _digest([found, sorted(self._apart), self._claimed, self._rules, ALL, NOTHING, _NO_INPUTS])
        kept = self._memory.recall(name)  # a hundred patterns take longer to compile than all else takes
        if kept is None:
            kept = {path: "" for path in found if self._counts(path)}
            self._memory.note(name, kept)
        return list(kept)

    def _unowned(self, folders: set[str]) -> Iterator[str]:
        """Yield the paths in none of some folders; each folder is passed over at once."""
        at = 0
        while at < len(self.paths):
            path = self.paths[at]
            folder = path.rpartition("/")[0]
            while folder and folder not in folders:
                folder = folder.rpartition("/")[0]
            if folder:
                at = bisect_left(self.paths, f"{folder}0", at)
            else:
                if not _is_made(path):
                    yield path
                at += 1

    @cached_property
    def _claimed(self) -> list[str]:
        """Patterns of files that have projects of their own, wherever they lie."""
        selecting = self._rules.files if self._rules else {}
        return [*selecting, *(glob for each in self._extras.values() for glob in each.files)]

    def _counts(self, path: str) -> bool:
        if path == CONFIG:
            return True
        if path in self._apart or matches(path, self._claimed):
            return False
        verdict = (declared(path, self._rules) if self._rules else None) or judge(path)
        return verdict.touches != "nothing" and not path.startswith(_NO_INPUTS) and not is_test_file(path)

    def _own(self, project: Project, task: Task) -> Group:
        if not task.inputs:
            return self._all(project)
        is_input = compile_patterns(task.inputs, project.path)
        is_manifest = compile_patterns(MANIFESTS, project.path)
        paths = [path for path in self.below(project.path) if is_input(path) or is_manifest(path)]
        if any(pattern.lstrip("!").startswith(("../", "/")) for pattern in task.inputs):
            paths += [path for path in self.paths if is_input(path) and not path.startswith(f"{project.path}/")]
        return Group(project.path or "the workspace", self._with_ids(sorted(paths)))

    def _all(self, project: Project) -> Group:
        if project.id not in self._groups:
            paths = self.below(project.path)
            self._groups[project.id] = Group(project.path or "the workspace", self._with_ids(paths))
        return self._groups[project.id]

    def _declared(self, projects: Iterable[Project]) -> Group:
        ids = {each.id for each in projects}
        selecting = self._rules.files if self._rules else {}
        patterns = [glob for name in sorted(ids & self._extras.keys()) for glob in self._extras[name].files]
        patterns += [glob for glob, names in selecting.items() if ids.intersection(names)]
        is_extra = compile_patterns(patterns)
        return Group("[files]", self._with_ids(filter(is_extra, self.paths)) if patterns else ())

    def _single(self, nodes: Iterable[str], files: Iterable[str], folders: list[str]) -> Group:
        """Return single files: nodes of modules, and what the task itself names, unless a folder has them already."""
        paths = {node.removeprefix(_FILE) for node in nodes if node.startswith(_FILE)}
        paths.update(files)
        whole = tuple(f"{folder}/" for folder in folders if folder)
        if "" in folders:
            return Group("single files", ())
        return Group("single files", self._with_ids(sorted(path for path in paths if not path.startswith(whole))))

    def _with_ids(self, paths: Iterable[str]) -> tuple[tuple[str, str], ...]:
        return tuple((path, self._files[path]) for path in paths if path in self._files)


def is_test_file(path: str) -> bool:
    """Return whether pytest finds tests in a file by its name."""
    name = path.rpartition("/")[2]
    return name.endswith("_test.py") or (name.startswith("test_") and name.endswith(".py"))


def _is_made(path: str) -> bool:
    names = path.split("/")
    return not _MADE.isdisjoint(names) or ".egg-info" in path or names[-1].endswith((".pyc", ".pyo"))


def _without(group: Group, made: Callable[[str], bool]) -> Group:
    files = tuple(each for each in group.files if not made(each[0]))
    return group if len(files) == len(group.files) else Group(group.name, files)


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()
