"""Proves the selection: what really reads a file has to be affected by it.

Every project's Python files are imported, in a copy of the workspace and in the project's environment, while each
file that this opens is written down. A project that opens a file which would not select it is a miss; the file is then
broken for real, to see whether the project breaks with it. Sources, templates, tables: whatever is opened counts.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from decant.errors import CommandError
from decant_tools.workspace.affected import probe
from decant_tools.workspace.affected.select import affected

if TYPE_CHECKING:
    from decant_tools.workspace.model import Graph, Project
    from decant_tools.workspace.view import View

DEADLINE_S = 120.0
"""How long the files of one project may take to be imported."""

TESTS_DEADLINE_S = 900.0
"""The same, with its tests."""

# The program itself and not its file: Python would put the file's folder first on the path.
_PROBE = Path(probe.__file__).read_text("utf-8")

_BROKEN = 'raise RuntimeError("broken by decant affected --verify")\n'
_SKIPPED = frozenset({"setup.py", "conftest.py", "__main__.py", "manage.py", "noxfile.py", "tasks.py"})
"""Files that do something when they are imported, or need somebody to import them."""

_STARTS = frozenset({"wsgi.py", "asgi.py", "app.py"})
"""Files that start every module of a workspace in one process, whichever service of a topology they are in."""

_FOLDERS = frozenset({"tests", "test", "migrations", "docs", "scripts", "node_modules"})


class Seen(NamedTuple):
    """What importing a project's files showed.

    Attributes:
        read: Files of the workspace that were read, and where that was asked for.
        failed: Files that could not be imported, and why.
    """

    read: Mapping[str, str]
    failed: Mapping[str, str]


class Miss(NamedTuple):
    """A project that needs a file, and would not be selected by a change of it.

    Attributes:
        file: Relative to the workspace.
        project: Its id.
        at: The line that reads the file, or "".
        edge: The edge that the graph has not: who depends on what.
        breaks: Whether the project can no longer be imported without the file as it is.
    """

    file: str
    project: str
    at: str
    edge: tuple[str, str]
    breaks: bool


class Proof(NamedTuple):
    """What was compared.

    Attributes:
        files: How many files.
        projects: How many projects.
        needed: How many times a project needs one of the files.
        selected: How many times one of the files selects a project.
        over: How many of these are not needed by an import; tests and data may need them.
        misses: Selections that are missing.
        failed: What could not be imported, by project and file: nothing is known of it.
    """

    files: int
    projects: int
    needed: int
    selected: int
    over: int
    misses: tuple[Miss, ...]
    failed: Mapping[str, Mapping[str, str]]


def verify(view: View, *, samples: int | None = None, seed: int = 0, tests: bool = False) -> Proof:
    """Compare what files select with what reads them.

    Args:
        view: The workspace as it is on disk.
        samples: Only so many files, drawn at random; all by default.
        seed: What they are drawn from.
        tests: Run the tests of every project, too.

    Raises:
        CommandError: Exit code 5, when the files of a project take too long.
    """
    projects = [project for project in view.graph.projects.values() if _modules(view, project)]
    with tempfile.TemporaryDirectory(prefix="decant-verify-") as made:
        copy = _Copy(view, Path(made), tests=tests)
        seen = {project.id: copy.look(project) for project in projects}
        python = {path for path in view.tree.files if path.endswith(".py")}
        files = sorted(python | {path for each in seen.values() for path in each.read})
        if samples is not None and samples < len(files):
            files = sorted(random.Random(seed).sample(files, samples))
        needed = selected = over = 0
        misses = []
        for path in files:
            chosen = affected(view, files=[path]).ids
            readers = {node for node in seen if path in seen[node].read}
            needed += len(readers)
            selected += len(chosen & seen.keys())
            over += len((chosen & seen.keys()) - readers)
            misses += [copy.miss(path, view.graph.projects[node], seen[node]) for node in sorted(readers - chosen)]
    failed = {node: each.failed for node, each in seen.items() if each.failed}
    return Proof(len(files), len(projects), needed, selected, over, tuple(misses), failed)


class _Copy:
    """A copy of the workspace in which files may be broken.

    Args:
        view: The workspace.
        folder: Where the copy is made.
        tests: Run the tests, too.
    """

    def __init__(self, view: View, folder: Path, *, tests: bool) -> None:
        self._view = view
        self._tests = tests
        self._folder = folder
        self.root = Path(os.path.realpath(folder)) / "workspace"
        for path in view.tree.files:
            source, target = view.root / path, self.root / path
            if source.is_symlink() or source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)

    def look(self, project: Project) -> Seen:
        """Import a project's files, and return what that read."""
        answer = self._folder / "answer.json"
        answer.unlink(missing_ok=True)
        order = {
            "root": str(self.root),
            "nowhere": str(self._folder / "bytecode"),
            "paths": [str(self.root / path) for path in _paths(self._view.graph, project)],
            "modules": _modules(self._view, project),
            "tests": [str(self.root / path) for path in _tests(self._view, project)] if self._tests else [],
            "answer": str(answer),
        }
        deadline_s = TESTS_DEADLINE_S if self._tests else DEADLINE_S
        python, environ = self._python(project)
        try:
            done = subprocess.run(
                [python, "-c", _PROBE],
                input=json.dumps(order).encode(), cwd=self.root / project.path, env=environ, check=False,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=deadline_s, start_new_session=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise CommandError(
                f"The files of {project.id} were not done within {deadline_s:g} s.",
                hint="Does one of them start a server when it is imported?",
                exit_code=5,
            ) from error
        if not answer.exists():
            said = done.stderr.decode("utf-8", "replace").strip()[-300:]
            return Seen({}, {project.path: f"the process ended with {done.returncode}. {said}".strip()})
        found = json.loads(answer.read_text("utf-8", "surrogateescape"))
        read = {self._short(path): self._short(at) for path, at in found["read"].items()}
        return Seen(read, found["failed"])

    def miss(self, path: str, project: Project, seen: Seen) -> Miss:
        """Return a miss, after trying what happens to the project when the file is broken."""
        target = self.root / path
        content = target.read_bytes()
        if path.endswith(".py"):
            target.write_text(_BROKEN)
        else:
            target.unlink()
        try:
            breaks = set(self.look(project).failed) > set(seen.failed)
        finally:
            target.write_bytes(content)
        at = seen.read[path]
        return Miss(
            path, project.id, at, (self._owner(at.partition(":")[0]) or project.id, self._owner(path) or path), breaks
        )

    def _owner(self, path: str) -> str:
        """Return the deepest project that a file lies in, or ""."""
        projects = self._view.graph.projects.values()
        inside = [each for each in projects if path.startswith(f"{each.path}/") and not each.modules]
        return max(inside, key=lambda each: len(each.path)).id if inside else ""

    def _short(self, path: str) -> str:
        return path.removeprefix(f"{self.root}{os.sep}")

    def _python(self, project: Project) -> tuple[str, dict[str, str]]:
        """Return the Python of a project's environment if that is made already, else the one that runs this."""
        from decant_tools.workspace.environments import Purpose, environment_key
        from decant_tools.workspace.environments.make import Shelf
        from decant_tools.workspace.store import home_of

        environ = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONSTARTUP"}}
        shelf = Shelf(home_of(self._view.root), self._view.root, lambda _: None)
        purpose: Purpose = "test" if self._tests else "run"
        is_own = not project.modules and project.kind != "module"  # modules run where this does
        made = shelf.find(environment_key(self._view, project, purpose)) if is_own else None
        return (str(made.path / "bin" / "python") if made else sys.executable), environ


def _modules(view: View, project: Project) -> list[tuple[str, str]]:
    """Return a project's Python files that can be imported, with the name that each is imported by; "" for scripts."""
    graph = view.graph
    if project.modules:
        parts = {edge.target for edge in graph.out_of.get(project.id, ()) if edge.kind in {"ships", "hosts"}}
        inner = [edge for part in parts for edge in graph.out_of.get(part, ()) if edge.kind == "holds"]
        paths = [
            node.removeprefix("file:")
            for node in (*parts, *(edge.target for edge in inner))
            if node.startswith("file:")
        ]
    else:
        paths = _inside(view, project)
    roots = sorted(_roots(project), key=len, reverse=True)
    if project.kind == "lib":  # its packages are imported by their names, whatever else lies in its folder
        roots = [*_bases(project), *roots]
    return [(path, _name(path, roots)) for path in sorted(set(paths)) if _is_importable(path, project)]


def _tests(view: View, project: Project) -> list[str]:
    """Return a project's test files."""
    inside = _inside(view, project) if not project.modules else []
    return [path for path in inside if path.endswith(".py") and _is_test(path.rpartition("/")[2])]


def _inside(view: View, project: Project) -> list[str]:
    """Return the files in a project's folder that are in no other project's."""
    start = f"{project.path}/" if project.path else ""
    others = tuple(
        f"{each.path}/"
        for each in view.graph.projects.values()
        if each.path != project.path and each.path.startswith(start)
    )
    return [path for path in view.tree.files if path.startswith(start) and not path.startswith(others)]


def _is_test(name: str) -> bool:
    return name.startswith("test_") or name.endswith("_test.py")


def _is_importable(path: str, project: Project) -> bool:
    *folders, name = path.removeprefix(f"{project.path}/").split("/")
    skipped = _SKIPPED | _STARTS if project.modules else _SKIPPED
    return name.endswith(".py") and name not in skipped and not _is_test(name) and _FOLDERS.isdisjoint(folders)


def _name(path: str, roots: Sequence[str]) -> str:
    """Return the dotted name of a file below one of some folders; "" where it has none."""
    for root in roots:
        if not root or path.startswith(f"{root}/"):
            parts = path.removeprefix(f"{root}/").removesuffix(".py").removesuffix("/__init__").split("/")
            if all(part.isidentifier() for part in parts):
                return ".".join(parts)
    return ""


def _paths(graph: Graph, project: Project) -> list[str]:
    """Return what goes on the path of a project: its own folders, then those of every lib, then the workspace.

    Of every lib, and not of those only that the graph says it uses: what is hidden from the graph must be found.
    """
    libs = [each for each in graph.projects.values() if each.kind == "lib"]
    others = [root for each in libs for root in (*_bases(each), *_roots(each))]
    return list(dict.fromkeys((*_roots(project), *others, "")))


def _roots(project: Project) -> tuple[str, ...]:
    return project.roots or (project.path,)


def _bases(project: Project) -> list[str]:
    """Return the folders that a project's packages are imported from, the deepest first."""
    bases = {folder.removesuffix(name.replace(".", "/")).rstrip("/") for name, folder in project.packages}
    return sorted(bases, key=len, reverse=True)
