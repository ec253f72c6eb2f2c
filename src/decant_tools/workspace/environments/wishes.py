"""What the environment of one project holds, read of its files and of those of the libs that it depends on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from posixpath import basename, dirname, join, normpath
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from decant.errors import CommandError
from decant_tools.workspace.environments.beside import asked_beside, manifests_of
from decant_tools.workspace.environments.requirements import (
    Asked,
    Line,
    Pyproject,
    normalised,
    read_pipfile,
    read_pyproject,
    read_requirements,
)
from decant_tools.workspace.model import Graph, Project

if TYPE_CHECKING:
    from decant_tools.workspace.tree import Tree
    from decant_tools.workspace.view import View

Purpose = Literal["run", "test", "lint"]

REQUIREMENTS = "requirements.txt"
PIPFILE = "Pipfile"
DEVELOPMENT = (
    "requirements-dev.txt", "requirements_dev.txt", "dev-requirements.txt", "requirements/dev.txt",
    "requirements-test.txt", "requirements_test.txt", "test-requirements.txt", "requirements/test.txt",
)  # fmt: skip
"""Where the requirements of tests stand, as people name it."""

GROUPS = ("test", "tests", "testing", "dev")
"""Extras and dependency groups that tests need: the first that there is."""

TOOLS: Mapping[str, tuple[str, ...]] = {
    "black": (), "isort": (".isort.cfg",), "ruff": ("ruff.toml", ".ruff.toml"), "mypy": ("mypy.ini", ".mypy.ini"),
    "flake8": (".flake8",), "pylint": (".pylintrc", "pylintrc"), "bandit": (".bandit",),
    "pyright": ("pyrightconfig.json",),
}  # fmt: skip
"""Linters and formatters, and the files besides ``pyproject.toml`` and ``setup.cfg`` that set them up."""

_PLUGINS = {
    "--cov": "pytest-cov", "-n": "pytest-xdist", "--numprocesses": "pytest-xdist", "--timeout": "pytest-timeout",
}  # fmt: skip
_KEYS = {"asyncio_mode": "pytest-asyncio", "timeout": "pytest-timeout", "env": "pytest-env"}


_READ: WeakKeyDictionary[Tree, dict[str, bytes]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Wishes:
    """What an environment is made of.

    Attributes:
        lines: What an index is asked for.
        constraints: What limits versions.
        options: Options of the user's own requirement files.
        editable: Folders with a manifest that are installed editable, relative to the workspace.
        path: Folders that are put on ``PYTHONPATH``, relative to the workspace; "" is the workspace itself.
        manifests: Files whose content counts as well: manifests of editable folders, archives of the workspace.
        lock: The ``uv.lock`` that decides versions, or "".
        member: The distribution of the project in that lock file.
        groups: The dependency groups of the member that are wanted.
        notes: What a person should know.
        extras: Extras that are wanted of editable folders, by folder.
        beside: Libs on the path that what is installed asks for by name: the version to be taken for installed.
    """

    lines: tuple[Line, ...] = ()
    constraints: tuple[Line, ...] = ()
    options: tuple[str, ...] = ()
    editable: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    lock: str = ""
    member: str = ""
    groups: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)


def wishes_of(view: View, project: Project, purpose: Purpose, *, uses_lock: bool = True) -> Wishes:
    """Return what a project's environment holds.

    Args:
        view: The workspace.
        project: The project.
        purpose: What it is for. The environment for ``lint`` is the same for all projects.
        uses_lock: Whether a ``uv.lock`` decides versions; otherwise what it knows is asked for as the manifest says.

    Raises:
        CommandError: Exit code 3, for a requirement that points nowhere.
    """
    if purpose == "lint":
        return Wishes(lines=tuple(_Reading(view, project).tools()))
    return _Reading(view, project, uses_lock).wishes(is_test=purpose == "test")


def lint_tools(view: View) -> tuple[str, ...]:
    """Return the linters and formatters that the root of a workspace sets up, by their distributions' names."""
    reading = _Reading(view, Project("service", "", ""))
    return tuple(name for name, files in TOOLS.items() if reading.sets_up(name, files))


