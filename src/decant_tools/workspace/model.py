"""What a monorepo consists of, as values: projects, what depends on what, and what was found on the way.

This package knows nothing of Flask and imports nothing of ``decant`` on its hot path: ``decant affected`` answers in
about the time that git itself takes, so what is imported here is paid for by every call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Literal, NamedTuple

Kind = Literal["service", "lib", "module"]

EdgeKind = Literal[
    "manifest",  # requirements, pyproject, lock file, editable install
    "import",  # a static import, in functions and under TYPE_CHECKING too
    "contract",  # an import of another module's contract
    "event",  # an import of another module's event
    "copy",  # COPY or ADD in a Dockerfile
    "extra",  # declared in decant.toml: files, needs
    "holds",  # a module and its own files
    "hosts",  # a service and its modules
    "ships",  # a service and files that every service ships: the package's own, the __init__ of other modules
]


class Project(NamedTuple):
    """A service, a lib or a module.

    Attributes:
        kind: What it is.
        name: The folder's name; a service of a topology has the name that the topology gives it. Unique within a kind.
        path: Its folder, relative to the workspace, with ``/``; "" is the workspace itself. A service of a topology has
            the path of the package that holds its modules.
        roots: Folders, relative to the workspace, that its imports start from: its own one, its ``src``, …
        packages: The dotted names that others import it by, and the folder or file of each.
        distribution: The normalised name of its distribution (PEP 503), or "".
        modules: Which modules a service hosts; empty for all else.
        is_found: Whether it was found by convention and not declared in ``decant.toml``.
    """

    kind: Kind
    name: str
    path: str
    roots: tuple[str, ...] = ()
    packages: tuple[tuple[str, str], ...] = ()
    distribution: str = ""
    modules: tuple[str, ...] = ()
    is_found: bool = True

    @property
    def id(self) -> str:
        """The name of its node in the graph, for instance ``lib:common_utils``."""
        return f"{self.kind}:{self.name}"


def file_node(path: str) -> str:
    """Return the name of a module's file in the graph.

    Args:
        path: Relative to the workspace.
    """
    return f"file:{path}"


class Edge(NamedTuple):
    """Something that depends on something.

    Attributes:
        source: The node that depends: a project's id, or the :func:`file_node` of a module's file.
        target: The node that it depends on.
        kind: Why.
        at: Where that is written: ``services/orders/app.py:3``; a bare path where there is no line.
    """

    source: str
    target: str
    kind: EdgeKind
    at: str


class Finding(NamedTuple):
    """Something about the workspace that a person should know.

    Attributes:
        level: ``error`` is wrong and has a fix; ``warning`` may be wrong; ``note`` is worth knowing.
        code: A stable name, for instance ``undeclared-import``.
        at: ``services/orders/app.py:3``.
        message: What it is.
        fix: What to do about it, or "".
    """

    level: Literal["error", "warning", "note"]
    code: str
    at: str
    message: str
    fix: str = ""


class Graph:
    """Projects, the files of modules, and what depends on what.

    A lib or a foreign service is one node, whichever of its files is meant: its data files are read by paths that
    nobody can see. The Python files of a module, and those of the package beside the modules, are nodes of their own,
    so that a module's inside can change without touching those who only know its contract.

    Args:
        projects: All projects, sorted by id.
        edges: What depends on what, sorted, without doubles of (source, target, kind).
        findings: What a person should know.
    """

    def __init__(self, projects: Iterable[Project], edges: Iterable[Edge], findings: Iterable[Finding] = ()) -> None:
        self.projects: Mapping[str, Project] = {project.id: project for project in projects}
        self.edges = tuple(edges)
        self.findings = tuple(findings)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graph):
            return NotImplemented
        mine, theirs = (tuple(self.projects.items()), self.edges), (tuple(other.projects.items()), other.edges)
        return mine == theirs and self.findings == other.findings

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def into(self) -> Mapping[str, list[Edge]]:
        """The edges that lead to each node: who depends on it."""
        found: dict[str, list[Edge]] = defaultdict(list)
        for edge in self.edges:
            found[edge.target].append(edge)
        return found

    @cached_property
    def out_of(self) -> Mapping[str, list[Edge]]:
        """The edges that leave each node: what it depends on."""
        found: dict[str, list[Edge]] = defaultdict(list)
        for edge in self.edges:
            found[edge.source].append(edge)
        return found

    def closure(self, nodes: Iterable[str]) -> set[str]:
        """Return nodes and everything that they depend on, in any number of steps."""
        return self._reach(nodes, forwards=True)

    def dependents(self, nodes: Iterable[str]) -> set[str]:
        """Return nodes and everything that depends on them, in any number of steps."""
        return self._reach(nodes, forwards=False)

    def _reach(self, nodes: Iterable[str], *, forwards: bool) -> set[str]:
        found = set(nodes)
        left = list(found)
        steps = self.out_of if forwards else self.into
        while left:
            for edge in steps.get(left.pop(), ()):
                other = edge.target if forwards else edge.source
                if other not in found:
                    found.add(other)
                    left.append(other)
        return found
