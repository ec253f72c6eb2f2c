"""The order in which modules are initialised: what a module needs comes before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

from decant.errors import SetupError
from decant.modules.naming import suggest


def in_dependency_order(names: Iterable[str], dependencies: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """Return the names so that each comes after everything it depends on, otherwise as they were given.

    Args:
        names: All names, each once.
        dependencies: Returns the names that one depends on.

    Raises:
        SetupError: For a dependency that is not among the names, or a cycle, which is named.
    """
    places = {name: place for place, name in enumerate(names)}
    graph = {name: tuple(dependencies(name)) for name in places}
    _check_known(graph)
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = error.args[1][::-1]  # graphlib lists dependencies first
        raise SetupError(
            f"The modules depend on each other in a circle: {' -> '.join(cycle)}.",
            hint="Break it: let one of them publish an event that the other handles, or move what both need "
            "into a third module.",
        ) from None
    return tuple(_drain(sorter, places))


def _drain(sorter: TopologicalSorter[str], places: dict[str, int]) -> Iterator[str]:
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=places.__getitem__)
        yield from ready
        sorter.done(*ready)


def _check_known(graph: dict[str, tuple[str, ...]]) -> None:
    unknown = [(name, needed) for name, needs in graph.items() for needed in needs if needed not in graph]
    if unknown:
        name, needed = unknown[0]
        faults = "; ".join(f"{name!r} depends on {needed!r}" for name, needed in unknown)
        raise SetupError(f"There is no such module: {faults}.", hint=suggest(needed, set(graph) - {name}))
