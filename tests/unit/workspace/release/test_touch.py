"""A version reaches as far as the next project that has one."""

from __future__ import annotations

from decant_tools.workspace.model import Edge, Graph, Project, file_node
from decant_tools.workspace.release.touch import reach

API, EVERYTHING = file_node("shop/catalog/api.py"), file_node("./")
PROJECTS = (
    Project("lib", "base", "libs/base"),
    Project("lib", "common", "libs/common"),
    Project("module", "catalog", "shop/catalog"),
    Project("service", "shop", "shop", modules=("catalog",)),
    Project("service", "web", "services/web"),
)
GRAPH = Graph(
    PROJECTS,
    (
        Edge("service:shop", "module:catalog", "hosts", ""),
        Edge("module:catalog", API, "holds", ""),
        Edge(API, "lib:common", "import", ""),
        Edge("lib:common", "lib:base", "import", ""),
        Edge("service:web", EVERYTHING, "copy", ""),
        Edge(EVERYTHING, "service:shop", "copy", ""),
    ),
)
VERSIONED = {"lib:base", "lib:common", "service:shop", "service:web"}


def test_modules_and_files_are_a_services_own() -> None:
    found = reach(GRAPH, "service:shop", VERSIONED)
    assert found.own == {"service:shop", "module:catalog", API}
    assert found.needs == ("lib:common",)


def test_a_module_with_a_version_is_needed_and_no_longer_owned() -> None:
    found = reach(GRAPH, "service:shop", {*VERSIONED, "module:catalog"})
    assert (found.own, found.needs) == (frozenset({"service:shop"}), ("module:catalog",))


def test_an_image_of_everything_needs_what_was_pruned_for_it_alone() -> None:
    assert reach(GRAPH, "service:web", VERSIONED).needs == ()