@dataclass
class _Reading:
    view: View
    project: Project
    uses_lock: bool = True
    lines: list[Line] = field(default_factory=list)
    asked: Asked = field(default_factory=Asked)
    editable: list[str] = field(default_factory=list)
    manifests: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    extras: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        known = _manifests_of(self.view)
        path = self.view.tree.followed(path)  # several may share one file
        if path not in known and path in self.view.tree.files:
            known[path] = self.view.tree.read(path)
        return known.get(path)

    def wishes(self, *, is_test: bool) -> Wishes:
        own = self.project.path
        pyproject = read_pyproject(join(own, "pyproject.toml"), self.read)
        lock = self._lock(pyproject)
        groups: tuple[str, ...] = ()
        if lock and pyproject:
            groups = self._groups(pyproject) if is_test else ()
            self.manifests.append(pyproject.path)
        else:
            self._project(own, pyproject)
        if is_test:
            self._for_tests(own, pyproject, is_locked=bool(lock))
        for lib in self._libs():
            self._lib(lib)
        self._take(self.asked.lines)
        beside = self._beside()
        if is_test and "pytest" not in {line.name for line in self.lines}:
            self.lines.append(Line("pytest", "decant"))
        return Wishes(
            tuple(dict.fromkeys(self.lines)), tuple(self.asked.constraints), tuple(dict.fromkeys(self.asked.options)),
            tuple(dict.fromkeys(self.editable)), self._path(), tuple(dict.fromkeys(self.manifests)), lock,
            pyproject.name if pyproject and lock else "", groups, tuple(dict.fromkeys(self.notes)), self.extras,
            beside,
        )  # fmt: skip

    # --- the project itself ---

    def _project(self, own: str, pyproject: Pyproject | None) -> None:
        """Read what a project asks for; the root's requirements are those of a project that has none."""
        file = join(own, REQUIREMENTS)
        has_file, is_installed = self.read(file) is not None, self._is_installed(own, pyproject)
        if has_file:
            read_requirements(file, self.read, self.asked)
        if is_installed:
            self._editable(own)
        elif pyproject:
            self._take(pyproject.dependencies(), pyproject)
        elif not has_file and (asked := read_pipfile(join(own, PIPFILE), self.read, "packages")):
            self._take(asked)
            return
        if has_file or is_installed or (pyproject and pyproject.has_requirements) or not own:
            return
        if self.read(REQUIREMENTS) is not None:
            self.notes.append(f"{own} has no requirements of its own: those of {REQUIREMENTS} are taken.")
            read_requirements(REQUIREMENTS, self.read, self.asked)
        elif (root := read_pyproject("pyproject.toml", self.read)) and root.dependencies():
            self.notes.append(f"{own} has no requirements of its own: those of pyproject.toml are taken.")
            self._take(root.dependencies(), root)

    def _is_installed(self, own: str, pyproject: Pyproject | None) -> bool:
        return pyproject.is_package if pyproject else self.read(join(own, "setup.py")) is not None

    def _for_tests(self, own: str, pyproject: Pyproject | None, *, is_locked: bool) -> None:
        for folder in dict.fromkeys((own, "")):
            for name in DEVELOPMENT:
                if self.read(join(folder, name)) is not None:
                    read_requirements(join(folder, name), self.read, self.asked)
        if pyproject is None:
            self._take(read_pipfile(join(own, PIPFILE), self.read, "dev-packages"))
        elif not is_locked:
            self._take(pyproject.first_group(*GROUPS), pyproject)
        if own and (root := read_pyproject("pyproject.toml", self.read)):
            self._take(root.first_group(*GROUPS), root)
        self.lines += [Line(name, "pytest's settings") for name in self._plugins(own)]

    def _plugins(self, own: str) -> Iterator[str]:
        """Yield the plugins that pytest's settings speak of: without them it refuses its own options."""
        have = {line.name for line in [*self.lines, *self.asked.lines]}
        for folder in dict.fromkeys((own, "")):
            pyproject = read_pyproject(join(folder, "pyproject.toml"), self.read)
            options = _within(pyproject.data if pyproject else {}, "tool", "pytest", "ini_options")
            added = options.get("addopts", "")
            words = added if isinstance(added, list) else str(added).split()
            wanted = [_PLUGINS[word.split("=")[0]] for word in map(str, words) if word.split("=")[0] in _PLUGINS]
            wanted += [plugin for key, plugin in _KEYS.items() if key in options]
            yield from (name for name in dict.fromkeys(wanted) if name not in have)

    # --- lock files ---

    def _lock(self, pyproject: Pyproject | None) -> str:
        """Return the ``uv.lock`` that knows a project, or ""."""
        if pyproject is None or not pyproject.name:
            return ""
        if not self.uses_lock:
            self.notes.append("uv is not installed here, so the versions in uv.lock are not what is installed.")
            return ""
        for lock in dict.fromkeys((join(self.project.path, "uv.lock"), "uv.lock")):
            text = (self.read(lock) or b"").decode("utf-8", "replace")
            if re.search(rf'^name = "{re.escape(pyproject.name)}"$', text, re.MULTILINE):
                return lock
        return ""

    def _groups(self, pyproject: Pyproject) -> tuple[str, ...]:
        tables = (("optional-dependencies", pyproject.data.get("project", {})), ("dependency-groups", pyproject.data))
        for name in GROUPS:
            for table, within in tables:
                if name in _within(within, table):
                    return (f"{'extra' if table.startswith('optional') else 'group'}={name}",)
        return ()

    # --- libs ---

    def _libs(self) -> list[Project]:
        """Return the libs that the project depends on, in any number of steps, by path; for the workspace, all."""
        graph = self.view.graph
        is_known = self.project.id in graph.projects
        nodes = made_of(graph, self.project) - {self.project.id} if is_known else set(graph.projects)
        found = (graph.projects.get(node) for node in nodes)
        return sorted((each for each in found if each and each.kind == "lib"), key=lambda lib: lib.path)

    def _lib(self, lib: Project) -> None:
        if lib.id in self.seen:  # libs that need libs: each once, not once for every way that leads to it
            return
        self.seen.add(lib.id)
        pyproject = read_pyproject(join(lib.path, "pyproject.toml"), self.read)
        if self._is_installed(lib.path, pyproject):
            self._editable(lib.path)
            return
        read_requirements(join(lib.path, REQUIREMENTS), self.read, self.asked)
        if pyproject:
            self._take(pyproject.dependencies(), pyproject)

    def _beside(self) -> dict[str, str]:
        """Return the libs on the path that what is installed asks for by name, with a version that it allows."""
        here = {lib.id for lib in self._libs() if lib.path not in self.editable} if self.editable else set()
        names = {name: lib for name, lib in self._by_name.items() if lib.id in here}
        found = asked_beside(self.editable, self.read, names)
        for each in found:
            self._note_path(each.at, each.name, names[each.name])
        return {each.name: each.version for each in found}

    def _note_path(self, at: str, name: str, lib: Project) -> None:
        self.notes.append(f"{at}: {name} is {lib.path}, which is put on the path: no index is asked for it.")

    def _editable(self, folder: str) -> None:
        self.editable.append(folder)
        if (path := join(folder, REQUIREMENTS)) in self.view.tree.files:
            self.manifests.append(path)
        self.manifests += sorted(path for path, *_ in manifests_of([folder], self.read))

    def _path(self) -> tuple[str, ...]:
        """Return the folders for ``PYTHONPATH``: those that imports of a lib start from, and the workspace last."""
        own = [self.project] if self.project.kind == "lib" else []  # its tests import it as everybody else does
        starts = [base for lib in [*own, *self._libs()] if lib.path not in self.editable for base in _bases(lib)]
        if self.project.path not in self.editable:
            starts = [*(root for root in self.project.roots if root != self.project.path), *starts]
        return (*(start for start in dict.fromkeys(starts) if start), "")

    # --- requirements ---

    def _take(self, lines: Iterable[Line], pyproject: Pyproject | None = None) -> None:
        """Take requirements: those that are libs of this workspace come by path, all others of an index."""
        sources = pyproject.sources if pyproject else {}
        for line in lines:
            if line.local is not None:
                self._local(line, line.local)
            elif not line.name or line.name not in sources:
                if (lib := self._by_name.get(line.name)) is None:
                    self.lines.append(line)
                else:
                    self._asked_lib(lib, line)
            elif sources[line.name]:
                self._local(line, sources[line.name])
            elif lib := self._by_name.get(line.name):
                self._lib(lib)

    def _local(self, line: Line, written: str) -> None:
        lib = self.find(line, written)
        if lib is not None:
            if lib.id != self.project.id:
                self._asked_lib(lib, line)
            return
        path = normpath(join(dirname(line.at.rpartition(":")[0]), written))
        if path in self.view.tree.files:  # an archive that lies in the repository
            self.lines.append(Line(f"{(self.view.root / path).as_uri()}{_brackets(line.extras)}", line.at))
            self.manifests.append(path)
            return
        if normpath(path) in {".", self.project.path}:
            return
        known = ", ".join(sorted(each.path for each in self.view.graph.projects.values() if each.kind == "lib"))
        raise CommandError(
            f"{line.at}: there is no {written} in this workspace.",
            hint=f"Its libs are: {known}." if known else "It has no libs.",
            exit_code=3,
        )

    def _asked_lib(self, lib: Project, line: Line) -> None:
        """Take a lib that is asked for by name or path, with the extras that are asked for."""
        pyproject = read_pyproject(join(lib.path, "pyproject.toml"), self.read)
        if self._is_installed(lib.path, pyproject):
            self._editable(lib.path)
            if line.extras:
                self.extras[lib.path] = tuple(sorted({*self.extras.get(lib.path, ()), *line.extras}))
            return
        if pyproject is None and line.local is None:
            self._note_path(line.at, line.name, lib)
        for extra in line.extras:
            if pyproject and (known := f"{lib.id}[{extra}]") not in self.seen:  # an extra may name itself
                self.seen.add(known)
                self._take(pyproject.optional(extra), pyproject)

    def find(self, line: Line, written: str) -> Project | None:
        """Return the lib that a path means, with a note where it is not literally so."""
        file = line.at.rpartition(":")[0]
        exact = normpath(join(dirname(file), written))
        if exact in self._by_path:
            return self._by_path[exact]
        from_root = re.sub(r"^(\.\.?/)+", "", written).rstrip("/")
        named = [lib for path, lib in self._by_path.items() if basename(path) == basename(from_root)]
        found = self._by_path.get(from_root) or (named[0] if len(named) == 1 else None)
        if found is not None:
            self.notes.append(f"{line.at}: {written} is taken to be {found.path}, as there is no {exact}.")
        return found

    @cached_property
    def _by_path(self) -> Mapping[str, Project]:
        return {each.path: each for each in self.view.graph.projects.values() if each.kind == "lib"}

    @cached_property
    def _by_name(self) -> Mapping[str, Project]:
        return {each.distribution or normalised(basename(path)): each for path, each in self._by_path.items()}

    # --- linters ---

    def tools(self) -> Iterator[Line]:
        """Yield the linters that the root sets up, in the versions that its own requirements name."""
        root = read_pyproject("pyproject.toml", self.read)
        asked = Asked()
        for name in (*DEVELOPMENT, REQUIREMENTS):
            read_requirements(name, self.read, asked)
        written = {line.name: line for line in [*asked.lines, *(root.first_group("lint", "dev") if root else [])]}
        for name, files in TOOLS.items():
            if self.sets_up(name, files):
                yield written.get(name, Line(name, "the root's settings"))

    def sets_up(self, name: str, files: Iterable[str]) -> bool:
        """Return whether the root of the workspace sets up a linter."""
        root = read_pyproject("pyproject.toml", self.read)
        sections = (self.read("setup.cfg") or b"") + b"\n" + (self.read("tox.ini") or b"")
        return (
            name in _within(root.data if root else {}, "tool")
            or any(file in self.view.tree.files for file in files)
            or re.search(rf"^\[(?:tool:)?{name}[\]:]".encode(), sections, re.MULTILINE) is not None
        )


