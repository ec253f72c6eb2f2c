from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.errors import CommandError
from decant_tools.workspace.tasks.model import Task, TaskId
from decant_tools.workspace.tasks.order import Plan, groups_of, make_plan

Needs = dict[int, list[int]]
NODES = range(12)
acyclic = st.fixed_dictionaries({node: st.lists(st.sampled_from(range(node + 1)), max_size=4) for node in NODES}).map(
    lambda needs: {node: [each for each in others if each != node] for node, others in needs.items()}
)
any_graph = st.fixed_dictionaries({node: st.lists(st.sampled_from(NODES), max_size=3) for node in NODES})


def task_id(node: int) -> TaskId:
    return TaskId(f"lib:n{node}", "test")


def plan_of(needs: Needs, asked: list[int]) -> Plan:
    def define(wanted: TaskId) -> Task | None:
        node = int(wanted.project.removeprefix("lib:n"))
        if node not in needs:
            return None
        return Task(wanted, f"n{node}", "", ("true",), needs=tuple(task_id(each) for each in needs[node]))

    return make_plan([task_id(node) for node in asked], define)


@given(acyclic, st.lists(st.sampled_from(NODES), min_size=1))
def test_a_task_comes_after_everything_that_it_needs_and_nothing_else_is_added(needs: Needs, asked: list[int]) -> None:
    plan = plan_of(needs, asked)
    order = list(plan.tasks)
    reached, left = set(asked), list(asked)
    while left:
        new = set(needs[left.pop()]) - reached
        reached |= new
        left += new
    assert set(order) == {task_id(node) for node in reached}
    for task in plan.tasks.values():
        assert all(order.index(need) < order.index(task.id) for need in task.needs)
    assert plan.asked == {task_id(node) for node in asked}


@given(any_graph)
def test_tasks_that_wait_for_each_other_are_refused_and_named(needs: Needs) -> None:
    groups = groups_of(NODES, lambda node: needs[int(node)])  # type: ignore[arg-type, index]
    sizes = list(groups.values())
    is_cyclic = any(sizes.count(group) > 1 for group in sizes) or any(node in needs[node] for node in NODES)
    if not is_cyclic:
        assert len(plan_of(needs, list(NODES)).tasks) == len(NODES)
        return
    with pytest.raises(CommandError) as raised:
        plan_of(needs, list(NODES))
    assert raised.value.exit_code == 3
    named = raised.value.detail.split(": ", 1)[1].rstrip(".").split(" → ")
    assert named[0] == named[-1]
    numbers = [int(name.split("#")[0].removeprefix("lib:n")) for name in named]
    assert all(after in needs[before] for before, after in pairwise(numbers))


@given(any_graph)
def test_nodes_are_in_one_group_exactly_when_they_reach_each_other(edges: Needs) -> None:
    names = {str(node): [str(other) for other in others] for node, others in edges.items()}

    def reach(start: str) -> set[str]:
        found, left = {start}, [start]
        while left:
            new = set(names[left.pop()]) - found
            found |= new
            left += new
        return found

    groups = groups_of(names, names.__getitem__)
    assert groups.keys() == names.keys()
    for one in names:
        for other in names:
            assert (groups[one] == groups[other]) == (other in reach(one) and one in reach(other))


def test_a_long_chain_needs_no_deep_stack() -> None:
    length = 5000
    plan = plan_of({node: [node - 1] if node else [] for node in range(length)}, [length - 1])
    assert list(plan.tasks) == [task_id(node) for node in range(length)]


def test_what_a_project_does_not_have_is_left_out() -> None:
    plan = plan_of({0: [7]}, [0, 9])
    assert list(plan.tasks) == [task_id(0)]
    assert plan.asked == {task_id(0)}


def test_dependents_are_those_that_wait_in_any_number_of_steps() -> None:
    plan = plan_of({0: [], 1: [0], 2: [1], 3: []}, [0, 1, 2, 3])
    assert plan.dependents(task_id(0)) == [task_id(1), task_id(2)]
