from __future__ import annotations

import pytest

from tests.unit.workspace.assemble.graphs import PLAIN, edges, graph_of, links

ORDERS = "service:orders"


def copied(*lines: str, **more: str) -> set[str]:
    files = {**PLAIN, "services/orders/Dockerfile": "FROM x\n" + "\n".join(lines), **more}
    return {target for target, *_ in edges(graph_of(files), ORDERS, "copy")}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("COPY libs/db /libs/db", {"lib:db"}),
        ("COPY libs/db/connection.py .", {"lib:db"}),
        ("ADD libs/db/ libs/common_utils/ /libs/", {"lib:db", "lib:common_utils"}),
        ('COPY ["libs/db", "/libs/db"]', {"lib:db"}),
        ("COPY libs/d* /libs/", {"lib:db"}),
        ("COPY libs/*/helpers.py /x", {"lib:common_utils"}),
        ("COPY services/orders/ .", set()),
        ("COPY . .", set()),
        ("COPY app.py .", set()),
        ("COPY --from=build libs/db /x", set()),
        ("COPY gone /x", set()),
        ("RUN --mount=type=bind,source=libs/db,target=/x true", {"lib:db"}),
    ],
)
def test_what_an_image_copies_it_depends_on(line: str, expected: set[str]) -> None:
    assert copied(line) == expected


def test_a_folder_of_libs_is_all_of_them() -> None:
    files = {**PLAIN, "services/orders/Dockerfile": "FROM x\nCOPY libs/ libs/\n"}
    graph = graph_of(files)
    assert graph.closure({ORDERS}) == {ORDERS, "file:libs/", "lib:common_utils", "lib:db"}
    assert edges(graph, ORDERS, "copy") == [("file:libs/", "copy", "services/orders/Dockerfile:2")]


def test_what_exists_for_either_build_context_counts() -> None:
    assert copied("COPY data/x.json .", **{"services/orders/data/x.json": "", "data/x.json": ""}) == {
        "file:data/x.json"
    }


def test_a_folder_in_no_project_is_a_node_with_its_python_files() -> None:
    files = {
        **PLAIN,
        "services/orders/Dockerfile": "COPY shared/ /shared/",
        "shared/money.py": "import db",
        "shared/rates.json": "",
    }
    assert graph_of(files).closure({ORDERS}) == {ORDERS, "file:shared/", "file:shared/money.py", "lib:db"}


def test_who_copies_all_from_the_workspace_has_all_of_it() -> None:
    files = {**PLAIN, "services/orders/Dockerfile": "COPY services/orders/requirements.txt .\nCOPY . ."}
    closure = graph_of(files).closure({ORDERS})
    assert closure == {ORDERS, "file:./", "lib:common_utils", "lib:db", "service:users"}


def test_a_dockerfile_in_no_project_is_nobody_s() -> None:
    assert links(graph_of({**PLAIN, "docker/x.Dockerfile": "COPY libs libs"})) == set()


def test_a_build_context_may_lie_between_the_project_and_the_workspace() -> None:
    files = {
        "backend/services/orders/app.py": "",
        "backend/services/orders/Dockerfile": "COPY libs/db /db\nCOPY proto /proto\n",
        "backend/libs/db/db.py": "",
        "backend/proto/a.proto": "",
    }
    assert links(graph_of(files)) == {(ORDERS, "lib:db"), (ORDERS, "file:backend/proto/")}
    more = {**files, "backend/services/orders/Dockerfile": "COPY services/orders /app\nCOPY . .\n"}
    assert (ORDERS, "file:backend/") in links(graph_of(more))


def test_a_build_context_may_be_a_folder_of_libs() -> None:
    assert copied("COPY db /db") == {"lib:db"}
    assert copied("COPY db /db", **{"services/orders/db/x.sql": ""}) == set()


def test_a_dockerfile_in_no_project_is_that_of_the_services_that_it_copies() -> None:
    text = "COPY services/orders /app\nCOPY libs/db /db\nCOPY certs/ca.pem /\nCOPY . .\n"
    graph = graph_of({**PLAIN, "deploy/orders/Dockerfile": text, "certs/ca.pem": ""})
    node = "file:deploy/orders/Dockerfile"
    assert links(graph) == {(ORDERS, node), (node, "lib:db"), (node, "file:certs/ca.pem")}


@pytest.mark.parametrize(
    "line", ["ARG S\nCOPY services/$S /app", "COPY services/ /app", "COPY services/*/app.py /app/"]
)
def test_a_dockerfile_of_all_services_makes_none_of_them_depend_on_another(line: str) -> None:
    node = "file:Dockerfile"
    found = links(graph_of({**PLAIN, "Dockerfile": f"{line}\nCOPY libs/ /libs/\n"}))
    assert {(ORDERS, node), ("service:users", node), (node, "file:libs/")} <= found
    assert (ORDERS, "service:users") not in found


def test_whatever_lies_everywhere_is_the_project_s_own() -> None:
    assert copied("COPY * /app/", "COPY *.py /app/", **{"conftest.py": ""}) == set()
    assert "file:libs/" in copied("COPY * /app/", "COPY services/orders /app")
    assert copied("COPY *.json /app/", **{"data.json": ""}) == {"file:data.json"}


def test_projects_within_a_project_are_copied_with_it() -> None:
    files = {"app.py": "", "requirements.txt": "", "Dockerfile": "COPY . .", "libs/db/db.py": ""}
    assert "lib:db" in graph_of(files).closure({"service:shop"})
