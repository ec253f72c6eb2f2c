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
