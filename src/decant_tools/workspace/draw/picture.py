"""What is drawn: boxes, lines between them, and the frames of services that host modules.

A graph has a node for every file of a module. A picture of 200 files helps nobody, so lines between files become lines
between the modules that hold them, unless the files are asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

from decant_tools.workspace.draw.cycles import cycles, way_round
from decant_tools.workspace.model import Edge, EdgeKind, Finding, Graph, Project, file_node

State = Literal["", "changed", "affected"]
INNER: frozenset[EdgeKind] = frozenset({"holds", "hosts", "ships"})
"""Edges that say what a project consists of: frames, and no lines."""

LIGHT: frozenset[EdgeKind] = frozenset({"event"})
"""Edges that make no cycle: to listen to each other is how two modules get rid of one."""

ORDER: tuple[EdgeKind, ...] = ("contract", "event", "import", "manifest", "copy", "extra", "hosts", "holds", "ships")
"""Of several reasons between two boxes, the first decides how the line looks."""

_FILE = file_node("")


class Box(NamedTuple):
    """One thing in the picture.

    Attributes:
        id: Its node in the graph.
        kind: ``service``, ``lib``, ``module`` or ``file``.
        name: What is written large.
        path: Where it lies, relative to the workspace.
        frame: The node whose frame it stands in, or "".
        state: Whether it has changed, or is affected by what has.
        host: The service that serves this module and no other, or "".
    """

    id: str
    kind: str
    name: str
    path: str
    frame: str = ""
    state: State = ""
    host: str = ""


class Line(NamedTuple):
    """That a box depends on another one, and every reason."""

    source: str
    target: str
    edges: tuple[Edge, ...]

    @property
    def kinds(self) -> tuple[EdgeKind, ...]:
        """The kinds of its reasons, the weightiest first."""
        return tuple(sorted({edge.kind for edge in self.edges}, key=ORDER.index))


@dataclass(frozen=True)
class Picture:
    """Everything that a format draws.

    Attributes:
        projects: The projects that it is about, sorted by id.
        boxes: What is drawn, sorted by id.
        lines: What depends on what, sorted; no box depends on itself.
        frames: Services (or, where files are drawn, modules) around boxes: node and label.
        between: What depends on what among projects; the same as ``lines``, where no files are drawn.
        edges: What a program is told: the reasons of all lines, and which service hosts what.
        cycles: Projects that need each other, each group sorted.
        changed: Nodes that have changed.
        affected: Nodes that are affected by those.
        findings: What a person should know.
    """

    projects: tuple[Project, ...]
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    frames: tuple[tuple[str, str], ...]
    between: tuple[Line, ...]
    edges: tuple[Edge, ...]
    cycles: tuple[tuple[str, ...], ...]
    findings: tuple[Finding, ...]
    changed: frozenset[str] = frozenset()
    affected: frozenset[str] = frozenset()

    def state(self, *nodes: str) -> State:
        """Return whether one of some nodes has changed, or else is affected."""
        return (
            "changed" if self.changed.intersection(nodes) else "affected" if self.affected.intersection(nodes) else ""
        )

    def states(self) -> frozenset[str]:
        """Return which states occur."""
        return frozenset(box.state for box in self.boxes if box.state)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The name of each node: of its kind there is no other."""
        return {each.id: each.name for each in self.projects} | {box.id: box.name for box in self.boxes}

    def in_cycle(self, line: Line) -> bool:
        """Tell whether a line is part of a cycle."""
        is_weighty = any(kind not in LIGHT for kind in line.kinds)
        return is_weighty and any({line.source, line.target} <= set(group) for group in self.cycles)

    def faults(self) -> list[Finding]:
        """Return what is wrong: errors that were found, and cycles."""
        found = [finding for finding in self.findings if finding.level == "error"]
        for way in self.ways():
            message = f"{' → '.join(way)} need each other."
            fix = "Move what both use into a lib, or let one publish an event."
            found.append(Finding("error", "cycle", self._where(way), message, fix))
        return found

    def _where(self, way: tuple[str, ...]) -> str:
        """Return where the first step of a way round a cycle is written."""
        for line in self.between:
            if (self.names[line.source], self.names[line.target]) == way[:2]:
                return next(edge.at for edge in line.edges if edge.kind not in LIGHT)
        return ""

    def ways(self) -> list[tuple[str, ...]]:
        """Return a shortest way round each cycle, by names; it ends where it begins."""
        links = [(line.source, line.target) for line in self.between if any(kind not in LIGHT for kind in line.kinds)]
        return [tuple(self.names[node] for node in way_round(group, links)) for group in self.cycles]


