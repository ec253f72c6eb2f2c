from __future__ import annotations

from pathlib import Path

import pytest

from decant_tools.workspace.view import open_view
from tests.unit.workspace.assemble.graphs import PLAIN, edges, graph_of
from tests.unit.workspace.repository import Repository

ORDERS = "service:orders"


def linked(to: str) -> list[tuple[str, ...]]:
    files = {**PLAIN, "shared/schema.json": "", "services/orders/own/x.py": ""}
    return edges(graph_of(files, symlinks={"services/orders/common": to}), ORDERS)


def test_what_a_link_leads_to_is_depended_on() -> None:
    assert linked("../../libs/db") == [("lib:db", "extra", "services/orders/common")]
    assert linked("../../libs/db/connection.py") == [("lib:db", "extra", "services/orders/common")]
    assert linked("../../shared/schema.json") == [("file:shared/schema.json", "extra", "services/orders/common")]
    assert linked("../../libs") == [("file:libs/", "extra", "services/orders/common")]


def test_links_that_stay_within_or_lead_nowhere_are_no_edges() -> None:
    for to in ("own", "../orders/own", "gone", "/etc", "../../../out", "../..", "common"):
        assert linked(to) == []


def test_links_of_a_real_repository_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECANT_HOME", str(tmp_path / "home"))
    repository = Repository(tmp_path / "repo")
    repository.write(PLAIN)
    (repository.root / "services/orders/common").symlink_to("../../libs/db")
    repository.commit()
    graph = open_view(repository.root).graph
    assert ("lib:db", "extra", "services/orders/common") in edges(graph, ORDERS)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("services/orders/app.py", "from common.helpers import x"),
        ("services/orders/app.py", "import common"),
        ("services/orders/Dockerfile", "COPY common /common"),
        ("services/orders/Dockerfile", "COPY common/helpers.py /"),
        ("services/orders/requirements.txt", "-e ../../common"),
        ("services/orders/requirements.txt", "-r ../../common/requirements.txt"),
    ],
)
def test_a_link_in_no_project_leads_on_to_what_it_means(path: str, text: str) -> None:
    for links in ({"common": "libs/db"}, {"common": "more", "more": "libs/db"}, {"common": "all/db", "all": "libs"}):
        graph = graph_of({**PLAIN, path: text}, symlinks=links)
        assert "lib:db" in graph.closure({ORDERS})
    assert edges(graph_of(PLAIN, symlinks={"common": "libs/db"})) == []  # nobody uses it


def test_a_link_to_a_manifest_is_one() -> None:
    files = {**PLAIN, "shared/requirements.txt": "../libs/db"}
    files.pop("services/orders/requirements.txt")
    graph = graph_of(files, symlinks={"services/orders/requirements.txt": "../../shared/requirements.txt"})
    assert "lib:db" in graph.closure({ORDERS})
