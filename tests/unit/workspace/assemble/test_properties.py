"""What holds for every workspace, whatever is in it."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from decant_tools.workspace.assemble import build_graph
from decant_tools.workspace.discover import discover
from decant_tools.workspace.model import Graph
from decant_tools.workspace.tree import MemoryTree
from tests.unit.workspace.assemble.graphs import facts_of, graph_of

LIBS = ("alpha", "beta", "gamma")
SERVICES = ("one", "two")
LINES = [
    *(f"import {name}" for name in LIBS), *(f"from libs.{name} import part" for name in LIBS), "from . import part",
    "from services.one import part", "import part", "x = '", "import_module(x)", "from alpha.part import *", "import shared.a",
]  # fmt: skip
REQUIRED = [
    *(f"../../libs/{name}" for name in LIBS), *LIBS, "../libs/beta", "../../libs/gone", "-r ../../requirements.txt", "-e .",
    "!!", "-c ../one/requirements.txt", "../../services/two",
]  # fmt: skip
COPIED = [
    "COPY libs libs",
    "COPY . .",
    "COPY libs/alpha /x",
    "COPY services/*/part.py .",
    "COPY shared .",
    "COPY *.txt .",
]


def some(lines: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(lines), max_size=4).map(lambda each: "\n".join(each) + "\n")


@st.composite
def workspace(draw: st.DrawFn) -> dict[str, str]:
    files: dict[str, str] = {}
    for folder in [f"libs/{name}" for name in LIBS] + [f"services/{name}" for name in SERVICES]:
        if draw(st.integers(0, 5)):
            files[f"{folder}/app.py"] = draw(some(LINES))
            files[f"{folder}/part.py"] = draw(some(LINES))
        if draw(st.booleans()):
            files[f"{folder}/__init__.py"] = draw(some(LINES))
        if draw(st.booleans()):
            files[f"{folder}/requirements.txt"] = draw(some(REQUIRED))
        if draw(st.booleans()):
            files[f"{folder}/Dockerfile"] = draw(some(COPIED))
        if draw(st.booleans()):
            files[f"{folder}/pyproject.toml"] = draw(
                st.sampled_from(["[project]\nname='alpha'", "[", "", "[project]\ndependencies=['beta']"])
            )
    if draw(st.booleans()):
        files["shared/a.py"] = draw(some(LINES))
        files["requirements.txt"] = draw(some(REQUIRED))
    return files


def graph_in_order(files: dict[str, str], order: list[str]) -> Graph:
    tree = MemoryTree(files)
    facts = facts_of(files)
    return build_graph(order, discover(tree, folder="x"), {path: facts[path] for path in order if path in facts})


@settings(max_examples=50, deadline=None)
@given(workspace(), st.randoms(use_true_random=False))
def test_the_order_of_files_does_not_matter(files: dict[str, str], chance: random.Random) -> None:
    order = list(files)
    chance.shuffle(order)
    assert graph_in_order(files, order) == graph_of(files) or graph_in_order(files, order) == graph_in_order(
        files, list(files)
    )
    assert graph_in_order(files, order) == graph_in_order(files, sorted(files))


@settings(max_examples=50, deadline=None)
@given(workspace())
def test_every_edge_has_two_ends_a_place_and_no_double(files: dict[str, str]) -> None:
    graph = graph_of(files)
    keys = [edge[:3] for edge in graph.edges]
    assert len(set(keys)) == len(keys)
    assert list(graph.edges) == sorted(graph.edges)
    for edge in graph.edges:
        assert edge.source != edge.target
        assert edge.at.partition(":")[0] in files
        for node in (edge.source, edge.target):
            assert node in graph.projects or node.startswith("file:")


@settings(max_examples=50, deadline=None)
@given(workspace(), st.sampled_from(["libs/alpha", "services/one", "shared", "docs"]))
def test_a_file_that_nobody_refers_to_adds_no_edge_to_others(files: dict[str, str], folder: str) -> None:
    if not any(path.startswith(f"{folder}/") for path in files):
        return
    before, after = graph_of(files), graph_of({**files, f"{folder}/nobody_knows_me.txt.bak": "import alpha"})
    assert before.edges == after.edges


@settings(max_examples=50, deadline=None)
@given(workspace(), st.sampled_from(LIBS))
def test_an_import_more_takes_no_edge_away(files: dict[str, str], name: str) -> None:
    """Edges are a union: what is said in one place hides nothing that is said in another."""
    path = "services/one/app.py"
    if path not in files:
        return
    before = {edge[:3] for edge in graph_of(files).edges}
    after = {edge[:3] for edge in graph_of({**files, path: f"{files[path]}\nimport {name}\n"}).edges}
    assert before <= after


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from([f"{a}/{b}" for a in ("libs/a", "libs/b", "services/c", "x") for b in ("__init__.py", "setup.py", "pyproject.toml", "requirements.txt", "Dockerfile", "app.py", "package.json", "setup.cfg", "uv.lock", "Pipfile")]), st.text(max_size=60)))  # fmt: skip
def test_no_content_is_an_exception(files: dict[str, str]) -> None:
    graph_of({path: text.encode("utf-8", "replace").decode() for path, text in files.items()})