def lines_between(graph: Graph) -> tuple[Line, ...]:
    """Return what depends on what among projects; files stand for the modules that hold them.

    What a module needs through files that no module holds (those of the package beside the modules) counts as needed by
    the module itself. What a service ships is left out: it ships the package's own files whether it needs them or not.
    """
    owner = _owners(graph)
    found: dict[tuple[str, str], dict[Edge, bool]] = defaultdict(dict)
    for edge in graph.edges:
        source = owner.get(edge.source)
        if source is None or edge.kind in {"holds", "ships"}:
            continue
        for last in _owned(graph, edge, owner):
            target = owner[last.target]
            if target != source:
                known = found[source, target]
                made = Edge(source, target, last.kind, edge.at)
                known[made] = known.get(made, True) and _is_door(last)
    return tuple(Line(*ends, _weighty(edges)) for ends, edges in sorted(found.items()))


def _weighty(edges: Mapping[Edge, bool]) -> tuple[Edge, ...]:
    """Return reasons without those that come along with others: who imports a file runs its packages' ``__init__``."""
    return tuple(edge for edge, is_door in edges.items() if not is_door) or tuple(edges)


def _owners(graph: Graph) -> Mapping[str, str]:
    """Return the project of each node; files that nobody holds have none."""
    owners = {name: name for name in graph.projects}
    owners |= {edge.target: edge.source for edge in graph.edges if edge.kind == "holds"}
    return owners


def _owned(graph: Graph, edge: Edge, owner: Mapping[str, str]) -> Iterator[Edge]:
    """Yield the edges that lead from an edge's source to a project, through files that belong to none."""
    left, seen = [edge], {edge.target}
    while left:
        each = left.pop()
        if each.target in owner:
            yield each
            continue
        for further in graph.out_of.get(each.target, ()):
            if further.target not in seen:
                seen.add(further.target)
                left.append(further)


