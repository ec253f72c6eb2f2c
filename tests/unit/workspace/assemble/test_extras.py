from __future__ import annotations

from tests.unit.workspace.assemble.graphs import PLAIN, edges, graph_of

ORDERS = "service:orders"


def extras(table: str, **more: str) -> list[tuple[str, ...]]:
    files = {**PLAIN, "decant.toml": f'[workspace]\nname = "shop"\n\n[services.orders]\n{table}\n', **more}
    return edges(graph_of(files), ORDERS, "extra")


def test_declared_projects_and_files_are_edges_with_their_line() -> None:
    more = {"proto/a.proto": "", "proto/v1/b.proto": "", "proto/README": "", "sql/1/x.sql": ""}
    table = 'files = ["proto/**/*.proto", "sql", "libs/db/*.py"]\nneeds = ["users"]'
    assert extras(table, **more) == [
        ("file:proto/a.proto", "extra", "decant.toml:5"),
        ("file:proto/v1/b.proto", "extra", "decant.toml:5"),
        ("file:sql/1/x.sql", "extra", "decant.toml:5"),
        ("lib:db", "extra", "decant.toml:5"),
        ("service:users", "extra", "decant.toml:5"),
    ]


def test_a_glob_that_matches_nothing_and_one_that_is_broken_make_no_edge() -> None:
    assert extras('files = ["gone/*.x", "libs/[z-a]/x", "**", "app.py/x"]'[:-1].replace(', "**"', "") + "]") == []


def test_everything_below_a_folder_may_be_named_with_stars() -> None:
    assert extras('files = ["libs/**"]') == [
        ("lib:common_utils", "extra", "decant.toml:5"),
        ("lib:db", "extra", "decant.toml:5"),
    ]
