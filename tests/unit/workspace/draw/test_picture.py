"""What is drawn of a graph."""

from __future__ import annotations

import pytest

from decant.errors import CommandError
from decant_tools.workspace.draw import compose, find_cycles, resolve
from decant_tools.workspace.draw.picture import Picture
from decant_tools.workspace.model import Finding, Graph
from tests.unit.workspace.draw.graphs import graph, plain, project, shop

MONOLITH = {"shop": ["catalog", "orders", "payments", "web"]}
EACH = {name: [name] for name in MONOLITH["shop"]}


def drawn(picture: Picture) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(line.source, line.target, line.kinds) for line in picture.lines}


def test_lines_between_files_become_lines_between_their_modules() -> None:
    assert drawn(compose(shop(MONOLITH))) == {
        ("module:orders", "module:catalog", ("contract",)),
        ("module:orders", "module:payments", ("event",)),
        ("module:payments", "module:orders", ("event",)),
        ("module:web", "module:orders", ("contract",)),
    }


def test_what_a_module_reaches_through_a_file_of_nobody_says_where_it_begins() -> None:
    line = next(line for line in compose(shop(MONOLITH)).lines if line.source == "module:web")
    assert [edge.at for edge in line.edges] == ["shop/web/service.py:1"]


def test_a_service_of_several_modules_is_a_frame_and_of_one_a_word() -> None:
    together, apart = compose(shop(MONOLITH)), compose(shop(EACH))
    assert together.frames == (("service:shop", "shop"),)
    assert {box.frame for box in together.boxes} == {"service:shop"}
    assert apart.frames == ()
    assert {box.host for box in apart.boxes} == {f"service:{name}" for name in EACH}
    assert all(box.kind == "module" for box in (*together.boxes, *apart.boxes))


def test_a_service_that_others_need_is_a_box_in_its_frame() -> None:
    base = shop(MONOLITH)
    legacy = graph({"service:legacy": ["extra service:shop"]})
    both = Graph([*base.projects.values(), project("service:legacy")], [*base.edges, *legacy.edges])
    boxes = {box.id: box.frame for box in compose(both).boxes}
    assert boxes["service:shop"] == "service:shop"
    assert boxes["service:legacy"] == ""


def test_the_focus_keeps_what_it_needs_and_who_needs_it() -> None:
    found = compose(plain(), focus="lib:db")
    assert [each.id for each in found.projects] == ["lib:common", "lib:db", "service:orders", "service:users"]
    assert [box.id for box in compose(plain(), focus="service:products").boxes] == ["lib:common", "service:products"]


def test_the_focus_keeps_the_services_that_host_it() -> None:
    assert {each.id for each in compose(shop(EACH), focus="module:catalog").projects} >= {
        "service:catalog", "service:orders", "module:orders", "module:web",
    }  # fmt: skip


def test_the_focus_keeps_its_findings_only() -> None:
    findings = [
        Finding("error", "undeclared-import", "services/orders/app.py:3", "one"),
        Finding("error", "undeclared-import", "services/products/app.py:3", "other"),
    ]
    base = plain()
    both = Graph(base.projects.values(), base.edges, findings)
    assert [finding.message for finding in compose(both, focus="service:orders").findings] == ["one"]
    assert len(compose(both).findings) == 2


def test_what_has_changed_is_not_called_affected() -> None:
    found = compose(plain(), changed=frozenset({"lib:db"}), affected=frozenset({"lib:db", "service:orders"}))
    assert {box.id: box.state for box in found.boxes if box.state} == {
        "lib:db": "changed",
        "service:orders": "affected",
    }


def test_a_module_is_affected_with_the_service_that_serves_it_alone() -> None:
    found = compose(shop(EACH), affected=frozenset({"service:web"}))
    assert {box.id: box.state for box in found.boxes if box.state} == {"module:web": "affected"}


def test_events_make_no_cycle_and_imports_do() -> None:
    assert find_cycles(shop(MONOLITH)) == ()
    both = graph({"lib:a": ["lib:b"], "lib:b": ["manifest lib:a"], "service:x": ["lib:a"]})
    assert find_cycles(both) == (("lib:a", "lib:b"),)
    assert compose(both).ways() == [("a", "b", "a")]


def test_a_line_from_a_cycle_to_elsewhere_is_not_part_of_it() -> None:
    both = graph({"lib:a": ["lib:b"], "lib:b": ["lib:a", "lib:c"]})
    picture = compose(both)
    assert {(line.source, line.target) for line in picture.lines if picture.in_cycle(line)} == {
        ("lib:a", "lib:b"),
        ("lib:b", "lib:a"),
    }


def test_files_are_boxes_in_the_frame_of_their_module_when_asked_for() -> None:
    found = compose(shop(MONOLITH), files=True)
    names = {box.id: (box.name, box.frame) for box in found.boxes}
    assert names["file:shop/orders/service.py"] == ("service.py", "module:orders")
    assert names["file:shop/messages.py"] == ("messages.py", "")
    assert "module:orders" not in names
    assert ("file:shop/messages.py", "file:shop/orders/api.py", ("contract",)) in drawn(found)


def test_the_focus_on_a_file_keeps_its_neighbours() -> None:
    found = compose(shop(MONOLITH), focus="file:shop/orders/api.py", files=True)
    assert {box.name for box in found.boxes} == {"api.py", "messages.py", "service.py"}


@pytest.mark.parametrize("name", ["lib:db", "db", "libs/db", "libs/db/"])
def test_a_project_has_several_names(name: str) -> None:
    assert resolve(plain(), name) == "lib:db"


def test_a_file_is_named_by_its_path() -> None:
    assert resolve(shop(EACH), "shop/orders/api.py") == "file:shop/orders/api.py"


def test_a_name_of_a_module_and_its_only_service_means_the_module() -> None:
    assert resolve(shop(EACH), "orders") == "module:orders"


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(CommandError, match="No project is called 'ordres'") as caught:
        resolve(plain(), "ordres")
    assert caught.value.exit_code == 4
    assert caught.value.hint == "Did you mean 'orders'?"


def test_a_name_of_two_is_refused_with_both() -> None:
    with pytest.raises(CommandError, match="Several projects") as caught:
        resolve(graph({"service:a": ["lib:a"]}), "a")
    assert "lib:a, service:a" in str(caught.value.hint)