def find_cycles(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """Return the groups of projects that need each other, sorted; events do not count."""
    return _cycles(lines_between(graph))


def _cycles(lines: Iterable[Line]) -> tuple[tuple[str, ...], ...]:
    return cycles([(line.source, line.target) for line in lines if set(line.kinds) - LIGHT])


def compose(
    graph: Graph,
    *,
    roots: Iterable[str] = (),
    focus: str | None = None,
    changed: frozenset[str] = frozenset(),
    affected: frozenset[str] = frozenset(),
    files: bool = False,
) -> Picture:
    """Return the picture of a graph.

    Args:
        graph: The workspace.
        roots: Nodes: only they and what they need are in the picture; all of it without any.
        focus: A node: only it, what it needs and who needs it are in the picture.
        changed: Nodes that have changed.
        affected: Nodes that are affected; those that have changed are drawn as such.
        files: Whether the files of modules are boxes of their own.
    """
    lines = lines_between(graph)
    kept = set(graph.projects) if focus is None else _around(focus, lines, graph)
    roots = tuple(roots)
    if roots:
        kept &= _small(lines).closure(_owners(graph).get(root, root) for root in roots)
    projects = tuple(project for project in graph.projects.values() if project.id in kept)
    between = tuple(line for line in lines if {line.source, line.target} <= kept)
    boxes, drawn, frames = _of_files(graph, focus, kept) if files else _of_projects(graph, projects, between)
    told = _between_files(graph, boxes, projects) if files else [edge for line in between for edge in line.edges]
    picture = Picture(
        projects=projects,
        boxes=boxes,
        lines=drawn,
        frames=frames,
        between=tuple(_without_inner(line) for line in between if set(line.kinds) - INNER),
        edges=tuple(sorted(told)),
        cycles=tuple(group for group in _cycles(lines) if kept.issuperset(group)),
        findings=graph.findings if len(projects) == len(graph.projects) else _about(graph.findings, projects),
        changed=changed,
        affected=affected,
    )
    return replace(picture, boxes=tuple(box._replace(state=picture.state(box.id, box.host)) for box in boxes))


def _between_files(graph: Graph, boxes: Iterable[Box], projects: Iterable[Project]) -> list[Edge]:
    """Return all edges among boxes, and which service hosts what."""
    shown = {box.id for box in boxes} | {project.id for project in projects}
    kept = [edge for edge in graph.edges if edge.kind not in {"holds", "ships"}]
    return [edge for edge in kept if {edge.source, edge.target} <= shown]


def _around(focus: str, lines: Iterable[Line], graph: Graph) -> set[str]:
    owner = _owners(graph).get(focus, focus)
    small = _small(lines)
    return small.closure({owner}) | small.dependents({owner})


def _small(lines: Iterable[Line]) -> Graph:
    """Return the graph of projects alone."""
    return Graph((), (edge for line in lines for edge in line.edges))


def _about(findings: Iterable[Finding], projects: Iterable[Project]) -> tuple[Finding, ...]:
    """Return what was found in the folders of some projects."""
    folders = tuple(f"{project.path}/" if project.path else "" for project in projects)
    return tuple(finding for finding in findings if finding.at.startswith(folders))


_Parts = tuple[tuple[Box, ...], tuple[Line, ...], tuple[tuple[str, str], ...]]


def _of_projects(graph: Graph, projects: tuple[Project, ...], lines: tuple[Line, ...]) -> _Parts:
    """Return projects as boxes; a service that hosts modules is a frame, or a word in the box of its only module."""
    drawn = tuple(_without_inner(line) for line in lines if set(line.kinds) - INNER)
    linked = {end for line in drawn for end in (line.source, line.target)}
    hosts = _hosts(graph, projects)
    alone = {nodes[0]: host for host, nodes in hosts.items() if len(nodes) == 1 and host not in linked}
    frames = tuple((host, graph.projects[host].name) for host in hosts if host not in alone.values())
    inside = {node: host for host, _ in frames for node in (host, *hosts[host])}
    boxes = tuple(
        Box(each.id, each.kind, each.name, each.path, inside.get(each.id, ""), host=alone.get(each.id, ""))
        for each in projects
        if each.id not in hosts or each.id in linked
    )
    return boxes, tuple(_without_inner(line) for line in drawn), frames


def _without_inner(line: Line) -> Line:
    """Return a line without the reasons that say what a project consists of."""
    return line._replace(edges=tuple(edge for edge in line.edges if edge.kind not in INNER))


def _hosts(graph: Graph, projects: Iterable[Project]) -> dict[str, list[str]]:
    """Return the modules that each service hosts, of those that are in the picture."""
    shown = {project.id for project in projects}
    found: dict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        if edge.kind == "hosts" and {edge.source, edge.target} <= shown:
            found[edge.source].append(edge.target)
    return dict(sorted(found.items()))


def _of_files(graph: Graph, focus: str | None, kept: set[str]) -> _Parts:
    """Return the files of modules as boxes in the frame of their module, and all else as it is."""
    edges = [edge for edge in graph.edges if edge.kind not in INNER and edge.source != edge.target]
    holder = {edge.target: edge.source for edge in graph.edges if edge.kind == "holds"}
    linked = {end for edge in edges for end in (edge.source, edge.target)}
    beside = linked - {*graph.projects, *holder}
    nodes = {node for node in {*graph.projects, *holder, *linked} if holder.get(node, node) in kept or node in beside}
    if focus is not None:
        small = Graph((), edges)
        start = {focus, *(node for node, owner in holder.items() if owner == focus)}
        nodes = small.closure(start) | small.dependents(start)
    empty = {*holder.values(), *(edge.source for edge in graph.edges if edge.kind == "hosts")} - linked
    boxes = tuple(_box(node, graph, holder) for node in sorted(nodes - empty))
    framed = {box.frame for box in boxes if box.frame}
    found: dict[tuple[str, str], list[Edge]] = defaultdict(list)
    for edge in _without_doors(edges):
        if {edge.source, edge.target} <= nodes:
            found[edge.source, edge.target].append(edge)
    lines = tuple(Line(*ends, tuple(reasons)) for ends, reasons in sorted(found.items()))
    return boxes, lines, tuple((node, graph.projects[node].name) for node in sorted(framed))


def _without_doors(edges: Iterable[Edge]) -> Iterator[Edge]:
    """Yield edges without those to an ``__init__`` that only run because something below it is imported."""
    edges = list(edges)
    reached: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        if not _is_door(edge):
            reached[edge.source].add(edge.target)
    for edge in edges:
        below = edge.target.removesuffix("__init__.py")
        if not _is_door(edge) or not any(target.startswith(below) for target in reached[edge.source]):
            yield edge


def _is_door(edge: Edge) -> bool:
    return edge.kind == "import" and edge.target.endswith("/__init__.py")


def _box(node: str, graph: Graph, holder: Mapping[str, str]) -> Box:
    project = graph.projects.get(node)
    if project is not None:
        return Box(node, project.kind, project.name, project.path, node if node in holder.values() else "")
    path = node.removeprefix(_FILE)
    owner = graph.projects.get(holder.get(node, ""))
    inside = path.removeprefix(f"{owner.path}/") if owner is not None else path.rpartition("/")[2]
    return Box(node, "file", inside, path, owner.id if owner is not None else "")
