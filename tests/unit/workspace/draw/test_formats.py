"""The graph in each of its formats."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decant.errors import CommandError
from decant_tools.workspace.draw import FORMATS, MOST_BOXES, Format, render
from decant_tools.workspace.model import Edge, Graph, Project
from tests.unit.workspace.draw.graphs import graph, plain, shop

NS = {"svg": "http://www.w3.org/2000/svg"}
LOOP = graph({"lib:a": ["lib:b"], "lib:b": ["lib:a"], "service:x": ["lib:a"]})


def test_text_names_what_each_project_depends_on_and_repeats_nothing() -> None:
    assert render(plain(), "text") == (
        "service orders\n"
        "├─ lib common (import)\n"
        "└─ lib db (manifest)\n"
        "   └─ lib common (import)\n"
        "service products\n"
        "└─ lib common (import)\n"
        "service users\n"
        "├─ lib common (import)\n"
        "└─ lib db (copy) (above)\n"
    )


def test_text_says_what_a_service_hosts() -> None:
    shown = render(shop({"shop": ["catalog", "orders"], "pay": ["payments"], "web": ["web"]}), "text")
    assert shown.startswith("service shop: catalog, orders\n\n")
    assert "module web\n" in shown
    assert "└─ module orders (contract)\n" in shown


def test_text_marks_what_changed_and_calls_out_cycles() -> None:
    shown = render(LOOP, "text", changed=frozenset({"lib:b"}), affected=frozenset({"service:x", "lib:a"}))
    assert "service x [affected]\n└─ lib a (import) [affected]\n   └─ lib b (import) [changed]\n" in shown
    assert shown.endswith("\ncycle: a → b → a\n")


def test_text_writes_projects_that_only_need_each_other() -> None:
    shown = render(graph({"lib:a": ["lib:b"], "lib:b": ["lib:a"]}), "text")
    assert shown.startswith("lib a\n└─ lib b (import)\n   └─ lib a (import) (above)\n")


def test_text_of_a_long_chain_needs_no_deep_stack() -> None:
    links = {f"lib:l{number:04d}": [f"lib:l{number + 1:04d}"] for number in range(2_000)}
    assert render(graph(links), "text").count("\n") == 2_001


def test_text_of_an_empty_workspace_says_so() -> None:
    assert render(Graph([], []), "text") == "No projects.\n"


def test_json_is_one_document_of_a_known_shape() -> None:
    found = json.loads(render(LOOP, "json", changed=frozenset({"lib:b"})))
    assert list(found) == ["schema", "projects", "edges", "findings", "cycles"]
    assert found["schema"] == 1
    assert found["projects"][1] == {
        "id": "lib:b", "kind": "lib", "name": "b", "path": "libs/b", "distribution": "", "modules": [], "state": "changed",
    }  # fmt: skip
    assert found["edges"][0] == {"source": "lib:a", "target": "lib:b", "kind": "import", "at": "a/app.py:3"}
    assert found["cycles"] == [["lib:a", "lib:b"]]


def test_json_keeps_the_services_that_are_frames() -> None:
    found = json.loads(render(shop({"shop": ["catalog", "orders", "payments", "web"]}), "json"))
    assert {each["id"] for each in found["projects"]} >= {"service:shop", "module:web"}
    hosted = [edge["target"] for edge in found["edges"] if edge["kind"] == "hosts"]
    assert hosted == ["module:catalog", "module:orders", "module:payments", "module:web"]


def test_json_has_the_edges_between_files_when_asked_for() -> None:
    found = json.loads(render(shop({"shop": ["catalog", "orders", "payments", "web"]}), "json", files=True))
    assert {
        "source": "file:shop/orders/service.py", "target": "file:shop/catalog/api.py", "kind": "contract",
        "at": "shop/orders/service.py:4",
    } in found["edges"]  # fmt: skip


def test_svg_says_in_words_what_it_shows() -> None:
    picture = ET.fromstring(render(plain(), "svg", changed=frozenset({"lib:db"})))
    assert picture.get("role") == "img"
    title, desc = picture.find("svg:title", NS), picture.find("svg:desc", NS)
    assert title is not None
    assert desc is not None
    assert picture.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text == "What depends on what: 3 services, 2 libs"
    assert "service orders depends on common, db." in str(desc.text)
    assert "lib db (changed) depends on common." in str(desc.text)


def test_svg_draws_kinds_of_lines_differently_and_explains_only_those() -> None:
    shown = render(plain(), "svg")
    assert len(set(re.findall(r'stroke-dasharray="([^"]+)"', shown))) == 2
    for words in ("imports", "only declares", "copies in a Dockerfile"):
        assert f">{words}</text>" in shown
    assert "decant.toml" not in shown
    assert "part of a cycle" not in shown


def test_svg_tells_kinds_and_states_apart_without_colour() -> None:
    shown = render(plain(), "svg", changed=frozenset({"lib:db"}), affected=frozenset({"service:orders"}))
    for words in ("lib, changed · libs/db", "service, affected · services/orders", "service · services/users"):
        assert words in shown


def test_svg_calls_out_cycles() -> None:
    shown = render(LOOP, "svg")
    assert ">cycle: a → b → a</text>" in shown
    assert shown.count('<g class="cycle"><') == 1  # the legend's
    assert len(re.findall(r'^<g class="cycle">', shown, re.MULTILINE)) == 3


def test_svg_is_one_file_without_scripts_or_references() -> None:
    shown = render(plain(), "svg")
    assert "prefers-color-scheme: dark" in shown
    assert not re.search(r"<script|href|url\(|@import", shown)
    assert re.findall(r"https?://[^\"]+", shown) == ["http://www.w3.org/2000/svg"]


def test_too_many_boxes_are_refused_with_a_way_out() -> None:
    many = graph({f"lib:l{number}": [] for number in range(MOST_BOXES + 1)})
    with pytest.raises(CommandError, match="301 boxes") as caught:
        render(many, "svg")
    assert "--focus" in str(caught.value.hint)
    assert render(many, "svg", focus="l7").count('class="box"') == 2  # its own and the legend's


def test_dot_has_frames_as_clusters_and_cycles_in_red() -> None:
    assert 'subgraph cluster_0 {\n    label="shop";' in render(
        shop({"shop": ["catalog", "orders"], "web": ["web"]}), "dot"
    )
    shown = render(LOOP, "dot")
    assert shown.startswith("// cycle: a → b → a\n")
    assert '"lib:a" -> "lib:b" [style=solid, tooltip="import", color="#c0281c", penwidth=2];' in shown
    assert '"service:x" -> "lib:a" [style=solid, tooltip="import"];' in shown


def test_mermaid_numbers_its_nodes_and_styles_what_is_special() -> None:
    shown = render(graph({"service:end": ["lib:subgraph"], "lib:subgraph": ["lib:end"]}), "mermaid")
    assert '(["service end"])' in shown
    loop = render(LOOP, "mermaid", changed=frozenset({"lib:a"}))
    assert loop.startswith("flowchart LR\n  %% cycle: a → b → a\n")
    assert "linkStyle 0,1 stroke:#c0281c" in loop
    assert "class n0 changed" in loop


@given(st.text(st.characters(codec=None), min_size=1, max_size=60), st.sampled_from(FORMATS))
def test_any_name_can_be_drawn(name: str, chosen: Format) -> None:
    projects = [Project("lib", name, f"libs/{name}"), Project("service", "x", "x")]
    shown = render(Graph(projects, [Edge("service:x", f"lib:{name}", "import", f"{name}:1")]), chosen)
    shown.encode()
    if chosen == "svg":
        ET.fromstring(shown)
    if chosen == "json":
        assert json.loads(shown)["projects"][0]["name"] == name
    if chosen == "dot":
        assert all(line.count('"') % 2 == 0 for line in re.sub(r"\\.", "", shown).splitlines())


@given(st.integers(3, 60), st.randoms(use_true_random=False))
def test_a_name_never_leaves_its_box(count: int, random) -> None:
    names = ["x" * random.randint(1, 80) for _ in range(count)]
    projects = [Project("lib", f"{name}{number}", f"libs/{name}{number}") for number, name in enumerate(names)]
    picture = ET.fromstring(render(Graph(projects, []), "svg"))
    for group in picture.iterfind(".//svg:g[@class='lib']", NS):
        box, texts = group.find("svg:rect", NS), group.findall("svg:text", NS)
        for text in texts:
            cell = 14 * 0.605 if text.get("class") == "name" else 11 * 0.605
            end = float(str(text.get("x"))) + len(str(text.text)) * cell
            assert box is not None
            assert end <= float(str(box.get("x"))) + float(str(box.get("width"))) - 8
