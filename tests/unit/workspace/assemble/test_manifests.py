from __future__ import annotations

import pytest

from tests.unit.workspace.assemble.graphs import PLAIN, edges, finding, found, graph_of, links

ORDERS = "service:orders"
LIST = "services/orders/requirements.txt"


def required(text: str, path: str = LIST, **more: str) -> list[tuple[str, ...]]:
    return edges(graph_of({**PLAIN, path: text, **more}), ORDERS, "manifest")


@pytest.mark.parametrize(
    "line",
    [
        "../../libs/common_utils",
        "../../libs/common_utils/",
        "-e ../../libs/common_utils[extra]",
        "common-utils @ file:../../libs/common_utils",
        "common_utils",
        "Common.Utils>=1; python_version > '3'",
        "-r ../../libs/common_utils/requirements.txt",
        "-e file:///somebody/else/shop/libs/common_utils",
        "..\\..\\libs\\common_utils",
    ],
)
def test_every_way_to_require_a_lib_is_an_edge(line: str) -> None:
    more = {"libs/common_utils/requirements.txt": "flask"}
    assert required(f"flask\n{line}\n", **more) == [("lib:common_utils", "manifest", f"{LIST}:2")]


def test_a_path_as_tutorials_write_it_is_taken_from_the_workspace_with_a_note() -> None:
    graph = graph_of({**PLAIN, LIST: "../libs/common_utils\n"})
    assert edges(graph, ORDERS, "manifest") == [("lib:common_utils", "manifest", f"{LIST}:1")]
    note = finding(graph, "relative-requirement")
    assert (note.level, note.at, note.fix) == ("note", f"{LIST}:1", "Write ../../libs/common_utils")


def test_a_path_relative_to_the_workspace_is_understood_too() -> None:
    assert required("./libs/db\n") == [("lib:db", "manifest", f"{LIST}:1")]


@pytest.mark.parametrize(
    "line", ["../../libs/gone", "-e ../libs/gone", "gone @ file:../../libs/gone", "-r ../../gone.txt"]
)
def test_what_is_not_there_is_an_error(line: str) -> None:
    problem = finding(graph_of({**PLAIN, LIST: f"{line}\n"}), "missing-requirement")
    assert (problem.level, problem.at) == ("error", f"{LIST}:1")


def test_what_lies_outside_of_the_workspace_is_a_warning() -> None:
    assert finding(graph_of({**PLAIN, LIST: "../../../elsewhere\n"}), "outside-requirement").level == "warning"


def test_an_archive_that_is_not_built_yet_is_a_warning() -> None:
    assert finding(graph_of({**PLAIN, LIST: "../../dist/x-1.whl\n"}), "missing-requirement").level == "warning"


def test_names_of_distributions_count_before_names_of_folders() -> None:
    files = {
        **PLAIN,
        "libs/db/pyproject.toml": '[project]\nname = "acme-db"\n',
        "libs/redis/__init__.py": "",
        "services/users/requirements.txt": "redis\n",
    }
    assert links(graph_of({**files, LIST: "Acme_DB\n"}), "manifest") == {
        (ORDERS, "lib:db"),
        ("service:users", "lib:redis"),
    }
    assert links(graph_of({**files, LIST: "db\n"}), "manifest") == {("service:users", "lib:redis")}


def test_uv_sources_and_members_are_edges() -> None:
    text = """[project]
name = "orders"
dependencies = ["common-utils", "db", "gone"]
[tool.uv.sources]
common-utils = { path = "../../libs/common_utils" }
db = { workspace = true }
gone = { workspace = true }
"""
    graph = graph_of({**PLAIN, "services/orders/pyproject.toml": text})
    assert {target for target, *_ in edges(graph, ORDERS, "manifest")} == {"lib:common_utils", "lib:db"}
    assert "gone" in finding(graph, "missing-requirement").message


