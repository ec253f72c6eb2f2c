"""Ten thousand packages: the work grows with the number of files and no faster."""

from __future__ import annotations

import time

import pytest

from decant_tools.workspace.assemble import build_graph
from decant_tools.workspace.discover import discover
from decant_tools.workspace.facts import extract
from decant_tools.workspace.model import Graph
from decant_tools.workspace.tree import MemoryTree
from tests.unit.workspace.assemble.graphs import facts_of


def many(count: int) -> dict[str, str]:
    files: dict[str, str] = {}
    for number in range(count):
        lib = f"libs/lib{number:05}"
        files[f"{lib}/__init__.py"] = f"import os\nfrom lib{number // 2:05} import part\n" if number else ""
        files[f"{lib}/part.py"] = "import sys\n"
        service = f"services/service{number:05}"
        files[f"{service}/app.py"] = f"import flask\nfrom libs.lib{number:05} import part\n"
        files[f"{service}/requirements.txt"] = f"flask\n../../libs/lib{number:05}\n"
        files[f"{service}/Dockerfile"] = "FROM x\nCOPY libs/ libs/\n"
    return files


def build(count: int) -> tuple[Graph, float]:
    files = many(count)
    tree = MemoryTree(files)
    facts, paths, discovery = facts_of(files), list(tree.files), discover(tree, folder="x")
    start = time.process_time()
    return build_graph(paths, discovery, facts), time.process_time() - start


def test_a_thousand_services_and_as_many_libs_are_one_graph_of_linear_size() -> None:
    graph, seconds = build(1_000)
    assert len(graph.projects) == 2_000
    assert len(graph.edges) == 999 + 1_000 * 4
    assert seconds < 3


@pytest.mark.slow
def test_ten_times_as_many_projects_take_about_ten_times_as_long() -> None:
    graph, seconds = build(500)
    larger, more_seconds = build(5_000)
    assert len(larger.projects) == 10 * len(graph.projects)
    assert more_seconds < 30 * seconds


def test_four_thousand_modules_are_read_in_about_a_second() -> None:
    body = "".join(f"def f{number}(a: int) -> str:\n    return f'x {{a}} {number}'  # why\n\n" for number in range(12))
    source = f'"""What it does."""\n\nimport os\nfrom typing import Any\nfrom lib import part\n\n{body}'.encode()
    start = time.process_time()
    for _ in range(4_000):
        extract("a.py", source)
    assert time.process_time() - start < 4