def _brackets(extras: Iterable[str]) -> str:
    names = ",".join(extras)
    return f"[{names}]" if names else ""


def made_of(graph: Graph, project: Project) -> set[str]:
    """Return the nodes that a project is made of: itself and what it depends on.

    A service that it declares to need runs beside it: what that one imports, this one does not.
    """
    found, left = {project.id}, [project.id]
    while left:
        for edge in graph.out_of.get(left.pop(), ()):
            is_beside = edge.kind == "extra" and edge.target.startswith("service:")
            if edge.target not in found and not is_beside:
                found.add(edge.target)
                left.append(edge.target)
    return found


def _manifests_of(view: View) -> dict[str, bytes]:
    """Return the manifests of all projects, read together and once: each reading of its own starts a process."""
    known = _READ.get(view.tree)
    if known is None:
        names = (REQUIREMENTS, PIPFILE, "pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "uv.lock", *DEVELOPMENT)
        folders = {"", *(project.path for project in view.graph.projects.values())}
        paths = [path for folder in folders for name in names if (path := join(folder, name)) in view.tree.files]
        known = _READ[view.tree] = dict(view.tree.read_many(paths))
    return known


def _bases(lib: Project) -> Iterator[str]:
    """Yield the folders that the imports of a lib start from: ``libs`` for ``import common_utils`` in there."""
    for dotted, place in lib.packages:
        folder, parts = place.removesuffix(".py"), dotted.split(".")
        if folder.split("/")[-len(parts) :] == parts:
            yield "/".join(folder.split("/")[: -len(parts)])
    if not lib.packages:
        yield dirname(lib.path)


def _within(data: Any, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}
