"""Which tasks are to run, and what each waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from decant.errors import CommandError
from decant_tools.workspace.tasks.model import Task, TaskId

Define = Callable[[TaskId], Task | None]
"""Returns the task of that name that a project has, or None."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Tasks, each after those that it needs.

    Attributes:
        tasks: In an order that can be run one by one.
        asked: Those that were asked for; the others are here because something needs them.
    """

    tasks: Mapping[TaskId, Task]
    asked: frozenset[TaskId]

    def dependents(self, failed: TaskId) -> list[TaskId]:
        """Return what needs a task, in any number of steps."""
        found = {failed}
        for task_id, task in self.tasks.items():  # needs come first, so one pass sees everything
            if found.intersection(task.needs):
                found.add(task_id)
        return [task_id for task_id in self.tasks if task_id in found and task_id != failed]


def make_plan(asked: Sequence[TaskId], define: Define) -> Plan:
    """Return the tasks that were asked for and those that they need.

    Args:
        asked: Tasks; one that its project does not have is left out.
        define: Knows the tasks.

    Raises:
        CommandError: When tasks wait for each other.
    """
    tasks: dict[TaskId, Task] = {}
    done: dict[TaskId, Task] = {}
    for wanted in asked:
        _visit(wanted, define, tasks, done)
    return Plan(done, frozenset(asked) & done.keys())


def _visit(wanted: TaskId, define: Define, tasks: dict[TaskId, Task], done: dict[TaskId, Task]) -> None:
    """Add a task after those that it needs; a stack of its own, because chains are as long as a workspace is deep."""
    path: list[TaskId] = []  # what waits for what, from the task that was asked for
    left: list[tuple[TaskId, bool]] = [(wanted, False)]
    waiting: set[TaskId] = set()
    while left:
        task_id, is_complete = left.pop()
        if is_complete:
            waiting.discard(path.pop())
            done[task_id] = tasks[task_id]
            continue
        if task_id in waiting:
            _refuse_cycle([*path[path.index(task_id) :], task_id])
        if task_id in done:
            continue
        task = tasks.get(task_id) or define(task_id)
        if task is None:
            continue
        tasks[task_id] = task
        path.append(task_id)
        waiting.add(task_id)
        left.append((task_id, True))
        left += [(need, False) for need in reversed(task.needs) if need not in done]


def _refuse_cycle(cycle: list[TaskId]) -> None:
    raise CommandError(
        f"These tasks wait for each other: {' → '.join(map(str, cycle))}.",
        hint="Take one of them out of `needs` in decant.toml.",
        exit_code=3,
    )


def groups_of(nodes: Iterable[str], targets: Callable[[str], Iterable[str]]) -> dict[str, int]:
    """Return the number of each node's group; nodes that reach each other are in one group.

    Args:
        nodes: All of them.
        targets: What a node leads to, among the nodes.

    Source:
        R. Tarjan, *Depth-first search and linear graph algorithms*, with a stack of its own.
    """
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    group: dict[str, int] = {}
    open_nodes: list[str] = []
    for root in nodes:
        if root in number:
            continue
        work = [(root, iter(targets(root)))]
        number[root] = low[root] = len(number)
        open_nodes.append(root)
        while work:
            node, left = work[-1]
            for other in left:
                if other not in number:
                    number[other] = low[other] = len(number)
                    open_nodes.append(other)
                    work.append((other, iter(targets(other))))
                    break
                if other not in group:
                    low[node] = min(low[node], number[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    while node not in group:
                        group[open_nodes.pop()] = number[node]
    return group
