from __future__ import annotations

from tests.unit.workspace.assemble.graphs import PLAIN, edges, graph_of

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
