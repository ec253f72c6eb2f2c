"""What manifests and requirements files ask for, as edges between projects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from decant_tools.workspace.assemble.edges import Edges
from decant_tools.workspace.assemble.files import Files, within
from decant_tools.workspace.facts.kinds import kind_of
from decant_tools.workspace.facts.names import normalise
from decant_tools.workspace.model import Finding, Project, file_node

if TYPE_CHECKING:
    from decant_tools.workspace.discover.discovery import Discovery
    from decant_tools.workspace.facts.model import Facts, Include, Requirement

_BESIDE = frozenset({"tests", "test", "testdata", "fixtures", "data", "examples", "templates"})
"""Folders of a project that requirements files of nobody's lie in: directly in ``tests`` it is what its tests need."""

_BUILT = (".whl", ".gz", ".zip")
"""How the names of archives end: what is built may not be there yet."""

_BEST = ("pyproject.toml", "requirements.in", "requirements.txt", "setup.cfg", "setup.py", "Pipfile")
"""Where a requirement is written, the first one that there is."""


class Manifests:
    """Reads the manifests of a workspace.

    Args:
        edges: Where edges are added.
        files: The workspace.
        facts: What its files say.
        discovery: Its projects.

    Attributes:
        findings: What a person should know.
        own: By project id: the paths of its manifests, sorted.
        declared: By project id: what it declares, and where: ``(target, path, line)``.
    """

    def __init__(self, edges: Edges, files: Files, facts: Mapping[str, Facts], discovery: Discovery) -> None:
        self._edges = edges
        self._files = files
        self._facts = facts
        self.findings: list[Finding] = []
        self.own: dict[str, list[str]] = defaultdict(list)
        self.declared: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
        self._root: list[str] = []
        self._read: set[str] = set()
        self._paths = sorted(path for path, said in facts.items() if _is_manifest(path, said))
        for path in self._paths:
            if (owner := self._owner(path)) is not None:
                self.own[owner.id].append(path)
            elif "/" not in path:
                self._root.append(path)
        self._by_name = self._names(discovery)
        self._hosting = [project for project in discovery.projects if project.modules]

    def _owner(self, path: str) -> Project | None:
        """Return the project that a manifest speaks for."""
        owner = self._files.owner(path)
        if owner is None or owner.kind == "module":
            return None
        folder = path.rpartition("/")[0]
        if folder == owner.path:
            return owner
        inner = folder[len(owner.path) :].strip("/").split("/")
        is_its_own = not _BESIDE.intersection(inner) or inner in (["tests"], ["test"])
        return owner if kind_of(path) in {"requirements", "node"} and is_its_own else None

    def _names(self, discovery: Discovery) -> dict[str, list[Project]]:
        """Return the projects by the names that a requirement may call them by."""
        found: dict[str, list[Project]] = defaultdict(list)
        for project in discovery.projects:
            if project.kind == "module" or project.modules:
                continue
            names = {project.distribution}
            names |= {self._facts[path].name for path in self.own.get(project.id, ()) if path in self._facts}
            if not any(name and not name.startswith("npm:") for name in names):
                names.add(normalise(project.path.rpartition("/")[2]))
            for name in sorted(names - {""}):
                found[name].append(project)
        return found

    def roots(self) -> dict[str, tuple[str, ...]]:
        """Return the folders that each project's imports start from, besides those that are known, by its id."""
        found: dict[str, tuple[str, ...]] = {}
        for owner, paths in self.own.items():
            roots = [within(path.rpartition("/")[0], root) for path in paths for root in self._facts[path].roots]
            if roots:
                found[owner] = tuple(root for root in roots if root is not None)
        return found

    def add(self) -> None:
        """Add the edges of every manifest of a project, of those that they take in, and of the workspace's own."""
        for owner in sorted(self.own):
            for path in self.own[owner]:
                self._add(owner, path)
        for link, path in self._files.links.items():
            speaker = self._owner(link)
            if speaker is not None and path in self._facts and self._files.owner(path) is None and kind_of(link):
                self._add(speaker.id, path)
        for path in self._root:
            self._faults(path)
            for service in self._hosting:  # what the workspace installs, every service of its modules has
                self._add(service.id, path)

    def _add(self, source: str, path: str) -> None:
        """Add the edges of one manifest.

        Args:
            source: The node that depends: a project, or a requirements file that is in none.
            path: The manifest.
        """
        self._faults(path)
        said = self._facts[path]
        for requirement in said.requirements:
            for target in self._targets(path, requirement):
                self._depend(source, target, path, requirement.line)
        for include in said.includes:
            self._include(source, path, include)

    def _depend(self, source: str, target: str, path: str, line: int) -> None:
        self._edges.add(source, target, "manifest", path, line)
        if source != target:
            self.declared[source].setdefault(target, (path, line))

    def _faults(self, path: str) -> None:
        if path in self._read:
            return
        self._read.add(path)
        for level, code, line, message, fix in self._facts[path].faults:
            if code == "unreadable-manifest":
                self.findings.append(Finding(level, code, _at(path, line), message, fix))

    def _include(self, source: str, path: str, include: Include) -> None:
        folder = path.rpartition("/")[0]
        if "://" in include.path:
            return
        places = [within(folder, include.path), within("", include.path.lstrip("./"))]
        found = next((place for place in places if place is not None and place in self._files), None)
        if found is None and (link := self._files.link_on(places[0] or "")):
            self._depend(source, self._files.node_of_any(link), path, include.line)
            return
        if found is None:
            self._missing(path, include.line, f"There is no {include.path}, which is to be taken in here.")
            return
        target = self._files.node_of_any(found)
        self._depend(source, target, path, include.line)
        if kind_of(found) is None:
            message = f"{found} is taken in here, but it is not called like a requirements file, so it is not read."
            fix = "Call it requirements-….txt, or put it in a folder requirements/."
            self.findings.append(Finding("warning", "unread-include", _at(path, include.line), message, fix))
        elif target == file_node(found) and found not in self._read and found in self._facts:
            self._add(target, found)

    def _targets(self, path: str, requirement: Requirement) -> Iterator[str]:
        if requirement.path:
            target = self._at_path(path, requirement)
            if target is not None:
                yield target
                return
        named = self._by_name.get(requirement.name, ()) if requirement.name else ()
        yield from (project.id for project in named)
        if requirement.path and not named:
            self._lost(path, requirement)
        elif requirement.is_member and not named:
            self._missing(
                path,
                requirement.line,
                f"{requirement.name} is to be a member of this workspace, and no project is called so.",
            )

    def _at_path(self, path: str, requirement: Requirement) -> str | None:
        """Return the node that a relative path leads to; a note where it leads there by the second reading only."""
        folder = path.rpartition("/")[0]
        exact = within(folder, requirement.path)
        if exact is not None and (target := self._there(exact)):
            return target
        plain = _without_dots(requirement.path)
        second = self._there(plain) if plain else None
        if second is None:
            second = self._by_suffix(requirement.path)
        if second is not None:
            written = _relative(folder, plain) if plain else requirement.path
            message = f"{requirement.path} leads nowhere from {folder or 'here'}; it is taken as {plain or second}."
            self.findings.append(
                Finding("note", "relative-requirement", _at(path, requirement.line), message, f"Write {written}")
            )
        return second

    def _there(self, place: str) -> str | None:
        """Return the node of a file or folder that exists."""
        if place in self._files:
            return self._files.node_of_any(place)
        if place not in self._files.folders:
            link = self._files.link_on(place)
            return self._files.node_of_any(link) if link else None
        owner = self._files.owner(place)
        return owner.id if owner is not None else file_node(f"{place}/" if place else "./")

    def _by_suffix(self, path: str) -> str | None:
        """Return the project that an absolute path ends with: somebody's checkout, or a path in an image."""
        if not path.startswith(("/", "~")):
            return None
        names = path.strip("/~").split("/")
        for start in range(len(names)):
            project = self._files.project_at("/".join(names[start:]))
            if project is not None and project.path:
                return project.id
        return None

    def _lost(self, path: str, requirement: Requirement) -> None:
        folder = path.rpartition("/")[0]
        if requirement.path.startswith(("/", "~", "$")) or within(folder, requirement.path) is None:
            message = f"{requirement.path} lies outside of the workspace: a change there is not seen."
            self.findings.append(Finding("warning", "outside-requirement", _at(path, requirement.line), message))
            return
        level: Literal["error", "warning"] = "warning" if requirement.path.endswith(_BUILT) else "error"
        self._missing(path, requirement.line, f"There is no {requirement.path}, which is required here.", level)

    def _missing(self, path: str, line: int, message: str, level: Literal["error", "warning"] = "error") -> None:
        fix = "Delete the line, or correct it."
        self.findings.append(Finding(level, "missing-requirement", _at(path, line), message, fix))

    def declares(self, source: str, target: str) -> bool:
        """Return whether a project declares another one, also by way of requirements files that it takes in."""
        seen, left = {source}, [source]
        while left:
            for node in self.declared.get(left.pop(), ()):
                if node == target:
                    return True
                if node.startswith("file:") and node not in seen:
                    if target in self._files.projects and self._is_in(node, target):
                        return True
                    seen.add(node)
                    left.append(node)
        return (source, target, "extra") in self._edges

    def _is_in(self, node: str, target: str) -> bool:
        folder = node.removeprefix("file:").removesuffix("/")
        return node.endswith("/") and self._files.projects[target].path.startswith(f"{folder}/")

    def best(self, project: Project) -> str:
        """Return the manifest that a project's requirement is best written into, or "" where there is none."""
        if project.kind == "module":
            return _best(self._root)
        return _best(path for path in self.own.get(project.id, ()) if path.rpartition("/")[0] == project.path)


def _best(paths: Iterable[str]) -> str:
    named = {path.rpartition("/")[2]: path for path in sorted(paths, reverse=True) if kind_of(path) != "node"}
    return next((named[name] for name in _BEST if name in named), next(iter(named.values()), ""))


def _is_manifest(path: str, said: Facts) -> bool:
    if not (said.requirements or said.includes or said.name or said.roots or said.faults):
        return False
    return kind_of(path) not in {"python", "dockerfile"}


def _at(path: str, line: int) -> str:
    return f"{path}:{line}" if line else path


def _without_dots(path: str) -> str:
    while path.startswith(("./", "../")):
        path = path.partition("/")[2]
    return "" if path.startswith(("/", "~")) or path in {".", ".."} else path.strip("/")


def _relative(folder: str, target: str) -> str:
    return "../" * (folder.count("/") + 1 if folder else 0) + target or "."
