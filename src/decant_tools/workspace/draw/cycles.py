"""Which nodes of a directed graph need each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator


def cycles(links: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Return the strongly connected components of more than one node, each sorted, and all sorted.

    Args:
        links: Pairs of (from, to).

    Source: Tarjan, "Depth-First Search and Linear Graph Algorithms" (1972), without recursion.
    """
    after: dict[str, list[str]] = defaultdict(list)
    for source, target in links:
        after[source].append(target)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[tuple[str, ...]] = []
    for root in sorted(after):
        if root in index:
            continue
        work: list[tuple[str, Iterator[str]]] = [(root, iter(after[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, left = work[-1]
            following = next((each for each in left if each not in index or each in on_stack), None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    found += _component(node, stack, on_stack)
            elif following in index:
                low[node] = min(low[node], index[following])
            else:
                index[following] = low[following] = len(index)
                stack.append(following)
                on_stack.add(following)
                work.append((following, iter(after.get(following, ()))))
    return tuple(sorted(found))


def _component(node: str, stack: list[str], on_stack: set[str]) -> list[tuple[str, ...]]:
    """Take a finished component off the stack; a node by itself is none."""
    at = stack.index(node)
    group = stack[at:]
    del stack[at:]
    on_stack.difference_update(group)
    return [tuple(sorted(group))] if len(group) > 1 else []


def way_round(group: Iterable[str], links: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return a shortest way from the first node of a cycle back to it, both ends included.

    Args:
        group: One of :func:`cycles`.
        links: Pairs of (from, to).
    """
    members = sorted(group)
    after: dict[str, list[str]] = defaultdict(list)
    for source, target in sorted(links):
        if source in members and target in members:
            after[source].append(target)
    ways: list[tuple[str, ...]] = [(members[0],)]
    seen: set[str] = set()
    while ways:
        further = [(*way, each) for way in ways for each in after[way[-1]] if each not in seen]
        for way in further:
            if way[-1] == members[0]:
                return way
            seen.add(way[-1])
        ways = further
    return tuple(members)
