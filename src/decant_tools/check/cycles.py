"""Modules that import each other, in however many steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from decant_tools.check.imports import ImportGraph
from decant_tools.check.violations import Violation

STARTS = 50
"""Modules of one knot from which the shortest way around is looked for: each costs a walk through the knot."""


def cycle_violations(graph: ImportGraph) -> list[Violation]:
    """Return one violation per knot of modules, with the shortest way around."""
    return [_violation(graph, cycle) for cycle in find_cycles(graph.edges())]


def find_cycles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Return a shortest cycle of each strongly connected part (of a very large one, just a short one)."""
    cycles = []
    for knot in _knots(edges):
        inside = {module: edges.get(module, set()) & knot for module in knot}
        ways = (_way_back(start, inside) for start in sorted(knot)[:STARTS])
        cycles.append(min(ways, key=len))
    return sorted(cycles)


def _violation(graph: ImportGraph, cycle: list[str]) -> Violation:
    steps = [graph.between(cycle[i], cycle[(i + 1) % len(cycle)]) for i in range(len(cycle))]
    way = " -> ".join([f"{step.importer} (line {step.line})" for step in steps] + [cycle[0]])
    return Violation(steps[0].path, steps[0].line, "cycle", f"{way}: move what both need into a module of its own")


def _knots(edges: Mapping[str, set[str]]) -> Iterator[set[str]]:
    """Yield the strongly connected parts of more than one module (Kosaraju's algorithm, without recursion)."""
    backwards: dict[str, set[str]] = {}
    for source, targets in edges.items():
        for target in targets:
            backwards.setdefault(target, set()).add(source)
    done: set[str] = set()
    for start in reversed(_finishing_order(edges)):
        knot = _reachable(start, backwards, done)
        done |= knot
        if len(knot) > 1:
            yield knot


def _finishing_order(edges: Mapping[str, set[str]]) -> list[str]:
    order: list[str] = []
    seen: set[str] = set()
    for root in sorted(edges):
        stack = [(root, iter(sorted(edges[root])))] if root not in seen else []
        seen.add(root)
        while stack:
            node, targets = stack[-1]
            target = next((target for target in targets if target not in seen), None)
            if target is None:
                order.append(node)
                stack.pop()
            else:
                seen.add(target)
                stack.append((target, iter(sorted(edges.get(target, ())))))
    return order


def _reachable(start: str, edges: Mapping[str, set[str]], without: set[str]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node not in found and node not in without:
            found.add(node)
            waiting.extend(edges.get(node, ()))
    return found


def _way_back(start: str, edges: Mapping[str, set[str]]) -> list[str]:
    """Return the shortest way from ``start`` to itself, which exists inside a knot."""
    came_from: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for target in sorted(edges[node]):
            if target == start:
                return _path(start, node, came_from)
            if target not in came_from:
                came_from[target] = node
                waiting.append(target)
    return []


def _path(start: str, end: str, came_from: Mapping[str, str]) -> list[str]:
    path = [end]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return path[::-1]