def test_manifests_of_tests_and_fixtures_are_not_the_project_s() -> None:
    files = {
        **PLAIN,
        "services/orders/tests/data/pyproject.toml": "[broken",
        "services/orders/tests/data/requirements.txt": "db",
        "services/orders/requirements/dev.txt": "common_utils",
        "tests/pyproject.toml": "[broken",
    }
    graph = graph_of(files)
    assert links(graph, "manifest") == {(ORDERS, "lib:common_utils")}
    assert found(graph, "unreadable-manifest") == []


def test_what_a_project_s_tests_need_it_needs() -> None:
    files = {**PLAIN, "services/orders/tests/requirements.txt": "-e ../../../libs/db"}
    assert links(graph_of(files), "manifest") == {(ORDERS, "lib:db")}


def test_requirements_in_no_project_are_nodes_of_those_who_take_them_in() -> None:
    files = {
        **PLAIN,
        LIST: "-r ../../requirements/base.txt\n",
        "services/users/requirements.txt": "-c ../../requirements/pins.txt\n",
        "requirements/base.txt": "-r more.txt\n",
        "requirements/more.txt": "-r base.txt\n../libs/db\n",
        "requirements/pins.txt": "flask==3\n",
    }
    graph = graph_of(files)
    assert links(graph, "manifest") == {
        (ORDERS, "file:requirements/base.txt"),
        ("file:requirements/base.txt", "file:requirements/more.txt"),
        ("file:requirements/more.txt", "file:requirements/base.txt"),
        ("file:requirements/more.txt", "lib:db"),
        ("service:users", "file:requirements/pins.txt"),
    }
    assert "lib:db" in graph.closure({ORDERS})


def test_a_list_with_an_odd_name_is_an_edge_and_a_warning() -> None:
    graph = graph_of({**PLAIN, LIST: "-r ../../base.txt\n", "base.txt": "db"})
    assert links(graph) == {(ORDERS, "file:base.txt")}
    assert finding(graph, "unread-include").level == "warning"


def test_a_broken_manifest_is_an_error_and_the_rest_of_the_graph_stands() -> None:
    files = {**PLAIN, "libs/db/pyproject.toml": "[project\n", "services/orders/app.py": "import db"}
    graph = graph_of(files)
    assert (ORDERS, "lib:db") in links(graph, "import")
    assert found(graph, "unreadable-manifest", "broken-manifest") == [
        ("unreadable-manifest", "libs/db/pyproject.toml:1")
    ]


def test_a_broken_manifest_of_the_workspace_is_told_once() -> None:
    graph = graph_of({**PLAIN, "pyproject.toml": "[project]\nname =\n"})
    assert found(graph) == [("unreadable-manifest", "pyproject.toml:2")]


def test_packages_of_javascript_are_named_apart_from_distributions() -> None:
    files = {
        **PLAIN,
        "libs/ui/package.json": '{"name": "flask"}',
        "libs/ui/setup.py": "",
        "services/orders/package.json": '{"dependencies": {"flask": "workspace:*"}}',
        "services/users/requirements.txt": "flask\n",
    }
    assert links(graph_of(files), "manifest") == {(ORDERS, "lib:ui")}


def test_what_the_workspace_installs_every_service_of_its_modules_has() -> None:
    files = {
        "decant.toml": '[workspace]\nname = "shop"\nmodules = "shop"\n',
        "shop/__init__.py": "",
        "shop/orders/__init__.py": "",
        "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["db"]\n',
        "libs/db/__init__.py": "",
    }
    assert links(graph_of(files), "manifest") == {("service:shop", "lib:db")}


def test_what_setuptools_takes_in_is_taken_in() -> None:
    text = '[tool.setuptools.dynamic]\ndependencies = { file = ["requirements-run.txt", "needed.txt"] }\n'
    beside = {"requirements-run.txt": "db\n", "needed.txt": "common_utils\n", "pyproject.toml": text}
    graph = graph_of({**PLAIN, **{f"services/orders/{name}": content for name, content in beside.items()}})
    assert links(graph) == {(ORDERS, "lib:db")}
    assert found(graph, "unread-include", "missing-requirement") == [
        ("unread-include", "services/orders/pyproject.toml:2")
    ]
    gone = graph_of({**PLAIN, "services/orders/pyproject.toml": text})
    assert len(found(gone, "missing-requirement")) == 2
