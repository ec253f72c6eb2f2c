"""What a person should know about a graph: imports that nobody declares, declarations that nobody needs, cycles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from decant_tools.workspace.assemble.edges import Edges
from decant_tools.workspace.assemble.files import Files
from decant_tools.workspace.assemble.manifests import Manifests
from decant_tools.workspace.facts.kinds import kind_of
from decant_tools.workspace.model import Edge, Finding, Project

if TYPE_CHECKING:
    from decant_tools.workspace.facts.model import Facts

_NEEDS = frozenset({"manifest", "import", "extra"})


def check(edges: Edges, files: Files, facts: Mapping[str, Facts], manifests: Manifests) -> Iterator[Finding]:
    """Yield the findings that a whole graph gives.

    Args:
        edges: All of them.
        files: The workspace.
        facts: What its files say.
        manifests: Its manifests, read.
    """
    imports = list(_imports(edges, files))
    yield from _undeclared(imports, files, manifests)
    yield from _unused(imports, edges, files, manifests)
    yield from _sources(files, facts)
    yield from _cycles(edges, files)


def _imports(edges: Edges, files: Files) -> Iterator[tuple[Project, Project, str]]:
    """Yield each project that imports another one that is no module, and where; once for each such place."""
    for edge in edges:
        target = files.projects.get(edge.target)
        if edge.kind == "import" and target is not None and target.kind != "module":
            source = files.projects.get(edge.source) or files.owner(edge.source.removeprefix("file:"))
            if source is not None and source.id != target.id:
                yield source, target, edge.at


def _undeclared(imports: list[tuple[Project, Project, str]], files: Files, manifests: Manifests) -> Iterator[Finding]:
    hosts = {name: project.id for project in files.projects.values() for name in project.modules}
    told: set[tuple[str, str]] = set()  # where something is imported that is declared
    asked: dict[tuple[str, str], bool] = {}
    left: list[tuple[Project, Project, str]] = []
    for source, target, at in imports:
        speaker = hosts.get(source.name, source.id) if source.kind == "module" else source.id
        key = (speaker, target.id)
        if key not in asked:
            asked[key] = manifests.declares(*key)
        if asked[key]:
            told.add((source.id, at))
        else:
            left.append((source, target, at))
    seen: set[tuple[str, str]] = set()
    for source, target, at in sorted(left, key=lambda each: (each[0].id, _place(each[2]), each[1].id)):
        # of several that offer a name, the declared one is meant
        if (source.id, at) not in told and (source.id, target.id) not in seen:
            seen.add((source.id, target.id))
            message = f"{source.name} imports {target.name} and does not declare it."
            yield Finding("error", "undeclared-import", at, message, _fix(source, target, manifests))


def _place(at: str) -> tuple[str, int]:
    path, _, line = at.rpartition(":")
    return path, int(line) if line.isdigit() else 0


def _fix(source: Project, target: Project, manifests: Manifests) -> str:
    """Return the line that declares a project, and where it goes."""
    manifest = manifests.best(source)
    manifest = manifest or (f"{source.path}/" if source.path and source.kind != "module" else "") + "requirements.txt"
    folder = manifest.rpartition("/")[0]
    path = _relative(folder, target.path)
    kind = kind_of(manifest)
    if kind == "requirements":
        return f"Add this line to {manifest}: {path}"
    name = target.distribution or target.name
    if kind == "pyproject":
        where = f'and to [tool.uv.sources]: {name} = {{ path = "{path}" }}'
        return f'Add to the dependencies in {manifest}: "{name}", {where}'
    return f"Add to {manifest}: {name} (it lies in {path})"


def _relative(folder: str, target: str) -> str:
    ours, theirs = folder.split("/") if folder else [], target.split("/") if target else []
    while ours and theirs and ours[0] == theirs[0]:
        ours, theirs = ours[1:], theirs[1:]
    path = "/".join([".."] * len(ours) + theirs) or "."
    return path if path.startswith(".") else f"./{path}"


def _unused(
    imports: list[tuple[Project, Project, str]], edges: Edges, files: Files, manifests: Manifests
) -> Iterator[Finding]:
    used = {(source.id, target.id) for source, target, _ in imports}
    for source_id, declared in sorted(manifests.declared.items()):
        source = files.projects.get(source_id)
        if source is None or source.modules or source.path not in files.python:
            continue
        for target_id, (path, line) in sorted(declared.items()):
            target = files.projects.get(target_id)
            if target is None or not target.packages or (source_id, target_id) in used:
                continue
            if (source_id, target_id, "copy") not in edges and (source_id, target_id, "extra") not in edges:
                at = f"{path}:{line}" if line else path
                message = f"{source.name} declares {target.name} and never imports it."
                yield Finding("note", "unused-declaration", at, message, "Delete the line if nothing else needs it.")


def _sources(files: Files, facts: Mapping[str, Facts]) -> Iterator[Finding]:
    """Yield what the Python files of projects could not tell."""
    for path, said in facts.items():
        if not (said.dynamic or said.faults) or kind_of(path) not in {"python", "setup"} or files.owner(path) is None:
            continue
        for line in said.dynamic:
            message = "What is imported here is only known when it runs; what depends on it is not seen."
            fix = "If it is a project of this workspace, name it under needs in decant.toml."
            yield Finding("note", "dynamic-import", f"{path}:{line}", message, fix)
        for level, code, line, message, fix in said.faults:
            if code == "unreadable-source":
                yield Finding(level, code, f"{path}:{line}" if line else path, message, fix)


def _cycles(edges: Edges, files: Files) -> Iterator[Finding]:
    """Yield the groups of services and libs that need each other; modules may, by their contracts."""
    nodes = {node for node, project in files.projects.items() if project.kind != "module" and not project.modules}
    places: dict[tuple[str, str], Edge] = {}
    for edge in edges:
        if edge.kind in _NEEDS and edge.source in nodes and edge.target in nodes:
            places.setdefault((edge.source, edge.target), edge)
    links = _in_cycles(places)
    if not links:
        return
    from decant_tools.workspace.draw.cycles import cycles, way_round

    for group in cycles(links):
        way = way_round(group, links)
        names = " → ".join(files.projects[node].name for node in way)
        at = places[way[0], way[1]].at if (way[0], way[1]) in places else ""
        message = f"These need each other: {names}. None of them can be built, tested or released before the others."
        yield Finding("warning", "cycle", at, message, "Move what they share into a lib of its own.")


def _in_cycles(links: Mapping[tuple[str, str], object]) -> list[tuple[str, str]]:
    """Return the links that may be part of a cycle: those left once everything that needs nothing is taken away."""
    waits: dict[str, int] = defaultdict(int)
    needed_by: dict[str, list[str]] = defaultdict(list)
    for source, target in links:
        waits[source] += 1
        needed_by[target].append(source)
    free = [node for node in needed_by if not waits[node]]
    gone = set(free)
    while free:
        for node in needed_by[free.pop()]:
            waits[node] -= 1
            if not waits[node]:
                gone.add(node)
                free.append(node)
    return sorted((source, target) for source, target in links if source not in gone and target not in gone)
