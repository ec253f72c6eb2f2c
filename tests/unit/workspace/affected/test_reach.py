"""Chains from what changed to what depends on it."""

from __future__ import annotations

from decant_tools.workspace.affected.reach import Seed, reach
from decant_tools.workspace.affected.selection import Step
from decant_tools.workspace.model import Edge, Graph, Project

CHANGE = Step("libs/a/x.py", "modified")


def graph(*edges: tuple[str, str] | tuple[str, str, str]) -> Graph:
    names = sorted({name for edge in edges for name in edge[:2] if not name.startswith("file:")})
    projects = [Project(name.partition(":")[0], name.partition(":")[2], name) for name in names]  # type: ignore[arg-type]
    made = [Edge(edge[0], edge[1], edge[2] if len(edge) > 2 else "import", f"{edge[0]}.py:1") for edge in edges]  # type: ignore[arg-type]
    return Graph(projects, sorted(made))


def seed(node: str, **options: bool) -> Seed:
    return Seed(node, (CHANGE, Step(node, "changed")), **options)


def test_everything_that_depends_on_a_change_is_reached_and_nothing_else() -> None:
    found = reach([seed("lib:a")], [graph(("lib:b", "lib:a"), ("service:s", "lib:b"), ("service:t", "lib:c"))])
    assert set(found) == {"lib:a", "lib:b", "service:s"}


def test_the_chain_is_the_shortest_and_begins_with_the_file() -> None:
    edges = graph(("lib:b", "lib:a"), ("lib:c", "lib:b"), ("service:s", "lib:c"), ("service:s", "lib:a", "manifest"))
    assert reach([seed("lib:a")], [edges])["service:s"] == (
        CHANGE,
        Step("lib:a", "changed"),
        Step("service:s", "manifest", "service:s.py:1"),
    )


def test_of_reasons_that_are_equally_short_the_one_that_tells_most_is_shown() -> None:
    edges = graph(*(("service:s", "lib:a", kind) for kind in ("copy", "import", "manifest")))
    assert reach([seed("lib:a")], [edges])["service:s"][-1].by == "import"


def test_a_seed_with_a_longer_reason_of_its_own_gets_the_shorter_one() -> None:
    long = Seed("service:s", (CHANGE, Step("a", "x"), Step("b", "x"), Step("service:s", "lock")))
    found = reach([long, seed("lib:a")], [graph(("service:s", "lib:a"))])
    assert [step.node for step in found["service:s"]] == ["libs/a/x.py", "lib:a", "service:s"]


def test_libs_that_need_each_other_end() -> None:
    found = reach([seed("lib:a")], [graph(("lib:a", "lib:b"), ("lib:b", "lib:a"), ("lib:a", "lib:a"))])
    assert set(found) == {"lib:a", "lib:b"}
    assert found["lib:a"] == (CHANGE, Step("lib:a", "changed"))


def test_two_graphs_are_walked_as_one() -> None:
    now, before = graph(("service:s", "lib:b")), graph(("lib:b", "lib:a"))
    assert set(reach([seed("lib:a")], [now, before])) == {"lib:a", "lib:b", "service:s"}


def test_a_change_that_only_its_own_tools_see_goes_no_further() -> None:
    edges = graph(("service:s", "lib:a"))
    assert set(reach([seed("lib:a", spreads=False)], [edges])) == {"lib:a"}
    assert set(reach([seed("lib:a", spreads=False), seed("lib:a")], [edges])) == {"lib:a", "service:s"}
    later = Seed("lib:a", (CHANGE, Step("x", "y"), Step("z", "y"), Step("lib:a", "lock")))
    assert set(reach([seed("lib:a", spreads=False), later], [edges])) == {"lib:a", "service:s"}


def test_kinds_that_are_left_out_lead_nowhere_but_what_a_project_consists_of_stays() -> None:
    edges = graph(("lib:b", "lib:a"), ("module:m", "file:m/x.py", "holds"), ("service:s", "module:m", "hosts"))
    assert set(reach([seed("lib:a")], [edges], frozenset({"manifest"}))) == {"lib:a"}
    assert set(reach([seed("file:m/x.py")], [edges], frozenset({"manifest"}))) == {
        "file:m/x.py",
        "module:m",
        "service:s",
    }


def test_files_of_modules_are_named_by_their_paths() -> None:
    edges = graph(("file:m/b.py", "file:m/a.py"), ("module:m", "file:m/b.py", "holds"))
    chain = reach([Seed("file:m/a.py", (Step("m/a.py", "added"),))], [edges])["module:m"]
    assert [step.node for step in chain] == ["m/a.py", "m/b.py", "module:m"]


def test_a_hub_of_many_is_walked_in_one_go() -> None:
    edges = graph(*((f"service:s{number:04}", "lib:a") for number in range(2000)))
    assert len(reach([seed("lib:a")], [edges])) == 2001
